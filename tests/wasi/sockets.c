/* Sockets: a granted listener accepts, connections carry bytes both ways, and what is no
 * socket, not allowed or gone is an errno, never a signal. Loopback only. */
#include "wasi/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENER = 3, RET = 16, IOVS = 64, BUF = 4096, FLAGS = 24 };

typedef struct peer {
    sandbox s;
    struct sockaddr_in at; /* of the listener */
    int host;              /* the other end, or -1 */
    uint32_t fd;           /* the guest's end */
} peer;

static int connect_to(const peer *p)
{
    static const struct timeval long_enough = {.tv_sec = 20}; /* for a test that fails not to hang */
    int host = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(host, SOL_SOCKET, SO_RCVTIMEO, &long_enough, sizeof long_enough);
    if (host < 0 || connect(host, (const struct sockaddr *)&p->at, sizeof p->at)) {
        test_failed(__FILE__, __LINE__, "connect");
        exit(1);
    }
    return host;
}

static peer listening(void)
{
    peer p = {.at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, .host = -1};
    socklen_t len = sizeof p.at;
    mote_error err;
    mote_wasi *wasi = new_wasi();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&p.at, len) || listen(listener, 8) ||
        getsockname(listener, (struct sockaddr *)&p.at, &len)) {
        test_failed(__FILE__, __LINE__, "listen");
        exit(1);
    }
    expect_u64(mote_wasi_preopen_socket(wasi, listener, &err), MOTE_OK);
    p.s = sandbox_of(wasi);
    return p;
}

static peer connected(uint32_t flags)
{
    peer p = listening();
    p.host = connect_to(&p);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, flags, RET), MO_E_SUCCESS);
    p.fd = get32(&p.s, RET);
    return p;
}

static void end(peer *p)
{
    if (p->host >= 0) close(p->host);
    sandbox_end(&p->s);
}

static uint32_t recv_some(peer *p, uint32_t len, uint32_t flags)
{
    put_iovec(&p->s, IOVS, BUF, len);
    put32(&p->s, FLAGS, 0xffff);
    return CALL(&p->s, sock_recv, p->fd, IOVS, 1, flags, RET, FLAGS);
}

static uint32_t send_some(peer *p, uint32_t len)
{
    put_iovec(&p->s, IOVS, BUF, len);
    return CALL(&p->s, sock_send, p->fd, IOVS, 1, 0, RET);
}

static void expect_bytes(const peer *p, const char *text)
{
    expect_u64(get32(&p->s, RET), strlen(text));
    expect(memcmp(p->s.memory + BUF, text, strlen(text)) == 0);
    expect_u64(get16(&p->s, FLAGS), 0);
}

/* --- accepting ------------------------------------------------------------------- */

TEST(a_connection_is_a_new_descriptor)
{
    need_compiler();
    peer p = connected(0);
    expect_u64(p.fd, 4);
    expect_u64(CALL(&p.s, fd_fdstat_get, p.fd, BUF), MO_E_SUCCESS);
    expect_u64(p.s.memory[BUF], MO_FILETYPE_SOCKET_STREAM);
    expect_u64(get16(&p.s, BUF + 2), 0);
    uint64_t rights = get64(&p.s, BUF + 8);
    expect(rights & MO_RIGHT_FD_READ && rights & MO_RIGHT_FD_WRITE && rights & MO_RIGHT_SOCK_SHUTDOWN &&
           rights & MO_RIGHT_POLL_FD_READWRITE && !(rights & MO_RIGHT_SOCK_ACCEPT));
    expect_u64(CALL(&p.s, fd_close, p.fd), MO_E_SUCCESS);
    char c;
    expect(read(p.host, &c, 1) == 0);
    expect_u64(CALL(&p.s, sock_recv, p.fd, IOVS, 1, 0, RET, FLAGS), MO_E_BADF);
    end(&p);
}

