/* control.c - a socket in the file system, and lines on it. */
#include "serve/process/control.h"

#include "call/call.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_NS (10 * MO_NS_PER_S)

static mo_control_client *client_of_timer(mo_alarm *t)
{
    return (mo_control_client *)(void *)((char *)t - offsetof(mo_control_client, timer));
}

/* --- clients ----------------------------------------------------------------------- */

void mo_control_drop(mo_control_client *client)
{
    mo_control *c = client->control;
    mo_loop_forget(c->loop, &client->source);
    mo_alarm_release(c->loop, &client->timer);
    close(client->source.fd);
    client->taken = false;
}

static void on_time(mo_alarm *t) { mo_control_drop(client_of_timer(t)); }

/* An answer is smaller than what a socket holds. */
void mo_control_answer(mo_control_client *client, const char *at, size_t len)
{
    while (len) {
        ssize_t n = send(client->source.fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EINTR)
            break;
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    mo_control_drop(client);
}

void mo_control_refuse(mo_control_client *client, const char *why)
{
    mo_buffer b = {0};
    mo_control_put(&b, "error: ");
    mo_control_put_words(&b, why);
    mo_control_put(&b, "\n");
    mo_control_answer(client, (const char *)b.at, b.len);
    mo_buffer_free(&b);
}

static void on_line(mo_watch *s, uint32_t events)
{
    mo_control_client *client = (mo_control_client *)(void *)s;
    size_t room = sizeof client->line - client->len;
    (void)events;
    ssize_t n = recv(s->fd, client->line + client->len, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    client->len += n > 0 ? (size_t)n : 0;
    char *end = memchr(client->line, '\n', client->len);
    if (n <= 0 || (!end && client->len == sizeof client->line)) {
        mo_control_drop(client);
        return;
    }
    if (!end)
        return;
    *end = 0;
    mo_loop_want(client->control->loop, s, 0);
    client->control->asked(client->control, client, client->line);
}

static bool may_ask(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == 0 || who.uid == geteuid());
}

static mo_control_client *find_free(mo_control *c)
{
    for (size_t i = 0; i < MO_CONTROL_CLIENTS; i++)
        if (!c->clients[i].taken)
            return &c->clients[i];
    return NULL;
}

static void on_client(mo_watch *s, uint32_t events)
{
    mo_control *c = (mo_control *)(void *)s;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    mo_control_client *client = find_free(c);
    (void)events;
    if (fd < 0)
        return;
    if (!client || !may_ask(fd) || !mo_alarm_init(c->loop, &client->timer, on_time)) {
        close(fd);
        return;
    }
    client->source = (mo_watch){.ready = on_line, .fd = fd};
    client->control = c;
    client->taken = true;
    client->len = 0;
    client->awaits = 0;
    mo_alarm_set(c->loop, &client->timer, c->loop->now_ns + PATIENCE_NS);
    mo_loop_want(c->loop, &client->source, EPOLLIN);
}

/* --- the socket ------------------------------------------------------------------------ */

void mo_control_init(mo_control *c, mo_loop *loop, void (*asked)(mo_control *c, mo_control_client *client, const char *line))
{
    *c = (mo_control){.source = {.ready = on_client, .fd = -1}, .loop = loop, .fd = -1, .asked = asked};
}

/* What a server left that was killed; one that answers is alive. */
static bool remove_stale(const struct sockaddr_un *a)
{
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool stale = lstat(a->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) && fd >= 0 &&
                 connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return stale && unlink(a->sun_path) == 0;
}

static int open_socket(const char *path, mote_error *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "control socket %.60s...: want a path of at most %zu bytes", path, sizeof a.sun_path - 1);
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    int status = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&a, sizeof a), why = errno;
    if (status != 0 && why == EADDRINUSE && remove_stale(&a))
        status = bind(fd, (const struct sockaddr *)&a, sizeof a);
    umask(before);
    if (status == 0 && listen(fd, MO_CONTROL_CLIENTS) == 0)
        return fd;
    mo_fail(err, MOTE_IO, MOTE_NOWHERE, "control socket %s: %s", path, strerror(status == 0 ? errno : why));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool mo_control_open(mo_control *c, const char *path, mote_error *err)
{
    if (strcmp(path, c->path) == 0)
        return true;
    int fd = *path ? open_socket(path, err) : -1;
    if (*path && fd < 0)
        return false;
    mo_control_close(c, true);
    c->fd = c->source.fd = fd;
    snprintf(c->path, sizeof c->path, "%s", path);
    return fd < 0 || mo_loop_want(c->loop, &c->source, EPOLLIN);
}

/* Who has asked is still answered. */
void mo_control_close(mo_control *c, bool own)
{
    for (size_t i = 0; i < MO_CONTROL_CLIENTS && !own; i++)
        if (c->clients[i].taken)
            close(c->clients[i].source.fd);
    if (c->fd < 0)
        return;
    if (own) {
        mo_loop_forget(c->loop, &c->source);
        unlink(c->path);
    }
    close(c->fd);
    c->fd = -1;
    c->path[0] = 0;
}

/* --- tables ---------------------------------------------------------------------------------- */

void mo_control_put(mo_buffer *b, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mo_buffer_put(b, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void mo_control_put_words(mo_buffer *b, const char *words)
{
    for (; *words; words++) {
        char c = (unsigned char)*words < ' ' || *words == 0x7f ? '?' : *words;
        mo_buffer_put(b, &c, 1);
    }
}
