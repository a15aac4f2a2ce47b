/* load.h - an app's modules and folders -> functions that workers can serve.
 *
 *   mo_app --mo_load--> artifacts from the cache or compiled, folders opened --> mo_loaded
 *
 * Made in the supervisor before its workers are forked, which then have the same pages: a
 * worker maps no code and opens nothing by name. Modules of one file are one artifact, a
 * folder that is granted often is one descriptor. Of a function that nobody called yet there
 * is nothing but its rows here and the address space of its artifact. */
#ifndef MO_SERVE_LOAD_H
#define MO_SERVE_LOAD_H

#include "mote/cache.h"
#include "mote/engine.h"
#include "serve/app/app.h"
#include "serve/function/function.h"

/* How modules become artifacts. */
typedef struct mo_loader {
    mote_engine *engine;
    mote_cache *cache;         /* NULL: everything is compiled */
    const char *const *flags;  /* for the compiler */
    size_t nflags;
    mote_cache_maker *compile; /* what the cache has not; its bytes are mote_compiler_free_bytes()d */
    void *data;
    void (*tell)(void *data, const char *line); /* of what is left out; may be NULL */
} mo_loader;

typedef struct mo_loaded {
    const mo_app *app;
    mo_function *functions; /* by the app's index */
    uint32_t nbroken;       /* that answer 503 */
    struct mo_load_tables *tables;
} mo_loaded;

/* NULL: a folder cannot be opened, or a module cannot be served and app->on_module_error
 * says to refuse; err names it. app must outlive what is loaded.
 * before: artifacts of files that have not changed since are taken over; or NULL. */
mo_loaded *mo_load(const mo_app *app, const mo_loader *loader, const mo_loaded *before, mote_error *err);
void mo_loaded_free(mo_loaded *loaded); /* NULL is fine */

#endif
