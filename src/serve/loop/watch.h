/* watch.h - has a file changed? Its folder is watched, for who replaces a file may write another
 * one and rename it, or turn a link that leads to it. */
#ifndef MO_SERVE_WATCH_H
#define MO_SERVE_WATCH_H

#include "serve/loop/loop.h"

#include <sys/stat.h>

typedef struct mo_file_watch {
    mo_watch source;
    mo_alarm timer;  /* for who writes in several goes */
    int fd;          /* -1: none */
    mo_loop *loop;
    const char *path;
    struct stat is;  /* as it was when it was last told of */
    void (*changed)(struct mo_file_watch *w);
} mo_file_watch;

bool mo_file_watch_open(mo_file_watch *w, mo_loop *loop, const char *path, void (*changed)(mo_file_watch *w), mote_error *err);
void mo_file_watch_close(mo_file_watch *w);

#endif
