/* isolate_parts.h - between isolate.c and its parts. */
#ifndef MO_SERVE_ISOLATE_PARTS_H
#define MO_SERVE_ISOLATE_PARTS_H

#include "serve/isolate/isolate.h"

#include <sys/types.h>

enum { MO_USER_GROUPS = 64 };

typedef struct mo_user {
    bool set; /* else the process stays who it is, without capabilities */
    uid_t uid;
    gid_t gid;
    gid_t groups[MO_USER_GROUPS];
    size_t ngroups;
    const char *name; /* for errors; the app's */
} mo_user;

/* "name", "name:group" or numbers, from /etc/passwd and /etc/group. text NULL: nobody is set. */
bool mo_user_find(const char *text, mo_user *ret, mote_error *err);
/* The calling process becomes that user, without capabilities, for ever. */
bool mo_user_become(const mo_user *user, mote_error *err);

/* --- folders ------------------------------------------------------------------------- */

/* Opens and checks the folders. version: of Landlock. *ret: a rule set's descriptor, or -1 where version is 0. */
bool mo_folders_grant(const mo_app *app, uint32_t tenant, const mo_user *user, int version, int *ret, mote_error *err);

#endif
