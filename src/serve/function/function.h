/* function.h - what a request is served by: an artifact, what it is granted, its limits, and
 * the kind of program that it is. One table in the supervisor; each worker has the programs. */
#ifndef MO_SERVE_FUNCTION_H
#define MO_SERVE_FUNCTION_H

#include "mote/pool.h"
#include "serve/app/app.h"
#include "serve/function/request.h"
#include "wasi/wasi.h"

/* A kind of function: how a request becomes a call, and what came of it an answer. */
typedef struct mo_function_kind {
    const char *name;
    bool (*begin)(mo_request *r);  /* before the guest runs; false: r->err says why not */
    const char *entry;             /* the export that is called */
    void (*finish)(mo_request *r); /* after it, whatever came of it: answers */
} mo_function_kind;
extern const mo_function_kind mo_function_cgi;

/* A folder of the host's, open, that functions are granted. */
typedef struct mo_granted {
    const char *host;
    bool writable;
    mo_desc desc;
} mo_granted;

typedef struct mo_function {
    const mo_app_function *app; /* its name, tenant and limits */
    const mo_function_kind *kind;
    mote_artifact *artifact;    /* NULL: it could not be loaded; answer 503 */
    const mo_granted *const *folders; /* of app->folders */
} mo_function;

#endif
