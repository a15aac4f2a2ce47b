/* serve.h - a module that answers HTTP.
 *
 *   socket -> conn.c -> http1.c (http.c, http_body.c) -> request.c -> cgi.c -> the guest
 *             bytes     framing                          method, fields, body, answer
 *
 * Connection, protocol and request are three layers: one connection may one day carry many
 * requests, and its bytes be encrypted. Each speaks to the next by its header only:
 *
 *   app/       what is served, as data; a manifest of YAML -> an app; routes
 *   loop/      epoll, timers, tasks on fibers, slices, threads for calls that take long
 *   http/      connections; HTTP/1.1 as bytes and on a connection; who is at the other end
 *   function/  an app -> functions; a function in one worker; a request; CGI
 *   record/    what all workers count, metrics, logs, and the processes that tell and write them
 *   isolate/   what a worker may still do
 *   process/   the supervisor, generations, workers, sockets, `mote ctl`, systemd
 *
 * Processes: the supervisor keeps sockets and knows nothing of what is served; for each
 * (re)load it starts a generation, which loads it and is the parent of its workers. */
#ifndef MO_SERVE_SERVE_H
#define MO_SERVE_SERVE_H

#include "base/base.h"
#include "mote/mote.h"
#include "serve/app/app.h"

enum { MO_SERVE_ADDRESSES = 16, MO_SERVE_WORKERS = 256, MO_SERVE_BACKLOG = 1024 };

struct mo_function;
struct mo_routes;

/* What outlives it is the caller's: the server only looks at it. */
typedef struct mo_serve_config {
    mote_engine *engine;
    const mo_app *app;
    const struct mo_function *functions; /* of the app's, by the same index (load.h) */
    const struct mo_routes *routes;
    struct mo_shared *shared;            /* made by the generation (generation.h) */
    void *made;                          /* load()'s own */
} mo_serve_config;

/* Where what is served comes from. Called in a generation's process. */
typedef struct mo_serve_source {
    /* before: what the generation before has, to be taken over in part; NULL: there is none.
     * 0, or what to end with: why is in err, or has been said already (err->status is MOTE_OK). */
    int (*load)(void *data, const mo_serve_config *before, mo_serve_config *ret, mote_error *err);
    void (*unload)(void *data, const mo_serve_config *config); /* nobody serves it any more */
    void *data;
    const char *watched; /* a file: loaded again when it changes; NULL: on SIGHUP only */
} mo_serve_source;

/* Serves until SIGTERM or SIGINT. Returns 0: all that was begun was answered; what the first
 * load() returned; or MO_SERVE_FAILED: err tells why. */
#define MO_SERVE_FAILED (-1)
int mo_serve(const mo_serve_source *source, mote_error *err);

/* A socket that listens. "localhost" is 127.0.0.1; other names are refused. shared: it joins
 * others of this port (SO_REUSEPORT), and does not listen yet. Its descriptor, or -1. */
int mo_serve_listen(const char *address, bool shared, mote_error *err);
bool mo_serve_is_address(const char *text); /* that could be listened at */
/* "127.0.0.1:8080", as it came out. */
void mo_serve_address(int fd, char *ret, size_t size);

#endif
