/* sockets.c - opened once, kept, handed to each generation. */
#include "serve/process/sockets.h"

#include "serve/process/channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_ADDRESS "127.0.0.1:8080"

/* --- listening -------------------------------------------------------------------- */

static void close_listening(mo_listening *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        close(l->fds[i]);
    mo_free(l);
}

static mo_listening *find_listening(const mo_sockets *s, const char *address, bool admin)
{
    for (uint32_t i = 0; i < s->nlistening; i++)
        if (s->listening[i]->admin == admin && (strcmp(s->listening[i]->asked, address) == 0 || strcmp(s->listening[i]->bound, address) == 0))
            return s->listening[i];
    return NULL;
}

static mo_listening *add_listening(mo_sockets *s, const char *address, bool admin, mote_error *err)
{
    mo_listening *l = s->nlistening < MO_COUNT(s->listening) ? mo_calloc(1, sizeof *l) : NULL;
    if (!l) {
        mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "address %.60s: no room for so many", address);
        return NULL;
    }
    l->admin = admin;
    snprintf(l->asked, sizeof l->asked, "%s", address);
    s->listening[s->nlistening++] = l;
    return l;
}

/* The first one is nobody's but ours: the others' would join those of another server that
 * shares the port. Once it listens it is shared, too. */
static bool open_first(mo_listening *l, mote_error *err)
{
    int on = 1, fd = mo_serve_listen(l->asked, false, err);
    if (fd < 0)
        return false;
    l->fds[l->n++] = fd;
    mo_serve_address(fd, l->bound, sizeof l->bound);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "address %s: sharing it: %s", l->asked, strerror(errno));
    return true;
}

static bool open_listening(mo_listening *l, uint32_t n, mote_error *err)
{
    if (l->given)
        return true;
    if (l->n == 0 && !open_first(l, err))
        return false;
    for (int fd; l->n < n; l->fds[l->n++] = fd)
        if ((fd = mo_serve_listen(l->bound, true, err)) < 0)
            return false;
    return true;
}

static bool is_listening(int fd)
{
    int on = 0;
    socklen_t len = sizeof on;
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t alen = sizeof a;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on &&
           getsockname(fd, (struct sockaddr *)&a, &alen) == 0 && (a.ss_family == AF_INET || a.ss_family == AF_INET6);
}

bool mo_sockets_take(mo_sockets *s, const int *fds, size_t n, mote_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char address[MO_ADDRESS];
        if (!is_listening(fds[i]))
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "descriptor %d, which LISTEN_FDS passes, is no TCP socket that listens", fds[i]);
        mo_serve_address(fds[i], address, sizeof address);
        mo_listening *l = add_listening(s, address, false, err);
        if (!l)
            return false;
        memcpy(l->bound, l->asked, sizeof l->bound);
        l->given = true;
        l->fds[l->n++] = fds[i];
    }
    return true;
}

static bool has_given(const mo_sockets *s)
{
    for (uint32_t i = 0; i < s->nlistening; i++)
        if (s->listening[i]->given)
            return true;
    return false;
}

/* Sockets that were passed stand in for the address that nobody chose. */
static bool is_moot(const mo_sockets *s, const mo_wants *w, const char *address)
{
    return w->nlisteners == 1 && strcmp(address, DEFAULT_ADDRESS) == 0 && has_given(s);
}

/* --- inboxes ------------------------------------------------------------------------ */

static void close_inboxes(mo_inboxes *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        close(b->rx[i]);
        close(b->tx[i]);
    }
    mo_free(b);
}

static mo_inboxes *find_inboxes(const mo_sockets *s, const char *name)
{
    for (uint32_t i = 0; i < s->ninboxes; i++)
        if (strcmp(s->inboxes[i]->name, name) == 0)
            return s->inboxes[i];
    return NULL;
}

