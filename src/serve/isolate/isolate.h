/* isolate.h - what a worker may still do once it serves: nothing but what its functions are granted.
 *
 *   before it is forked   mo_isolation_new: the user is looked up, folders are opened and checked
 *   in the worker         mo_isolate: user, capabilities, Landlock, seccomp, in this order;
 *                         after it nothing is opened that is not below a granted folder,
 *                         no process, socket or trace begins, no memory becomes executable
 *                         that is not of an artifact mapped before
 *
 *   isolate_user.c     names -> numbers; becoming nobody in particular
 *   isolate_folders.c  grants -> a rule set of Landlock; can the user use them?
 *   calls.c            calls.def -> a filter of system calls
 *
 * app->isolation says what happens where the kernel lacks Landlock or seccomp. Whatever a
 * worker needs and could not open later is opened before (mo_watch_open). Threads that it
 * starts afterwards are confined as it is. */
#ifndef MO_SERVE_ISOLATE_H
#define MO_SERVE_ISOLATE_H

#include "serve/app/app.h"

typedef struct mo_isolation mo_isolation;

/* The union of the grants of all functions (tenant: only of this one's; MO_NO_TENANT: of all that have
 * no workers of their own). Can the
 * user read, and where granted write, each folder? Else the error names the manifest's line. */
#define MO_NO_TENANT UINT32_MAX
mo_isolation *mo_isolation_new(const mo_app *app, uint32_t tenant, mote_error *err);
void mo_isolation_free(mo_isolation *isolation); /* NULL is fine */
/* What weakens it, in words, for one line of warning; or NULL. */
const char *mo_isolation_lacks(const mo_isolation *isolation);
/* In the process that is to be confined, which has one thread. False: it must not serve. */
bool mo_isolate(const mo_isolation *isolation, mote_error *err);

#endif
