/* watch.c - inotify, and a look at the file when its folder has been quiet for a while. */
#include "serve/loop/watch.h"

#include "call/call.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define QUIET_NS (MO_NS_PER_S / 5)

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A file that is away for a moment is about to be replaced. */
static void look(mo_alarm *t)
{
    mo_file_watch *w = (mo_file_watch *)(void *)((char *)t - offsetof(mo_file_watch, timer));
    struct stat now;
    if (stat(w->path, &now) != 0 || is_same(&now, &w->is))
        return;
    w->is = now;
    w->changed(w);
}

static void on_event(mo_watch *s, uint32_t events)
{
    mo_file_watch *w = (mo_file_watch *)(void *)s;
    char bytes[4096];
    (void)events;
    while (read(s->fd, bytes, sizeof bytes) > 0) {}
    if (w->timer.due == MO_NEVER) /* and once more for what comes after */
        mo_alarm_set(w->loop, &w->timer, w->loop->now_ns + QUIET_NS);
}

static void name_folder(const char *path, char ret[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (slash == path)
        snprintf(ret, PATH_MAX, "/");
    else
        snprintf(ret, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

bool mo_file_watch_open(mo_file_watch *w, mo_loop *loop, const char *path, void (*changed)(mo_file_watch *w), mote_error *err)
{
    char folder[PATH_MAX];
    *w = (mo_file_watch){.source.ready = on_event, .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .loop = loop, .path = path, .changed = changed};
    if (w->fd < 0 || !mo_alarm_init(loop, &w->timer, look))
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "watching %s: %s", path, strerror(errno));
    w->source.fd = w->fd;
    name_folder(path, folder);
    if (inotify_add_watch(w->fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB | IN_DELETE) < 0 ||
        !mo_loop_want(loop, &w->source, EPOLLIN))
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "watching %s: %s", folder, strerror(errno));
    stat(path, &w->is);
    return true;
}

void mo_file_watch_close(mo_file_watch *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}
