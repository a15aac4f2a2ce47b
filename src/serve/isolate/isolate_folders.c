/* isolate_folders.c - granted folders as a rule set of Landlock, and a look whether the user
 * can use them.
 * Grants of one folder add up, and so do those of a folder and of one in it: what any
 * function may do, the worker may. */
#include "base/filter.h"
#include "serve/isolate/isolate_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the folders ------------------------------------------------------------------------- */

typedef struct granted {
    const mo_app_folder *folder; /* the first that names it */
    bool writable;
    int fd;
} granted;

typedef struct grants {
    granted *all;
    size_t n;
    const char *path; /* of the manifest */
} grants;

static int compare(const void *a, const void *b)
{
    return strcmp(((const granted *)a)->folder->host, ((const granted *)b)->folder->host);
}

static void merge(grants *g)
{
    size_t n = 0;
    qsort(g->all, g->n, sizeof *g->all, compare);
    for (size_t i = 0; i < g->n; i++) {
        if (n && compare(&g->all[n - 1], &g->all[i]) == 0) {
            if (g->all[i].writable && !g->all[n - 1].writable)
                g->all[n - 1] = g->all[i];
        } else {
            g->all[n++] = g->all[i];
        }
    }
    g->n = n;
}

static bool gather(const mo_app *app, uint32_t tenant, grants *g, mote_error *err)
{
    size_t n = 0;
    g->path = app->path;
    for (uint32_t i = 0; i < app->nfunctions; i++)
        n += app->functions[i].nfolders;
    g->all = mo_calloc(n ? n : 1, sizeof *g->all);
    if (!g->all)
        return mo_fail_nomem(err);
    for (uint32_t i = 0; i < app->nfunctions; i++) {
        const mo_app_function *f = &app->functions[i];
        bool here = tenant == MO_NO_TENANT ? !app->tenants[f->tenant].isolate : f->tenant == tenant;
        for (uint32_t k = 0; k < f->nfolders && here; k++)
            g->all[g->n++] = (granted){&f->folders[k], f->folders[k].writable, -1};
    }
    merge(g);
    return true;
}

static bool folder_fails(const grants *g, size_t i, const char *what, int number, mote_error *err)
{
    const mo_app_folder *f = g->all[i].folder;
    if (g->path && f->line)
        return mo_fail(err, MOTE_IO, f->line, "%.60s:%u: folder %.60s: %s%s", g->path, f->line, f->host, what, strerror(number));
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "folder %.100s: %s%s", f->host, what, strerror(number));
}

static bool open_all(grants *g, mote_error *err)
{
    for (size_t i = 0; i < g->n; i++)
        if ((g->all[i].fd = open(g->all[i].folder->host, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
            return folder_fails(g, i, "", errno, err);
    return true;
}

static void release(grants *g)
{
    for (size_t i = 0; g->all && i < g->n; i++)
        if (g->all[i].fd >= 0)
            close(g->all[i].fd);
    mo_free(g->all);
}

/* --- the user's access --------------------------------------------------------------------- */

/* What a process that became the user found. */
typedef struct finding {
    size_t at;      /* of the grants; their number: all are fine */
    int number;     /* errno */
    bool writing;
    mote_error err; /* status: it could not even become the user */
} finding;

static finding look(const mo_user *user, const grants *g)
{
    finding f = {.at = g->n};
    if (!mo_user_become(user, &f.err))
        return f;
    for (size_t i = 0; i < g->n; i++) {
        bool reads = faccessat(g->all[i].fd, ".", R_OK | X_OK, 0) == 0;
        if (reads && (!g->all[i].writable || faccessat(g->all[i].fd, ".", W_OK, 0) == 0))
            continue;
        return (finding){.at = i, .number = errno, .writing = reads};
    }
    return f;
}

static bool ask_child(const mo_user *user, const grants *g, finding *ret)
{
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        finding f = look(user, g);
        _exit(write(ends[1], &f, sizeof f) != sizeof f);
    }
    close(ends[1]);
    bool told = pid > 0 && read(ends[0], ret, sizeof *ret) == sizeof *ret;
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    return told;
}

/* By a process that becomes the user, for who may do what to a file is the kernel's to say. */
static bool check(const mo_user *user, const grants *g, mote_error *err)
{
    finding f;
    char words[160];
    if (!ask_child(user, g, &f))
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "folders cannot be checked: %s", strerror(errno));
    if (f.err.status) {
        if (err && !err->status)
            *err = f.err;
        return false;
    }
    if (f.at == g->n)
        return true;
    const char *verb = f.writing ? "write" : "read";
    if (user->set)
        snprintf(words, sizeof words, "user %.100s cannot %s it: ", user->name, verb);
    else
        snprintf(words, sizeof words, "this user, without privileges, cannot %s it: ", verb);
    return folder_fails(g, f.at, words, f.number, err);
}

/* --- all of it ---------------------------------------------------------------------------------- */

static bool add_all(const grants *g, int version, int rules, mote_error *err)
{
    for (size_t i = 0; i < g->n; i++)
        if (!mo_landlock_add(rules, version, g->all[i].fd, g->all[i].writable))
            return folder_fails(g, i, "Landlock: ", errno, err);
    return true;
}

bool mo_folders_grant(const mo_app *app, uint32_t tenant, const mo_user *user, int version, int *ret, mote_error *err)
{
    grants g = {0};
    int rules = -1;
    bool good = gather(app, tenant, &g, err) && open_all(&g, err) && check(user, &g, err) &&
                (!version || (rules = mo_landlock_new(version, err)) >= 0) && (!version || add_all(&g, version, rules, err));
    release(&g);
    if (!good && rules >= 0)
        close(rules);
    *ret = good ? rules : -1;
    return good;
}
