/* serve.h - a module that answers HTTP.
 *
 *   socket -> conn.c -> http1.c (http.c, http_body.c) -> request.c -> cgi.c -> the guest
 *             bytes     framing                          method, fields, body, answer
 *
 * Connection, protocol and request are three layers: one connection may one day carry many
 * requests, and its bytes be encrypted. Each speaks to the next by its header only:
 *
 *   app.h       what is served, as data           manifest.h  a file of YAML -> an app
 *   route.h     host, method, path -> function    shared.h    what all workers count
 *   load.h      an app -> functions               program.h   a function in one worker
 *   loop.h      epoll, timers, tasks on fibers    exchange.h  protocol, from a request
 *   conn.h      the connection                    request.h   the request
 *   http.h      HTTP/1.1 as bytes, no I/O         function.h  what serves a request
 *   log.h       lines                             worker.h    a process that serves
 *   isolate.h   what a worker may still do
 *
 * supervisor.c opens the sockets, starts workers and starts them again. */
#ifndef MO_SERVE_SERVE_H
#define MO_SERVE_SERVE_H

#include "base/base.h"
#include "mote/mote.h"
#include "serve/app.h"

enum { MO_SERVE_ADDRESSES = 16, MO_SERVE_WORKERS = 256 };

struct mo_function;
struct mo_routes;

/* What outlives it is the caller's: the server only looks at it. */
typedef struct mo_serve_config {
    mote_engine *engine;
    const mo_app *app;
    const struct mo_function *functions; /* of the app's, by the same index (load.h) */
    const struct mo_routes *routes;
} mo_serve_config;

/* Serves until SIGTERM or SIGINT. MOTE_OK: all that was begun was answered; MOTE_IO: a
 * socket, or a second signal ended it; else what making an instance failed of. */
mote_status mo_serve(const mo_serve_config *config, mote_error *err);

/* A listening socket. "localhost" is 127.0.0.1; other names are refused. shared: with
 * SO_REUSEPORT. Its descriptor, or -1. */
int mo_serve_listen(const char *address, bool shared, mote_error *err);
/* "127.0.0.1:8080", as it came out. */
void mo_serve_address(int fd, char *ret, size_t size);

#endif
