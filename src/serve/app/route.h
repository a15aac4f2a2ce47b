/* route.h - which function serves a request: host, method and path -> an index.
 * The most specific route wins: a host by name, then by "*.", then any; an exact path before
 * a prefix, a longer prefix before a shorter; last a method before none. One that has another
 * method does not fit, and a less specific one may. Built once per app, which must outlive it;
 * read by all workers; a look-up takes no memory and about as long for 10,000 routes as for
 * ten. Routes that would serve the same requests are refused. */
#ifndef MO_SERVE_ROUTE_H
#define MO_SERVE_ROUTE_H

#include "serve/app/app.h"

typedef struct mo_routes mo_routes;

/* NULL: two routes conflict (their lines are in err), or memory is out. */
mo_routes *mo_routes_new(const mo_app *app, mote_error *err);
void mo_routes_free(mo_routes *routes); /* NULL is fine */

typedef enum mo_route_found {
    MO_ROUTE_FOUND,
    MO_ROUTE_NONE,      /* 404 */
    MO_ROUTE_NO_METHOD, /* 405: the path is known, not for this method */
} mo_route_found;

/* host as sent, perhaps with a port; path decoded. *ret is an index of the app's routes. HEAD is served
 * by what serves GET where nothing names HEAD. */
mo_route_found mo_route_find(const mo_routes *routes, mo_span host, mo_span method, mo_span path, uint32_t *ret);
/* "GET, HEAD, POST": what the field Allow of a 405 says. Its length; of what has no room, nothing. */
size_t mo_route_allow(const mo_routes *routes, mo_span host, mo_span path, char *ret, size_t size);

#endif
