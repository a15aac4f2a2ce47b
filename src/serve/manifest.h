/* manifest.h - a file of YAML -> an app, or an error with its line and what was wanted there. */
#ifndef MO_SERVE_MANIFEST_H
#define MO_SERVE_MANIFEST_H

#include "serve/app.h"

/* text: the file's bytes; path: for errors, and what relative paths are relative to. Opens nothing. */
bool mo_manifest_read(mo_span text, const char *path, mo_app *ret, mote_error *err);
bool mo_manifest_load(const char *path, mo_app *ret, mote_error *err);

#endif
