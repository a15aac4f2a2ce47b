/* handover.c - connections in letters. */
#include "serve/process/handover.h"

#include "serve/process/channel.h"
#include "serve/http/http1.h"
#include "serve/process/worker.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_NS (MO_NS_PER_S / 200) /* after an inbox was full */

typedef struct letter {
    uint64_t due_ns;      /* of the connection's timer */
    uint32_t generation;  /* of the sender, which has counted it as due to a row: */
    uint32_t row;         /* or NO_ROW */
    uint32_t len;         /* of the bytes behind */
} letter;
#define NO_ROW UINT32_MAX

static void count_due(const mo_seat *p, uint32_t row, int32_t by)
{
    if (row < MO_SERVE_WORKERS)
        atomic_fetch_add_explicit(&p->board->rows[row].due, by, memory_order_relaxed);
}

static int post(const mo_seat *p, uint32_t group, uint32_t index, letter l, int fd, mo_span bytes)
{
    const mo_inboxes *b = p->sockets->inboxes[group];
    const struct iovec iovs[] = {{&l, sizeof l}, {(void *)(uintptr_t)bytes.at, bytes.len}};
    count_due(p, l.row, 1);
    int status = mo_channel_send(b->tx[index % b->n], iovs, bytes.len ? 2 : 1, &fd, 1, false);
    if (status < 0)
        count_due(p, l.row, -1);
    return status;
}

static uint32_t first_row(const mo_wants *w, uint32_t group)
{
    uint32_t row = 0;
    for (uint32_t i = 0; i < group; i++)
        row += w->groups[i].nworkers;
    return row;
}

/* The row of the group's worker that has least to do; one that serves, if one does. */
static uint32_t find_idle(const mo_seat *p, uint32_t group, uint32_t *retload)
{
    uint32_t row = first_row(p->wants, group), end = row + p->wants->groups[group].nworkers, best = row;
    uint32_t least = UINT32_MAX;
    for (; row < end; row++) {
        const mo_row *r = &p->board->rows[row];
        uint32_t load = mo_row_load(r);
        if (atomic_load_explicit(&r->state, memory_order_relaxed) == MO_ROW_SERVES && load < least) {
            least = load;
            best = row;
        }
    }
    *retload = least;
    return best;
}

/* --- sending ------------------------------------------------------------------------ */

/* Of another generation's workers nothing is known: they take turns. */
static int post_anywhere(mo_worker *w, uint32_t group, letter l, int fd, mo_span bytes)
{
    uint32_t load;
    if (w->drains)
        return post(w->seat, group, w->seat->index + w->nposted++, l, fd, bytes);
    l.row = find_idle(w->seat, group, &load);
    return post(w->seat, group, l.row - first_row(w->seat->wants, group), l, fd, bytes);
}

bool mo_handover_conn(mo_conn *c, uint32_t group)
{
    mo_worker *w = c->worker;
    if (w->drains) /* who finds out whose it is: the group's workers may be no more */
        group = 0;
    letter l = {.due_ns = c->timer.due, .generation = w->seat->board->generation, .row = NO_ROW, .len = (uint32_t)mo_conn_have(c)};
    if (w->loop.now_ns < w->post_at_ns)
        return false;
    int status = post_anywhere(w, group, l, c->source.fd, (mo_span){c->in ? mo_conn_bytes(c) : NULL, l.len});
    if (status == 0) {
        mo_conn_close(c);
        return true;
    }
    if (status == -EAGAIN || status == -ETOOMANYREFS || status == -ENOBUFS) {
        w->post_at_ns = w->loop.now_ns + AGAIN_NS;
        mo_alarm_set(&w->loop, &w->post_again, w->post_at_ns);
    }
    return false;
}

/* Equal to one or two; with many connections an eighth, for passing costs more than it gains. */
bool mo_handover_accepted(mo_worker *w, int fd)
{
    const mo_seat *p = w->seat;
    uint32_t least;
    if (w->drains || p->wants->groups[p->group].nworkers < 2)
        return false;
    letter l = {.due_ns = MO_NEVER, .generation = p->board->generation, .row = find_idle(p, p->group, &least)};
    if (least == UINT32_MAX || l.row == p->row || w->nconns + 1 < (size_t)least + 2 + least / 8)
        return false;
    if (post(p, p->group, l.row - first_row(p->wants, p->group), l, fd, (mo_span){NULL, 0}) < 0)
        return false;
    close(fd);
    return true;
}

/* --- receiving -------------------------------------------------------------------------- */

static void open_letter(mo_worker *w, const letter *l, int fd, uint8_t *bytes)
{
    if (l->generation == w->seat->board->generation)
        count_due(w->seat, l->row, -1);
    if (!l->len) {
        mo_worker_give_buffer(w, bytes);
        bytes = NULL;
    }
    mo_conn_adopt(w, fd, &mo_http1, bytes, l->len, l->due_ns);
}

bool mo_handover_take(mo_worker *w, int rx)
{
    letter l;
    int fds[MO_CHANNEL_FDS];
    size_t n;
    uint8_t *bytes = mo_worker_take_buffer(w);
    const struct iovec iovs[] = {{&l, sizeof l}, {bytes, MO_CONN_IN}};
    if (!bytes)
        return false;
    int64_t len = mo_channel_receive(rx, iovs, 2, fds, &n, false);
    if (n == 1 && len >= (int64_t)sizeof l && (uint64_t)len - sizeof l == l.len) {
        open_letter(w, &l, fds[0], bytes);
        return true;
    }
    while (n)
        close(fds[--n]);
    mo_worker_give_buffer(w, bytes);
    return len > 0 || len == -EMSGSIZE;
}
