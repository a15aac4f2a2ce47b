/* app.h - what is served, as data: listeners, tenants, functions, routes.
 *
 *   words or a manifest -> mo_app -> functions with artifacts (load.h) -> workers
 *
 * Made once, in the supervisor, before anything is opened or started; then nobody changes
 * it, and workers see the same pages. A reload makes another. Names and indexes are those
 * of this app: functions[i].tenant is an index of tenants. Strings live in the app's arena. */
#ifndef MO_SERVE_APP_H
#define MO_SERVE_APP_H

#include "base/base.h"
#include "mote/limits.h"

typedef struct mo_app_variable {
    const char *name, *value;
} mo_app_variable;

typedef struct mo_app_folder {
    const char *host, *guest;
    bool writable;
    uint32_t line; /* of the manifest, for errors; 0: of the command's words */
} mo_app_folder;

/* Of each request of a function. MOTE_NO_LIMIT: none. */
typedef struct mo_app_limits {
    uint64_t wall_us, cpu_us;
    uint64_t memory_bytes, stack_bytes;
    uint64_t body_bytes;   /* that a request may bring                  */
    uint64_t output_bytes; /* that an answer may have, head and body    */
    uint64_t log_bytes;    /* that a request may write to standard error */
    uint64_t fuel;         /* of code that was compiled to count it      */
} mo_app_limits;

/* How many may be under way at once, over all workers together; more wait, in the order in
 * which they came, for timeouts.queue_ns; those beyond that are refused with 503.
 * MO_NO_SHARE: as many as there are. */
#define MO_NO_SHARE UINT32_MAX
typedef struct mo_app_share {
    uint32_t requests, queue;
} mo_app_share;

typedef struct mo_app_tenant {
    const char *name;
    mo_app_share share; /* of all its functions together */
    bool isolate;       /* workers of its own */
    uint32_t line;
} mo_app_tenant;

typedef struct mo_app_function {
    const char *name;
    const char *module; /* a path: .wasm or .mote; relative ones are the manifest's folder's */
    uint32_t tenant;
    const char **args; /* argv[0] first */
    uint32_t nargs, nvariables, nfolders;
    mo_app_variable *variables;
    mo_app_folder *folders;
    mo_app_limits limits;
    mo_app_share share;
    uint32_t line;
} mo_app_function;

/* The most specific one that fits serves a request (route.h). */
typedef struct mo_app_route {
    const char *host;   /* lower case, without port; "*.example.org": any below; NULL: any */
    const char *method; /* NULL: any */
    const char *path;   /* decoded, begins with '/' */
    bool prefix;        /* and what is below: "/a" is a prefix of "/a" and "/a/b", not of "/ab" */
    uint32_t function;
    uint32_t line;
} mo_app_route;

/* What workers are confined to (isolate.h): as far as the kernel can, with a warning where it cannot; all or nothing;
 * nothing but the user. */
typedef enum mo_isolation_level { MO_ISOLATION_AUTO, MO_ISOLATION_STRICT, MO_ISOLATION_OFF } mo_isolation_level;
typedef enum mo_log_format { MO_LOG_JSON, MO_LOG_COMBINED } mo_log_format;
typedef enum mo_on_module_error { MO_MODULE_ERROR_REFUSE, MO_MODULE_ERROR_SKIP } mo_on_module_error;

typedef struct mo_app_timeouts {
    uint64_t idle_ns;  /* of a connection between requests        */
    uint64_t head_ns;  /* from a request's first byte to its head */
    uint64_t move_ns;  /* while nothing of a body moves           */
    uint64_t queue_ns; /* that a request waits for its turn       */
    uint64_t drain_ns; /* from the order to end, to the end       */
} mo_app_timeouts;

typedef struct mo_app {
    mo_arena arena;
    const char *path; /* of the manifest, or NULL */
    const char **listeners; /* "127.0.0.1:8080", "[::1]:0" */
    const char *admin;      /* where health, readiness and metrics are: "127.0.0.1:9090", or NULL */
    const char *control;    /* path of the Unix socket of `mote ctl`, or NULL */
    const char *user;       /* whom workers run as: "name" or "name:group"; NULL: who started them */
    mo_isolation_level isolation;
    const char **proxies;   /* whose X-Forwarded-* is believed: "10.0.0.0/8", "::1" */
    const char *access_log; /* a path, "-" (standard output), or NULL: none */
    const char *error_log;  /* a path, or NULL: standard error */
    mo_log_format log_format;
    mo_on_module_error on_module_error;
    uint32_t workers;       /* 0: as many as there are processors */
    uint32_t slots;         /* instances of a worker, lent and idle, of all functions */
    uint32_t nlisteners, nproxies, ntenants, nfunctions, nroutes;
    mo_app_tenant *tenants;
    mo_app_function *functions;
    mo_app_route *routes;
    mo_app_timeouts timeouts;
    uint64_t slice_us; /* after which a guest that computes lets others run */
} mo_app;

/* 127.0.0.1:8080; one tenant, "default", with no share of its own; no function. On failure nothing is left. */
bool mo_app_init(mo_app *app, mote_error *err);
/* 30 s, 128 MiB, 16 MiB of a body, 64 KiB of a log. */
mo_app_limits mo_app_limits_default(void);
mo_app_share mo_app_share_default(void); /* of a function: 256 at once, 1024 that wait */
void mo_app_release(mo_app *app);

#endif