TEST(accepting_waits_unless_it_should_not)
{
    need_compiler();
    peer p = listening();
    expect_u64(CALL(&p.s, fd_fdstat_set_flags, LISTENER, MO_FDFLAG_NONBLOCK), MO_E_SUCCESS);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, RET), MO_E_AGAIN);
    p.host = connect_to(&p);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, RET), MO_E_SUCCESS);
    end(&p);
}

static void *connect_soon(void *p)
{
    usleep(20000);
    ((peer *)p)->host = connect_to(p);
    return NULL;
}

TEST(accepting_ends_when_someone_connects)
{
    need_compiler();
    pthread_t thread;
    peer p = listening();
    pthread_create(&thread, NULL, connect_soon, &p);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, RET), MO_E_SUCCESS);
    pthread_join(thread, NULL);
    end(&p);
}

TEST(what_cannot_be_accepted_from_is_told)
{
    need_compiler();
    peer p = listening();
    int ends[2];
    mote_error err;
    require(pipe2(ends, O_CLOEXEC) == 0);
    expect_u64(mote_wasi_set_fd(p.s.wasi, 0, ends[0], true, &err), MOTE_OK);
    expect_u64(CALL(&p.s, sock_accept, 99, 0, RET), MO_E_BADF);
    expect_u64(CALL(&p.s, sock_accept, UINT32_MAX, 0, RET), MO_E_BADF);
    expect_u64(CALL(&p.s, sock_accept, 0, 0, RET), MO_E_NOTCAPABLE);
    p.host = connect_to(&p);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, MO_FDFLAG_APPEND, RET), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 1u << 16, RET), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, MEMORY - 3), MO_E_FAULT);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, RET), MO_E_SUCCESS); /* it is still there */
    p.fd = get32(&p.s, RET);
    expect_u64(CALL(&p.s, sock_accept, p.fd, 0, RET), MO_E_NOTCAPABLE);
    expect_u64(CALL(&p.s, fd_fdstat_set_rights, LISTENER, MO_RIGHT_FD_READ, 0), MO_E_SUCCESS);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, RET), MO_E_NOTCAPABLE);
    close(ends[1]);
    end(&p);
}

/* --- bytes ------------------------------------------------------------------------- */

TEST(bytes_come_and_can_be_looked_at_first)
{
    need_compiler();
    peer p = connected(0);
    expect(write(p.host, "hello", 5) == 5);
    expect_u64(recv_some(&p, 3, MO_RIFLAG_PEEK), MO_E_SUCCESS);
    expect_bytes(&p, "hel");
    expect_u64(recv_some(&p, 100, 0), MO_E_SUCCESS);
    expect_bytes(&p, "hello");
    shutdown(p.host, SHUT_WR);
    expect_u64(recv_some(&p, 100, 0), MO_E_SUCCESS);
    expect_bytes(&p, "");
    expect_u64(recv_some(&p, 100, MO_RIFLAG_WAITALL | MO_RIFLAG_PEEK), MO_E_SUCCESS);
    expect_bytes(&p, "");
    end(&p);
}

static void *write_twice(void *p)
{
    int host = ((peer *)p)->host;
    usleep(20000);
    expect(write(host, "one ", 4) == 4);
    usleep(20000);
    expect(write(host, "two.", 4) == 4);
    return NULL;
}

TEST(all_bytes_can_be_waited_for)
{
    need_compiler();
    pthread_t thread;
    peer p = connected(0);
    pthread_create(&thread, NULL, write_twice, &p);
    put_iovec(&p.s, IOVS, BUF, 3);
    put_iovec(&p.s, IOVS + 8, MEMORY, 0); /* empty, but it has to be inside */
    put_iovec(&p.s, IOVS + 16, BUF + 3, 5);
    expect_u64(CALL(&p.s, sock_recv, p.fd, IOVS, 3, MO_RIFLAG_WAITALL, RET, FLAGS), MO_E_SUCCESS);
    pthread_join(thread, NULL);
    expect_u64(get32(&p.s, RET), 8);
    expect(memcmp(p.s.memory + BUF, "one two.", 8) == 0);
    expect(write(p.host, "end", 3) == 3);
    shutdown(p.host, SHUT_WR);
    expect_u64(recv_some(&p, 100, MO_RIFLAG_WAITALL), MO_E_SUCCESS);
    expect_u64(get32(&p.s, RET), 3);
    end(&p);
}

