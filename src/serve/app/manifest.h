/* manifest.h - a file of YAML -> an app, or an error with its line and what was wanted there. */
#ifndef MO_SERVE_MANIFEST_H
#define MO_SERVE_MANIFEST_H

#include "serve/app/app.h"

#include <stdio.h>

/* text: the file's bytes; path: for errors, and where relative paths begin. Opens nothing. The
 * app's routes do not conflict. On failure *ret is not written. */
bool mo_manifest_read(mo_span text, const char *path, mo_app *ret, mote_error *err);
bool mo_manifest_load(const char *path, mo_app *ret, mote_error *err);
/* The keys that there are, as JSON Schema. */
bool mo_manifest_print_schema(FILE *to);

#endif
