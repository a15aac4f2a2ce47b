/* calls.h - the system calls that a worker may still make. */
#ifndef MO_SERVE_CALLS_H
#define MO_SERVE_CALLS_H

#include "base/base.h"

/* From now on: those of calls.def, and what calls.c says of arguments (base/filter.h). */
bool mo_calls_limit(mote_error *err);

#endif
