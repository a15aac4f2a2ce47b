/* isolate_user.c - a user by name; and a process that becomes this user and nothing more.
 * Names are looked up in the files themselves: the system's resolver would be a shared
 * library, and perhaps a network. */
#include "serve/isolate/isolate_parts.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- names -------------------------------------------------------------------------- */

static bool read_number(const char *text, uint32_t *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    *ret = (uint32_t)n;
    return text[0] >= '0' && text[0] <= '9' && !*end && n < UINT32_MAX;
}

/* By name or number. False: there is none, which a number may be. */
static bool find_passwd(const char *name, mo_user *u, char *login, size_t size)
{
    uint32_t number;
    bool numeric = read_number(name, &number), found = false;
    FILE *file = fopen("/etc/passwd", "re");
    for (struct passwd *p; file && !found && (p = fgetpwent(file));) {
        found = numeric ? p->pw_uid == number : strcmp(p->pw_name, name) == 0;
        if (!found)
            continue;
        u->uid = p->pw_uid;
        u->gid = p->pw_gid;
        snprintf(login, size, "%s", p->pw_name);
    }
    if (file)
        fclose(file);
    if (!found && numeric)
        u->uid = number;
    return found;
}

static bool is_member(const struct group *g, const char *login)
{
    for (char **m = g->gr_mem; *m; m++)
        if (strcmp(*m, login) == 0)
            return true;
    return false;
}

/* group: its number becomes the user's, or NULL. The others are those that list login. */
static bool find_groups(const char *group, const char *login, mo_user *u)
{
    bool found = !group || read_number(group, &u->gid);
    FILE *file = fopen("/etc/group", "re");
    for (struct group *g; file && (g = fgetgrent(file));) {
        if (!found && strcmp(g->gr_name, group) == 0) {
            u->gid = g->gr_gid;
            found = true;
        }
        if (*login && is_member(g, login) && u->ngroups < MO_USER_GROUPS)
            u->groups[u->ngroups++] = g->gr_gid;
    }
    if (file)
        fclose(file);
    return found;
}

bool mo_user_find(const char *text, mo_user *ret, mote_error *err)
{
    char user[128], login[128] = "";
    uint32_t number;
    *ret = (mo_user){.name = text};
    if (!text)
        return true;
    const char *colon = strchr(text, ':');
    int n = snprintf(user, sizeof user, "%.*s", (int)(colon ? colon - text : (ptrdiff_t)strlen(text)), text);
    if (n <= 0 || (size_t)n >= sizeof user)
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "user '%.100s': want a name, name:group or numbers", text);
    bool found = find_passwd(user, ret, login, sizeof login);
    if (!found && !(colon && read_number(user, &number)))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "user '%.100s': /etc/passwd has no %.100s", text, user);
    if (!find_groups(colon ? colon + 1 : NULL, login, ret))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "user '%.100s': /etc/group has no %.100s", text, colon + 1);
    ret->set = true;
    return true;
}

/* --- becoming ------------------------------------------------------------------------- */

static bool refused(const mo_user *user, const char *what, mote_error *err)
{
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "user %.100s: %s: %s", user->name ? user->name : "of this process", what,
                   strerror(errno));
}

static bool is_already(const mo_user *user)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 && r == user->uid && e == user->uid && s == user->uid &&
           rg == user->gid && eg == user->gid && sg == user->gid;
}

/* A process that changes its user forgets that it wants to end with its parent. */
static bool change_user(const mo_user *user, mote_error *err)
{
    int on_death = 0;
    pid_t parent = getppid();
    prctl(PR_GET_PDEATHSIG, &on_death);
    if (geteuid() != 0 && is_already(user))
        return true;
    if (setgroups(user->ngroups, user->groups) != 0 || setresgid(user->gid, user->gid, user->gid) != 0)
        return refused(user, "groups cannot be changed", err);
    if (setresuid(user->uid, user->uid, user->uid) != 0)
        return refused(user, "the user cannot be changed", err);
    if (on_death && (prctl(PR_SET_PDEATHSIG, on_death) != 0 || getppid() != parent))
        raise(on_death);
    return true;
}

/* Not even a program with set-user-ID could get them back. Who has none may not do this,
 * and need not. */
static void drop_bounds(void)
{
    for (unsigned long i = 0; i < 64; i++)
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}

bool mo_user_become(const mo_user *user, mote_error *err)
{
    drop_bounds();
    if (user->set && !change_user(user, err))
        return false;
    if (!drop_capabilities())
        return refused(user, "capabilities cannot be dropped", err);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 || refused(user, "no_new_privs", err);
}
