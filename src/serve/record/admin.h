/* admin.h - the process that answers on app->admin: health, readiness, metrics.
 *
 * It is neither the supervisor nor a worker. The supervisor has its user's privileges, and
 * should read nothing that comes over a network; a worker may be busy or dead just when
 * somebody asks how it is, and would make its requests wait while it prints a page of ten
 * thousand functions. This one has no privileges, only the counters, and is confined like a
 * worker. It is a generation's: where that is gone, nobody answers until the next one's does.
 *
 *   /healthz   200: the generation lives
 *   /readyz    200 while it serves; 503 before, and while it drains
 *   /metrics   metrics.h */
#ifndef MO_SERVE_ADMIN_H
#define MO_SERVE_ADMIN_H

#include "serve/record/shared.h"

/* listener: listens already. Until SIGTERM, or the other end of parent is closed. Returns what
 * the process ends with. */
int mo_admin_run(mo_shared *shared, uint32_t nworkers, int listener, int parent);

#endif
