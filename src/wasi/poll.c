/* poll.c - poll_oneoff: subscriptions to clocks and descriptors become one wait, and what
 * came of it becomes events, in the order of the subscriptions.
 *
 *   guest's bytes -> read_one -> [sub] -> mo_wasi_wait -> finish_one -> guest's events
 *
 * A subscription that can't be waited for (no such descriptor, a missing right, a clock
 * that nobody sleeps on) is an event at once, with the error in it; the call itself
 * fails only for what no event could tell. */
#include "wasi/poll.h"
#include "wasi/guest.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SUBS 4096 /* a guest's memory is cheap, the host's is not */
#define FEW_SUBS 8     /* live on the stack */
#define EVENT_SIZE 32

typedef struct sub {
    uint64_t userdata;
    uint64_t left_ns; /* of a clock */
    uint64_t nbytes;
    uint32_t fd;
    int at; /* in the list of pollfds, or -1 */
    mo_errno error;
    uint16_t flags;
    uint8_t type;
    bool done; /* an event, whatever becomes of the others */
} sub;

typedef struct poll_list {
    sub *subs;
    struct pollfd *fds;
    uint32_t n, nfds;
    uint64_t wait_ns; /* until the first clock, or 0 if something is done already */
} poll_list;

static const mo_poll_layout preview1 = {.size = 48, .clock = 16};

/* --- reading subscriptions ------------------------------------------------- */

static void done(poll_list *l, sub *s, mo_errno error)
{
    s->done = true;
    s->error = error;
    l->wait_ns = 0;
}

/* p: id u32, timeout u64, precision u64, flags u16; precision is the kernel's business. */
static void read_clock(mo_wasi_call *c, poll_list *l, sub *s, const uint8_t *p)
{
    uint32_t id = mo_get32(p);
    uint64_t timeout = mo_get64(p + 8);
    bool absolute = mo_get16(p + 24) & MO_SUBCLOCK_ABSTIME;
    if (id != MO_CLOCK_REALTIME && id != MO_CLOCK_MONOTONIC) {
        done(l, s, id > MO_CLOCK_THREAD ? MO_E_INVAL : MO_E_NOTSUP);
        return;
    }
    uint64_t now = 0;
    mo_errno err = absolute ? mo_clock_now(c, id, &now) : MO_E_SUCCESS;
    if (err) {
        done(l, s, err);
        return;
    }
    s->left_ns = timeout > now ? timeout - now : 0;
    if (s->left_ns == 0)
        done(l, s, MO_E_SUCCESS);
    else if (s->left_ns < l->wait_ns)
        l->wait_ns = s->left_ns;
}

/* A listener is read from by accepting. */
static mo_desc *take(mo_wasi_call *c, const sub *s, mo_errno *err)
{
    mo_desc *d = mo_wasi_take(c->wasi, s->fd, MO_RIGHT_POLL_FD_READWRITE, err);
    uint64_t rights = s->type == MO_EVENT_FD_WRITE ? MO_RIGHT_FD_WRITE : MO_RIGHT_FD_READ | MO_RIGHT_SOCK_ACCEPT;
    if (d && !(d->rights & rights)) {
        *err = MO_E_NOTCAPABLE;
        return NULL;
    }
    return d;
}

static uint64_t left_in_file(int host)
{
    struct stat st;
    off_t at = lseek(host, 0, SEEK_CUR);
    return at >= 0 && fstat(host, &st) == 0 && st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
}

/* What never waits is done here. */
static mo_errno read_desc(poll_list *l, sub *s, const mo_desc *d)
{
    bool writes = s->type == MO_EVENT_FD_WRITE;
    switch ((mo_desc_kind)d->kind) {
    case MO_DESC_FREE:
    case MO_DESC_FOLDER:
        return MO_E_BADF;
    case MO_DESC_STREAM:
        s->nbytes = 1; /* nobody knows */
        s->done = true;
        return (writes ? d->stream.write != NULL : d->stream.read != NULL) ? MO_E_SUCCESS : MO_E_BADF;
    case MO_DESC_INPUT:
        s->nbytes = d->len - d->at;
        s->done = true;
        return writes ? MO_E_BADF : MO_E_SUCCESS;
    case MO_DESC_HOST:
    case MO_DESC_SOCKET:
        break;
    }
    if (d->ready) {
        s->nbytes = writes || !mo_desc_is_file(d) ? 1 : left_in_file(d->host);
        s->done = true;
        return MO_E_SUCCESS;
    }
    s->at = (int)l->nfds;
    l->fds[l->nfds++] = (struct pollfd){.fd = d->host, .events = writes ? POLLOUT : POLLIN};
    return MO_E_SUCCESS;
}

