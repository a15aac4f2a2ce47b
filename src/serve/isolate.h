/* isolate.h - what a worker may still do once it serves: nothing but what its functions are granted.
 *
 *   before it is forked   mo_isolation_new: users are looked up, folders opened and checked
 *   in the worker         mo_isolate: user, capabilities, Landlock, seccomp, in this order;
 *                         after it nothing is opened that is not below a granted folder,
 *                         no process, socket or trace begins, no memory becomes executable
 *                         that is not of an artifact mapped before
 * Where the kernel lacks one of these, the error says which; strict off: a warning. */
#ifndef MO_SERVE_ISOLATE_H
#define MO_SERVE_ISOLATE_H

#include "serve/app.h"

typedef struct mo_isolation mo_isolation;

/* The union of the grants of all functions (tenant: only of this one's; MO_NO_TENANT: all). Can the
 * user read, and where granted write, each folder? Else the error names the manifest's line. */
#define MO_NO_TENANT UINT32_MAX
mo_isolation *mo_isolation_new(const mo_app *app, uint32_t tenant, mote_error *err);
void mo_isolation_free(mo_isolation *isolation); /* NULL is fine */
/* In the process that is to be confined, single-threaded. keep: descriptors that it goes on using. */
bool mo_isolate(const mo_isolation *isolation, mote_error *err);

#endif