TEST(receiving_does_not_wait_if_it_should_not)
{
    need_compiler();
    peer p = connected(MO_FDFLAG_NONBLOCK);
    expect_u64(CALL(&p.s, fd_fdstat_get, p.fd, BUF), MO_E_SUCCESS);
    expect_u64(get16(&p.s, BUF + 2), MO_FDFLAG_NONBLOCK);
    expect_u64(recv_some(&p, 8, 0), MO_E_AGAIN);
    put_iovec(&p.s, IOVS, BUF, 8);
    expect_u64(CALL(&p.s, fd_read, p.fd, IOVS, 1, RET), MO_E_AGAIN);
    expect(write(p.host, "abc", 3) == 3);
    expect_u64(recv_some(&p, 8, MO_RIFLAG_WAITALL), MO_E_SUCCESS); /* what is there */
    expect_bytes(&p, "abc");
    end(&p);
}

TEST(a_datagram_that_is_cut_says_so)
{
    need_compiler();
    mote_error err;
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    mote_wasi *wasi = new_wasi();
    expect_u64(mote_wasi_set_fd(wasi, 0, ends[0], true, &err), MOTE_OK);
    peer p = {.s = sandbox_of(wasi), .host = ends[1], .fd = 0};
    expect_u64(CALL(&p.s, fd_fdstat_get, 0, BUF), MO_E_SUCCESS);
    expect_u64(p.s.memory[BUF], MO_FILETYPE_SOCKET_DGRAM);
    expect(send(p.host, "0123456789", 10, 0) == 10);
    expect(send(p.host, "abc", 3, 0) == 3);
    expect_u64(recv_some(&p, 4, 0), MO_E_SUCCESS);
    expect_u64(get32(&p.s, RET), 4);
    expect_u64(get16(&p.s, FLAGS), MO_ROFLAG_DATA_TRUNCATED);
    expect_u64(recv_some(&p, 100, MO_RIFLAG_WAITALL), MO_E_SUCCESS); /* of datagrams, one */
    expect_bytes(&p, "abc");
    expect_u64(CALL(&p.s, sock_shutdown, 0, MO_SDFLAG_RD), MO_E_NOTSUP);
    expect_u64(CALL(&p.s, sock_shutdown, 0, MO_SDFLAG_WR), MO_E_SUCCESS);
    expect_u64(send_some(&p, 1), MO_E_PIPE);
    end(&p);
}

static void *read_all(void *p)
{
    static char bytes[65536];
    uintptr_t sum = 0;
    for (ssize_t n; (n = read(((peer *)p)->host, bytes, sizeof bytes)) > 0;) sum += (size_t)n;
    return (void *)sum;
}

TEST(sending_goes_on_until_all_is_sent)
{
    need_compiler();
    pthread_t thread;
    void *sum;
    peer p = connected(0);
    pthread_create(&thread, NULL, read_all, &p);
    uint32_t most = MEMORY - BUF;
    for (int i = 0; i < 200; i++) {
        expect_u64(send_some(&p, most), MO_E_SUCCESS);
        expect_u64(get32(&p.s, RET), most);
    }
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, MO_SDFLAG_WR), MO_E_SUCCESS);
    pthread_join(thread, &sum);
    expect_u64((uintptr_t)sum, 200 * (uint64_t)most);
    end(&p);
}

TEST(files_functions_work_on_connections)
{
    need_compiler();
    char got[8];
    peer p = connected(0);
    put_iovec(&p.s, IOVS, BUF, 5);
    memcpy(p.s.memory + BUF, "guest", 5);
    expect_u64(CALL(&p.s, fd_write, p.fd, IOVS, 1, RET), MO_E_SUCCESS);
    expect(read(p.host, got, sizeof got) == 5 && memcmp(got, "guest", 5) == 0);
    expect(write(p.host, "host", 4) == 4);
    expect_u64(CALL(&p.s, fd_read, p.fd, IOVS, 1, RET), MO_E_SUCCESS);
    expect_u64(get32(&p.s, RET), 4);
    expect(memcmp(p.s.memory + BUF, "host", 4) == 0);
    expect_u64(CALL(&p.s, fd_seek, p.fd, 0, MO_WHENCE_CUR, RET), MO_E_SPIPE);
    end(&p);
}