static mo_inboxes *add_inboxes(mo_sockets *s, const char *name, mote_error *err)
{
    mo_inboxes *b = s->ninboxes < MO_COUNT(s->inboxes) ? mo_calloc(1, sizeof *b) : NULL;
    if (!b) {
        mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "no room for workers of %s", name);
        return NULL;
    }
    snprintf(b->name, sizeof b->name, "%s", name);
    s->inboxes[s->ninboxes++] = b;
    return b;
}

static bool open_inboxes(mo_inboxes *b, uint32_t n, mote_error *err)
{
    for (int pair[2]; b->n < n; b->n++) {
        if (!mo_channel_pair(pair))
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "a socket between workers: %s", strerror(errno));
        b->rx[b->n] = pair[0];
        b->tx[b->n] = pair[1];
    }
    return true;
}

/* --- all -------------------------------------------------------------------------------- */

static uint32_t count_workers(const mo_wants *w) { return w->ngroups ? w->groups[0].nworkers : 0; }

static bool open_all(mo_sockets *s, const mo_wants *w, mote_error *err)
{
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        const char *address = w->listeners[i];
        mo_listening *l = find_listening(s, address, false);
        if (!l && !is_moot(s, w, address) && !(l = add_listening(s, address, false, err)))
            return false;
        if (l && !open_listening(l, count_workers(w), err))
            return false;
    }
    if (w->admin[0]) {
        mo_listening *l = find_listening(s, w->admin, true);
        if ((!l && !(l = add_listening(s, w->admin, true, err))) || !open_listening(l, 1, err))
            return false;
    }
    for (uint32_t i = 0; i < w->ngroups; i++) {
        mo_inboxes *b = find_inboxes(s, w->groups[i].name);
        if ((!b && !(b = add_inboxes(s, w->groups[i].name, err))) || !open_inboxes(b, w->groups[i].nworkers, err))
            return false;
    }
    return true;
}

/* Addresses and groups that are new are closed again; more of those that were there stay:
 * somebody may have connected. */
bool mo_sockets_open(mo_sockets *s, const mo_wants *w, mote_error *err)
{
    uint32_t nlistening = s->nlistening, ninboxes = s->ninboxes;
    if (open_all(s, w, err))
        return true;
    while (s->nlistening > nlistening)
        close_listening(s->listening[--s->nlistening]);
    while (s->ninboxes > ninboxes)
        close_inboxes(s->inboxes[--s->ninboxes]);
    return false;
}

static bool wants_listening(const mo_wants *w, const mo_listening *l)
{
    bool found = l->given;
    if (l->admin)
        return strcmp(w->admin, l->asked) == 0 || strcmp(w->admin, l->bound) == 0;
    for (uint32_t i = 0; i < w->nlisteners; i++)
        found |= strcmp(w->listeners[i], l->asked) == 0 || strcmp(w->listeners[i], l->bound) == 0;
    return found;
}

static bool wants_inboxes(const mo_wants *w, const mo_inboxes *b)
{
    for (uint32_t i = 0; i < w->ngroups; i++)
        if (strcmp(w->groups[i].name, b->name) == 0)
            return true;
    return false;
}

int mo_sockets_admin(const mo_sockets *s, const mo_wants *w)
{
    const mo_listening *l = w->admin[0] ? find_listening(s, w->admin, true) : NULL;
    return l ? l->fds[0] : -1;
}

void mo_sockets_keep(mo_sockets *s, const mo_wants *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->nlistening; i++) {
        if (w && wants_listening(w, s->listening[i]))
            s->listening[n++] = s->listening[i];
        else
            close_listening(s->listening[i]);
    }
    s->nlistening = n;
    n = 0;
    for (uint32_t i = 0; i < s->ninboxes; i++) {
        if (w && wants_inboxes(w, s->inboxes[i]))
            s->inboxes[n++] = s->inboxes[i];
        else
            close_inboxes(s->inboxes[i]);
    }
    s->ninboxes = n;
}

/* --- over a channel ------------------------------------------------------------------------ */