static void read_fd(mo_wasi_call *c, poll_list *l, sub *s, const uint8_t *p)
{
    mo_errno err = MO_E_SUCCESS;
    s->fd = mo_get32(p);
    const mo_desc *d = take(c, s, &err);
    if (d)
        err = read_desc(l, s, d);
    if (err || s->done)
        done(l, s, err);
}

static void read_one(mo_wasi_call *c, poll_list *l, sub *s, const uint8_t *p, const mo_poll_layout *layout)
{
    *s = (sub){.userdata = mo_get64(p), .type = p[8], .at = -1};
    if (s->type == MO_EVENT_CLOCK)
        read_clock(c, l, s, p + layout->clock);
    else if (s->type == MO_EVENT_FD_READ || s->type == MO_EVENT_FD_WRITE)
        read_fd(c, l, s, p + 16);
    else
        done(l, s, MO_E_INVAL);
}

/* --- waiting, and what came of it ------------------------------------------- */

static void finish_fd(const poll_list *l, sub *s)
{
    short revents = l->fds[s->at].revents;
    int n = 0;
    if (!revents)
        return;
    s->done = true;
    if (revents & POLLNVAL)
        s->error = MO_E_BADF;
    if (revents & (POLLHUP | POLLERR)) /* what is wrong, the next read or write tells */
        s->flags = MO_EVENTFLAG_HANGUP;
    bool known = s->type == MO_EVENT_FD_READ && ioctl(l->fds[s->at].fd, FIONREAD, &n) == 0;
    s->nbytes = s->error ? 0 : known ? (uint64_t)n : 1;
}

/* all: the whole time went by. */
static void finish_one(const poll_list *l, sub *s, bool all)
{
    if (s->done)
        return;
    if (s->at >= 0)
        finish_fd(l, s);
    else
        s->done = all && s->left_ns <= l->wait_ns;
}

static void put_event(uint8_t *to, const sub *s)
{
    memset(to, 0, EVENT_SIZE);
    memcpy(to, &s->userdata, sizeof s->userdata);
    memcpy(to + 8, &s->error, sizeof s->error);
    to[10] = s->type;
    memcpy(to + 16, &s->nbytes, sizeof s->nbytes);
    memcpy(to + 24, &s->flags, sizeof s->flags);
}

static mo_errno put_events(mo_wasi_call *c, const poll_list *l, uint32_t out, uint32_t retn)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (!l->subs[i].done)
            continue;
        uint8_t *to = mo_guest_write(c, out + n++ * EVENT_SIZE, EVENT_SIZE);
        if (!to)
            return MO_E_FAULT;
        put_event(to, &l->subs[i]);
    }
    return mo_guest_put32(c, retn, n) ? MO_E_SUCCESS : MO_E_FAULT;
}

static mo_errno poll_them(mo_wasi_call *c, poll_list *l, const mote_raw *args, const mo_poll_layout *layout)
{
    uint32_t in = args[0].u32, out = args[1].u32, retn = args[3].u32;
    const uint8_t *p = mo_guest_read(c, in, (uint64_t)l->n * layout->size);
    if (!p || !mo_guest_write(c, out, (uint64_t)l->n * EVENT_SIZE) || !mo_guest_write(c, retn, 4))
        return MO_E_FAULT;
    for (uint32_t i = 0; i < l->n; i++)
        read_one(c, l, &l->subs[i], p + (size_t)i * layout->size, layout);
    int ready = mo_wasi_wait(c, l->fds, l->nfds, l->wait_ns);
    if (ready < 0)
        return mo_wasi_errno(-ready);
    for (uint32_t i = 0; i < l->n; i++)
        finish_one(l, &l->subs[i], ready == 0);
    return put_events(c, l, out, retn);
}

mo_errno mo_poll(mo_wasi_call *c, const mote_raw *args, const mo_poll_layout *layout)
{
    sub subs[FEW_SUBS];
    struct pollfd fds[FEW_SUBS];
    poll_list l = {subs, fds, .n = args[2].u32, .wait_ns = UINT64_MAX};
    if (l.n == 0 || l.n > MOST_SUBS)
        return MO_E_INVAL;
    if (l.n <= FEW_SUBS)
        return poll_them(c, &l, args, layout);
    l.subs = mo_alloc(l.n * (sizeof *subs + sizeof *fds));
    if (!l.subs)
        return MO_E_NOMEM;
    l.fds = (struct pollfd *)(void *)(l.subs + l.n);
    mo_errno err = poll_them(c, &l, args, layout);
    mo_free(l.subs);
    return err;
}

mo_errno mo_wasi_poll_oneoff(mo_wasi_call *c, const mote_raw *args) { return mo_poll(c, args, &preview1); }
