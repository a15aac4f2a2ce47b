/* conn.c - sockets read, written and closed. */
#include "serve/http/conn.h"

#include "call/call.h"
#include "serve/process/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SMALL = 2048 }; /* bytes */
#define LINGER_NS (2 * MO_NS_PER_S)
#define LINGER_BYTES ((uint64_t)1 << 20)

static mo_conn *conn_of(mo_watch *s) { return (mo_conn *)(void *)((char *)s - offsetof(mo_conn, source)); }
static mo_conn *conn_of_timer(mo_alarm *t) { return (mo_conn *)(void *)((char *)t - offsetof(mo_conn, timer)); }

/* --- beginning and end ----------------------------------------------------------- */

static void put_fact(mo_conn *c, const char *name, const char *value)
{
    size_t left = sizeof c->facts - c->facts_len;
    int n = snprintf(c->facts + c->facts_len, left, "%s=%s", name, value);
    if (n < 0 || (size_t)n >= left)
        return;
    c->facts_len += (size_t)n + 1;
    c->nfacts++;
}

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
} address;

static void put_address(mo_conn *c, const address *a, const char *host_name, const char *port_name)
{
    char host[INET6_ADDRSTRLEN] = "", port[8];
    bool v6 = a->any.sa_family == AF_INET6;
    if (!v6 && a->any.sa_family != AF_INET)
        return;
    inet_ntop(a->any.sa_family, v6 ? (const void *)&a->v6.sin6_addr : &a->v4.sin_addr, host, sizeof host);
    snprintf(port, sizeof port, "%u", ntohs(v6 ? a->v6.sin6_port : a->v4.sin_port));
    if (host_name)
        put_fact(c, host_name, host);
    put_fact(c, port_name, port);
}

static bool is_proxy(const mo_conn *c)
{
    uint8_t bytes[16];
    const mo_worker *w = c->worker;
    const char *text = c->facts + sizeof "REMOTE_ADDR=" - 1; /* the first fact */
    return w->app->nproxies && c->nfacts && mo_address_read((mo_span){(const uint8_t *)text, strlen(text)}, bytes) &&
           mo_networks_hold(w->networks, w->app->nproxies, bytes);
}

static void learn_addresses(mo_conn *c)
{
    address a;
    socklen_t len = sizeof a;
    memset(&a, 0, sizeof a);
    if (getpeername(c->source.fd, &a.any, &len) == 0)
        put_address(c, &a, "REMOTE_ADDR", "REMOTE_PORT");
    len = sizeof a;
    if (getsockname(c->source.fd, &a.any, &len) == 0)
        put_address(c, &a, NULL, "SERVER_PORT");
    put_fact(c, "REQUEST_SCHEME", "http");
    c->is_proxy = is_proxy(c);
}

static void drop_more(mo_conn *c);

static void on_events(mo_watch *s, uint32_t events)
{
    mo_conn *c = conn_of(s);
    if (c->lingers) {
        drop_more(c);
    } else if (c->waiter) {
        c->came = events;
        mo_task_wake(c->waiter);
    } else if (s->wanted & events) {
        c->protocol->readable(c);
    } else {
        c->broken = true;
        mo_loop_forget(&c->worker->loop, s); /* it would be told for ever */
        c->protocol->broken(c);
    }
}

static void on_time(mo_alarm *t)
{
    mo_conn *c = conn_of_timer(t);
    if (c->lingers)
        mo_conn_close(c);
    else
        c->protocol->late(c);
}

void mo_conn_new(struct mo_worker *worker, int fd, const mo_protocol *protocol)
{
    mo_conn_adopt(worker, fd, protocol, NULL, 0, MO_NEVER);
}

void mo_conn_adopt(struct mo_worker *worker, int fd, const mo_protocol *protocol, uint8_t *in, size_t len, uint64_t due_ns)
{
    int on = 1;
    mo_conn *c = mo_calloc(1, sizeof *c + protocol->state_size);
    if (!c || !mo_alarm_init(&worker->loop, &c->timer, on_time)) {
        mo_free(c);
        close(fd);
        if (in)
            mo_worker_give_buffer(worker, in);
        return;
    }
    c->in = in;
    c->in_len = len;
    c->first_due_ns = due_ns;
    c->source = (mo_watch){.ready = on_events, .fd = fd};
    c->worker = worker;
    c->protocol = protocol;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    learn_addresses(c);
    mo_worker_add_conn(worker, c);
    protocol->begin(c);
}