TEST(a_peer_that_is_gone_is_an_errno)
{
    need_compiler();
    peer p = connected(0);
    struct linger hard = {.l_onoff = 1};
    setsockopt(p.host, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(p.host);
    p.host = -1;
    expect_u64(recv_some(&p, 8, 0), MO_E_CONNRESET);
    expect_u64(send_some(&p, 8), MO_E_PIPE);
    expect_u64(CALL(&p.s, fd_write, p.fd, IOVS, 1, RET), MO_E_PIPE);
    end(&p);
}

TEST(what_cannot_be_sent_or_received_is_told)
{
    need_compiler();
    peer p = connected(0);
    expect(write(p.host, "abc", 3) == 3);
    expect_u64(recv_some(&p, 8, 4), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_recv, 99, IOVS, 1, 0, RET, FLAGS), MO_E_BADF);
    expect_u64(CALL(&p.s, sock_recv, p.fd, IOVS, 1, 0, MEMORY - 3, FLAGS), MO_E_FAULT);
    expect_u64(CALL(&p.s, sock_recv, p.fd, IOVS, 1, 0, RET, MEMORY - 1), MO_E_FAULT);
    expect_u64(CALL(&p.s, sock_recv, p.fd, MEMORY - 7, 1, 0, RET, FLAGS), MO_E_FAULT);
    expect_u64(CALL(&p.s, sock_recv, p.fd, IOVS, UINT32_MAX, 0, RET, FLAGS), MO_E_INVAL);
    put_iovec(&p.s, IOVS, MEMORY - 4, 5);
    expect_u64(CALL(&p.s, sock_recv, p.fd, IOVS, 1, 0, RET, FLAGS), MO_E_FAULT);
    expect_u64(CALL(&p.s, sock_send, p.fd, IOVS, 1, 0, RET), MO_E_FAULT);
    expect_u64(CALL(&p.s, sock_send, 99, IOVS, 1, 0, RET), MO_E_BADF);
    put_iovec(&p.s, IOVS, BUF, 3);
    expect_u64(CALL(&p.s, sock_send, p.fd, IOVS, 1, 1, RET), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_send, p.fd, IOVS, 1, 0, MEMORY), MO_E_FAULT);
    expect_u64(CALL(&p.s, sock_recv, LISTENER, IOVS, 1, 0, RET, FLAGS), MO_E_NOTCONN);
    expect_u64(recv_some(&p, 8, 0), MO_E_SUCCESS); /* nothing of it was lost */
    expect_bytes(&p, "abc");
    expect_u64(CALL(&p.s, fd_fdstat_set_rights, p.fd, 0, 0), MO_E_SUCCESS);
    expect_u64(recv_some(&p, 8, 0), MO_E_NOTCAPABLE);
    expect_u64(send_some(&p, 8), MO_E_NOTCAPABLE);
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, MO_SDFLAG_WR), MO_E_NOTCAPABLE);
    end(&p);
}

TEST(files_are_no_sockets)
{
    need_compiler();
    mote_error err;
    mote_wasi *wasi = new_wasi();
    int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    expect_u64(mote_wasi_set_fd(wasi, 0, zero, true, &err), MOTE_OK);
    peer p = {.s = sandbox_of(wasi), .host = -1, .fd = 0};
    expect_u64(recv_some(&p, 8, 0), MO_E_NOTSOCK);
    expect_u64(send_some(&p, 8), MO_E_NOTSOCK);
    end(&p);
}

/* --- shutting down -------------------------------------------------------------------- */