typedef enum part_kind { PART_LISTENING, PART_RX, PART_TX, PART_END } part_kind;

typedef struct part {
    uint32_t kind, given, admin;
    char name[MO_ADDRESS], bound[MO_ADDRESS];
} part;

static bool send_part(int channel, const part *p, const int *fds, uint32_t n)
{
    struct iovec iov = {(void *)(uintptr_t)p, sizeof *p};
    do {
        uint32_t now = n < MO_CHANNEL_FDS ? n : MO_CHANNEL_FDS;
        int status = mo_channel_send(channel, &iov, 1, fds, now, true);
        if (status < 0) {
            errno = -status;
            return false;
        }
        fds += now;
        n -= now;
    } while (n);
    return true;
}

static part name_part(part_kind kind, const char *name)
{
    part p = {.kind = kind};
    snprintf(p.name, sizeof p.name, "%s", name);
    return p;
}

bool mo_sockets_send(const mo_sockets *s, const mo_wants *w, int channel)
{
    for (uint32_t i = 0; i < s->nlistening; i++) {
        const mo_listening *l = s->listening[i];
        part p = name_part(PART_LISTENING, l->asked);
        memcpy(p.bound, l->bound, sizeof p.bound);
        p.given = l->given;
        p.admin = l->admin;
        if (wants_listening(w, l) && !send_part(channel, &p, l->fds, l->n))
            return false;
    }
    for (uint32_t i = 0; i < w->ngroups; i++) {
        const mo_inboxes *b = find_inboxes(s, w->groups[i].name);
        if (!b)
            continue; /* they were opened */
        part rx = name_part(PART_RX, b->name), tx = name_part(PART_TX, b->name);
        if (!send_part(channel, &rx, b->rx, b->n) || !send_part(channel, &tx, b->tx, b->n))
            return false;
    }
    part end = name_part(PART_END, "");
    return send_part(channel, &end, NULL, 0);
}

static bool receive_listening(mo_sockets *ret, const part *p, const int *fds, size_t n)
{
    mo_listening *l = find_listening(ret, p->name, p->admin);
    if ((!l && !(l = add_listening(ret, p->name, p->admin, NULL))) || l->n + n > MO_SERVE_WORKERS)
        return false;
    memcpy(l->bound, p->bound, sizeof l->bound);
    l->given = p->given;
    memcpy(l->fds + l->n, fds, n * sizeof *fds);
    l->n += (uint32_t)n;
    return true;
}

/* The receiving ends come first; as many are then held as there will be pairs. */
static bool receive_inboxes(mo_sockets *ret, const part *p, const int *fds, size_t n, uint32_t *held)
{
    mo_inboxes *b = find_inboxes(ret, p->name);
    if (!b && !(b = add_inboxes(ret, p->name, NULL)))
        return false;
    uint32_t at = p->kind == PART_RX ? *held : b->n;
    if (at + n > MO_SERVE_WORKERS)
        return false;
    memcpy((p->kind == PART_RX ? b->rx : b->tx) + at, fds, n * sizeof *fds);
    if (p->kind == PART_RX)
        *held += (uint32_t)n;
    else if ((b->n += (uint32_t)n) >= *held)
        *held = 0;
    return true;
}

bool mo_sockets_receive(mo_sockets *ret, int channel)
{
    part p;
    int fds[MO_CHANNEL_FDS];
    size_t n;
    uint32_t held = 0;
    struct iovec iov = {&p, sizeof p};
    for (;;) {
        int64_t len = mo_channel_receive(channel, &iov, 1, fds, &n, true);
        if (len != sizeof p) {
            errno = len < 0 ? (int)-len : EPIPE;
            return false;
        }
        if (p.kind == PART_END)
            return true;
        if (p.kind == PART_LISTENING ? !receive_listening(ret, &p, fds, n) : !receive_inboxes(ret, &p, fds, n, &held)) {
            errno = EMFILE;
            return false;
        }
    }
}
