/* function.h - what a request is served by: an artifact, what it is granted, its limits, and
 * the kind of program that it is. One table in the supervisor; each worker has the programs. */
#ifndef MO_SERVE_FUNCTION_H
#define MO_SERVE_FUNCTION_H

#include "mote/pool.h"
#include "serve/app.h"
#include "serve/request.h"

/* A kind of function: how a request becomes a call, and what came of it an answer. */
typedef struct mo_function_kind {
    const char *name;
    bool (*begin)(mo_request *r);  /* before the guest runs; false: r->err says why not */
    const char *entry;             /* the export that is called */
    void (*finish)(mo_request *r); /* after it, whatever came of it: answers */
} mo_function_kind;
extern const mo_function_kind mo_function_cgi;

typedef struct mo_function {
    const mo_app_function *app; /* its name, tenant and limits */
    const mo_function_kind *kind;
    mote_artifact *artifact;
    const mote_wasi *model; /* arguments, environment, folders */
} mo_function;

#endif
