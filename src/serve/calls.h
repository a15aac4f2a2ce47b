/* calls.h - the system calls that a process may still make: a filter of the kernel's (seccomp). */
#ifndef MO_SERVE_CALLS_H
#define MO_SERVE_CALLS_H

#include "base/base.h"

/* Can the kernel filter? Else errno tells why not. */
bool mo_calls_can(void);
/* From now on this thread and what it starts makes the calls of calls.def only. Needs "no new
 * privileges". For ever. */
bool mo_calls_limit(mote_error *err);

#endif
