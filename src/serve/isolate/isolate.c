/* isolate.c - a process that gives up what it does not need: see isolate.h. */
#include "serve/isolate/isolate.h"

#include "base/filter.h"
#include "instance/watch.h"
#include "serve/isolate/calls.h"
#include "serve/isolate/isolate_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct mo_isolation {
    mo_isolation_level level;
    mo_user user;
    int rules; /* Landlock's; -1: none */
    bool calls;
    char lacks[200];
};

/* --- before ------------------------------------------------------------------------ */

static void note(mo_isolation *in, const char *words)
{
    size_t len = strlen(in->lacks);
    snprintf(in->lacks + len, sizeof in->lacks - len, "%s%s", len ? "; " : "", words);
}

/* The version of Landlock to use. */
static int look(mo_isolation *in)
{
    char words[100];
    int version = 0;
    if (in->level != MO_ISOLATION_OFF) {
        version = mo_landlock_version();
        if (!version) {
            snprintf(words, sizeof words, "no Landlock, which needs Linux 5.19: %s", strerror(errno));
            note(in, words);
        }
        in->calls = mo_filter_can();
        if (!in->calls) {
            snprintf(words, sizeof words, "no seccomp: %s", strerror(errno));
            note(in, words);
        }
    }
    return version;
}

mo_isolation *mo_isolation_new(const mo_app *app, uint32_t tenant, mote_error *err)
{
    mo_isolation *in = mo_calloc(1, sizeof *in);
    if (!in) {
        mo_fail_nomem(err);
        return NULL;
    }
    in->level = app->isolation;
    in->rules = -1;
    int version = look(in);
    bool good = in->level != MO_ISOLATION_STRICT || !in->lacks[0] ||
                mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "isolation is strict, but there is %s", in->lacks);
    if (good && mo_user_find(app->user, &in->user, err) && mo_folders_grant(app, tenant, &in->user, version, &in->rules, err))
        return in;
    mo_free(in);
    return NULL;
}

void mo_isolation_free(mo_isolation *in)
{
    if (in && in->rules >= 0)
        close(in->rules);
    mo_free(in);
}

const char *mo_isolation_lacks(const mo_isolation *in) { return in->lacks[0] ? in->lacks : NULL; }

/* --- in the worker -------------------------------------------------------------------- */

static bool fails(const char *what, mote_error *err)
{
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "isolation: %s: %s", what, strerror(errno));
}

/* A core would hold what requests brought. */
static void limit(void)
{
    static const int none[] = {RLIMIT_CORE, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO};
    const struct rlimit zero = {0, 0};
    for (size_t i = 0; i < MO_COUNT(none); i++)
        setrlimit(none[i], &zero);
    umask(027);
}

/* A terminal's, perhaps. */
static bool drop_input(mote_error *err)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO;
    if (fd > STDIN_FILENO)
        close(fd);
    return good || fails("/dev/null", err);
}

bool mo_isolate(const mo_isolation *in, mote_error *err)
{
    bool confined = in->level != MO_ISOLATION_OFF;
    mo_watch_open();
    tzset(); /* libc reads a file when it first tells the time */
    limit();
    if (!drop_input(err) || !mo_user_become(&in->user, err))
        return false;
    if (confined && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fails("others of this user may trace it", err);
    return (in->rules < 0 || (mo_landlock_enter(in->rules, err) && close(in->rules) == 0)) &&
           (!in->calls || mo_calls_limit(err));
}