TEST(directions_end_one_by_one)
{
    need_compiler();
    char c;
    peer p = connected(0);
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, 0), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, 4), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, UINT32_MAX), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_shutdown, 99, MO_SDFLAG_RD), MO_E_BADF);
    expect_u64(CALL(&p.s, sock_shutdown, LISTENER, 4), MO_E_INVAL);
    expect_u64(CALL(&p.s, sock_shutdown, LISTENER, MO_SDFLAG_RD | MO_SDFLAG_WR), MO_E_NOTCONN);
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, MO_SDFLAG_WR), MO_E_SUCCESS);
    expect(read(p.host, &c, 1) == 0);
    expect_u64(send_some(&p, 1), MO_E_PIPE);
    expect(write(p.host, "x", 1) == 1);
    expect_u64(recv_some(&p, 8, 0), MO_E_SUCCESS);
    expect_bytes(&p, "x");
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, MO_SDFLAG_RD), MO_E_SUCCESS);
    expect_u64(recv_some(&p, 8, 0), MO_E_SUCCESS);
    expect_bytes(&p, "");
    close(p.host);
    p.host = connect_to(&p);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, RET), MO_E_SUCCESS);
    p.fd = get32(&p.s, RET);
    expect_u64(CALL(&p.s, sock_shutdown, p.fd, MO_SDFLAG_RD | MO_SDFLAG_WR), MO_E_SUCCESS);
    expect(read(p.host, &c, 1) == 0);
    end(&p);
}

/* --- waiting --------------------------------------------------------------------------- */

TEST(listeners_and_connections_can_be_polled)
{
    need_compiler();
    peer p = listening();
    put64(&p.s, 1024, 1);
    put64(&p.s, 1032, MO_EVENT_FD_READ);
    put64(&p.s, 1040, LISTENER);
    p.host = connect_to(&p);
    expect_u64(CALL(&p.s, poll_oneoff, 1024, 2048, 1, RET), MO_E_SUCCESS);
    expect_u64(get32(&p.s, RET), 1);
    expect_u64(get16(&p.s, 2048 + 8), MO_E_SUCCESS);
    expect_u64(CALL(&p.s, sock_accept, LISTENER, 0, RET), MO_E_SUCCESS);
    expect(write(p.host, "abcd", 4) == 4);
    put64(&p.s, 1040, get32(&p.s, RET));
    expect_u64(CALL(&p.s, poll_oneoff, 1024, 2048, 1, RET), MO_E_SUCCESS);
    expect_u64(get64(&p.s, 2048 + 16), 4);
    expect_u64(get16(&p.s, 2048 + 24), 0);
    end(&p);
}

static void *interrupt_soon(void *store)
{
    usleep(20000);
    expect(mote_store_interrupt(store, MOTE_TRAP_INTERRUPTED));
    return NULL;
}

static void ends(peer *p, uint32_t (*call)(peer *p))
{
    pthread_t thread;
    mote_error err;
    pthread_create(&thread, NULL, interrupt_soon, p->s.w.store);
    call(p);
    expect_trap(&p->s.w, INTERRUPTED);
    pthread_join(thread, NULL);
    expect_u64(mote_store_set_timeout(p->s.w.store, 20000, &err), MOTE_OK);
    call(p);
    expect_trap(&p->s.w, TIMEOUT);
    expect_u64(mote_store_set_timeout(p->s.w.store, 0, &err), MOTE_OK);
}

static uint32_t accept_one(peer *p) { return CALL(&p->s, sock_accept, LISTENER, 0, RET); }
static uint32_t recv_one(peer *p) { return recv_some(p, 8, 0); }
static uint32_t recv_all(peer *p) { return recv_some(p, 8, MO_RIFLAG_WAITALL); }
static uint32_t send_for_ever(peer *p)
{
    while (send_some(p, MEMORY - BUF) == MO_E_SUCCESS) {}
    return 0;
}

TEST(a_guest_that_waits_for_a_peer_can_be_ended)
{
    need_compiler();
    peer p = connected(0);
    ends(&p, accept_one);
    ends(&p, recv_one);
    expect(write(p.host, "x", 1) == 1);
    ends(&p, recv_all);
    ends(&p, send_for_ever);
    end(&p);
}
