/* run_wasi.c - what a guest of mote run gets of its host: the standard streams, its
 * arguments, and whatever else was granted on the command line. */
#include "run.h"

#include "serve/serve.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int fail(const running *r, const mote_error *err)
{
    say("%s: %s", r->self->name, err->message);
    return exit_for(err);
}

/* --- arguments and environment ------------------------------------------------------ */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static int set_args(running *r)
{
    mote_error err = {0};
    size_t nargs = (size_t)r->nargs + 1;
    const char **args = calloc(nargs, sizeof *args);
    if (!args) {
        say("%s: memory is out", r->self->name);
        return EXIT_SYSTEM;
    }
    args[0] = r->argv0 ? r->argv0 : file_name(r->path);
    for (size_t i = 1; i < nargs; i++)
        args[i] = r->args[i - 1];
    mote_status status = mote_wasi_set_args(r->wasi, args, nargs, &err);
    free(args);
    return status == MOTE_OK ? EXIT_OK : fail(r, &err);
}

/* "NAME=VALUE", or "NAME" for this process's own. */
static int set_env(running *r, const char *text, bool inherit)
{
    mote_error err = {0};
    const char *equals = strchr(text, '=');
    char *name = strndup(text, equals ? (size_t)(equals - text) : strlen(text));
    const char *value = equals ? equals + 1 : name ? getenv(name) : NULL;
    int status = EXIT_OK;
    if (!value) {
        say(name ? "%s: --env %s: there is no such variable here to inherit" : "%s: memory is out: %s", r->self->name, text);
        status = name ? EXIT_USAGE : EXIT_SYSTEM;
    } else if (!(inherit && equals == text) && mote_wasi_set_env(r->wasi, name, value, &err) != MOTE_OK) {
        status = fail(r, &err);
    }
    free(name);
    return status;
}

static int inherit_env(running *r)
{
    int status = EXIT_OK;
    for (char **at = environ; *at && status == EXIT_OK; at++)
        if (strchr(*at, '='))
            status = set_env(r, *at, true);
    return status;
}

/* --- folders ---------------------------------------------------------------------------- */

static bool ends_with(const char *text, size_t len, const char *ending)
{
    size_t n = strlen(ending);
    return len > n && memcmp(text + len - n, ending, n) == 0;
}

folder_words split_folder(const char *text)
{
    const char *colons = strstr(text, "::");
    size_t len = strlen(text), host_len = colons ? (size_t)(colons - text) : len;
    folder_words f = {.read_only = ends_with(text, len, ":ro") && text[len - 4] != ':'};
    if (f.read_only)
        len -= 3;
    f.host = strndup(text, colons ? host_len : len);
    f.guest = strndup(colons ? colons + 2 : text, colons ? len - host_len - 2 : len);
    return f;
}

static int grant_folder(running *r, const char *text)
{
    mote_error err = {0};
    folder_words f = split_folder(text);
    int status = EXIT_SYSTEM;
    if (!f.host || !f.guest)
        say("%s: memory is out", r->self->name);
    else if (!*f.host || !*f.guest) {
        say("%s: --dir %s: want HOST, HOST::GUEST or either with :ro", r->self->name, text);
        status = EXIT_USAGE;
    } else if (mote_wasi_preopen(r->wasi, f.host, f.guest, f.read_only ? MOTE_WASI_READ_ONLY : MOTE_WASI_READ_WRITE, &err) ==
               MOTE_OK) {
        status = EXIT_OK;
    } else {
        say("%s: --dir %s: %s", r->self->name, text, err.message);
        status = exit_for(&err);
    }
    free(f.host);
    free(f.guest);
    return status;
}

/* --- sockets ---------------------------------------------------------------------------- */

static int grant_socket(running *r, int fd, const char *name)
{
    mote_error err = {0};
    if (mote_wasi_preopen_socket(r->wasi, fd, &err) == MOTE_OK)
        return EXIT_OK;
    close(fd);
    say("run: -S %s: %s", name, err.message);
    return exit_for(&err);
}

static int grant_listener(running *r, const char *text)
{
    mote_error err = {0};
    int fd = mo_serve_listen(text, false, &err);
    if (fd >= 0)
        return grant_socket(r, fd, "tcplisten");
    say("run: -S tcplisten=%s: %s", text, err.message);
    return err.status == MOTE_MISUSE ? EXIT_USAGE : EXIT_SYSTEM;
}

/* Sockets of a service manager: descriptors from 3 on, if they are meant for this process. */
static int grant_inherited(running *r)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    long n = fds ? strtol(fds, NULL, 10) : 0;
    int status = EXIT_OK;
    if (!pid || strtol(pid, NULL, 10) != (long)getpid())
        return EXIT_OK;
    for (long i = 0; i < n && i < 1024 && status == EXIT_OK; i++) {
        fcntl((int)(3 + i), F_SETFD, FD_CLOEXEC);
        status = grant_socket(r, (int)(3 + i), "listenfd");
    }
    return status;
}

/* --- all together --------------------------------------------------------------------------- */

static int grant(running *r, const choice *c)
{
    switch (c->kind) {
    case CHOICE_DIR: return grant_folder(r, c->value);
    case CHOICE_ENV: return set_env(r, c->value, false);
    case CHOICE_LISTEN: return grant_listener(r, c->value);
    case CHOICE_PRELOAD: return EXIT_OK;
    }
    return EXIT_OK;
}

/* Guests look for sockets from descriptor 3 on and for folders behind them. */
int grant_all(running *r)
{
    int status = r->inherit_env ? inherit_env(r) : EXIT_OK;
    if (status == EXIT_OK && r->listen_fds)
        status = grant_inherited(r);
    for (int folders = 0; folders <= 1; folders++)
        for (size_t i = 0; i < r->nchoices && status == EXIT_OK; i++)
            if ((r->choices[i].kind == CHOICE_DIR) == folders)
                status = grant(r, &r->choices[i]);
    return status;
}

int set_up_wasi(running *r)
{
    mote_error err = {0};
    if (mote_wasi_new(&r->wasi, &err) != MOTE_OK || mote_wasi_inherit_stdio(r->wasi, &err) != MOTE_OK)
        return fail(r, &err);
    mote_wasi_attach(r->wasi, r->store);
    int status = set_args(r);
    return status == EXIT_OK ? grant_all(r) : status;
}