static void put_buffer_back(mo_conn *c)
{
    if (c->in)
        mo_worker_give_buffer(c->worker, c->in);
    c->in = NULL;
    c->in_at = c->in_len = 0;
}

void mo_conn_close(mo_conn *c)
{
    mo_loop_forget(&c->worker->loop, &c->source);
    mo_alarm_release(&c->worker->loop, &c->timer);
    put_buffer_back(c);
    close(c->source.fd);
    mo_worker_remove_conn(c->worker, c);
    mo_free(c);
}

void mo_conn_abort(mo_conn *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    mo_conn_close(c);
}

/* A socket that is closed with unread bytes resets the connection, and the other end may
 * lose the answer that it was just sent. */
void mo_conn_linger(mo_conn *c)
{
    put_buffer_back(c);
    c->lingers = true;
    if (c->broken || shutdown(c->source.fd, SHUT_WR) != 0 || !mo_conn_want(c, EPOLLIN)) {
        mo_conn_close(c);
        return;
    }
    mo_alarm_set(&c->worker->loop, &c->timer, mo_now_ns() + LINGER_NS);
    drop_more(c);
}

static void drop_more(mo_conn *c)
{
    char bytes[16 << 10];
    ssize_t n = recv(c->source.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    c->lingered += n > 0 ? (uint64_t)n : 0;
    if (n <= 0 || c->lingered > LINGER_BYTES)
        mo_conn_close(c);
}

/* --- bytes ---------------------------------------------------------------------------- */

static int64_t result_of(mo_conn *c, ssize_t n)
{
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EINTR)
        return -EAGAIN;
    c->broken = true;
    return -errno;
}

int64_t mo_conn_fill(mo_conn *c)
{
    if (!c->in && !(c->in = mo_worker_take_buffer(c->worker)))
        return -ENOMEM;
    if (c->in_at) {
        memmove(c->in, c->in + c->in_at, mo_conn_have(c));
        c->in_len -= c->in_at;
        c->in_at = 0;
    }
    if (c->in_len == MO_CONN_IN)
        return -ENOBUFS;
    int64_t n = result_of(c, recv(c->source.fd, c->in + c->in_len, MO_CONN_IN - c->in_len, MSG_DONTWAIT));
    if (n > 0)
        c->in_len += (size_t)n;
    else if (c->in_len == 0)
        put_buffer_back(c);
    return n;
}

void mo_conn_take(mo_conn *c, size_t n)
{
    c->in_at += n;
    if (c->in_at == c->in_len)
        put_buffer_back(c);
}

int64_t mo_conn_read(mo_conn *c, void *to, size_t len)
{
    return result_of(c, recv(c->source.fd, to, len, MSG_DONTWAIT));
}

/* A few bytes in one piece: copying them costs less than the kernel's walk of the list. */
static ssize_t send_small(mo_conn *c, const struct iovec *iovs, size_t n)
{
    char bytes[SMALL];
    size_t len = 0;
    for (size_t i = 0; i < n; len += iovs[i++].iov_len)
        if (iovs[i].iov_len)
            memcpy(bytes + len, iovs[i].iov_base, iovs[i].iov_len);
    return send(c->source.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int64_t mo_conn_write(mo_conn *c, const struct iovec *iovs, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n && len <= SMALL; i++)
        len += iovs[i].iov_len;
    if (len <= SMALL)
        return result_of(c, send_small(c, iovs, n));
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iovs, .msg_iovlen = n};
    return result_of(c, sendmsg(c->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* --- waiting ----------------------------------------------------------------------------- */

bool mo_conn_want(mo_conn *c, uint32_t events)
{
    return !c->broken && mo_loop_want(&c->worker->loop, &c->source, events);
}

void mo_conn_limit(mo_conn *c, uint64_t due_ns)
{
    if (due_ns != MO_NEVER && due_ns > c->first_due_ns)
        due_ns = c->first_due_ns;
    c->first_due_ns = MO_NEVER;
    mo_alarm_set(&c->worker->loop, &c->timer, due_ns);
}

bool mo_conn_wait(mo_conn *c, mo_task *t, uint32_t events, uint64_t due_ns)
{
    if (!mo_conn_want(c, events)) {
        c->broken = true;
        return true;
    }
    c->waiter = t;
    bool came = mo_task_wait(t, due_ns);
    c->waiter = NULL;
    return came;
}
