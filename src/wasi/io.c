/* io.c - bytes in and out of descriptors.
 * Bytes move by one system call on the guest's own buffers. Where an embedder waits for
 * the guest, what may block (pipe, terminal, socket) is asked not to, and the guest waits
 * in mo_wasi_wait(); elsewhere the system call itself waits. Flags of a descriptor are the guest's view: they go along
 * with each call, for the open file behind it may be shared with other processes. */
#include "call/call.h"
#include "wasi/guest.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef enum op_kind { READ, WRITE, PREAD, PWRITE } op_kind;

static inline bool is_write(op_kind op) { return op == WRITE || op == PWRITE; }
static inline bool has_offset(op_kind op) { return op == PREAD || op == PWRITE; }

/* What is to be moved. */
typedef struct transfer {
    op_kind op;
    mo_desc *d;
    struct iovec *iovs;
    size_t n;
    uint64_t offset;
} transfer;

/* --- descriptors of the host --------------------------------------------------------- */

static int flags_of(const transfer *t)
{
    if (mo_likely(!t->d->flags) || !is_write(t->op))
        return 0;
    return (t->d->flags & MO_FDFLAG_APPEND && t->op == WRITE ? RWF_APPEND : 0) |
           (t->d->flags & MO_FDFLAG_DSYNC ? RWF_DSYNC : 0) | (t->d->flags & (MO_FDFLAG_SYNC | MO_FDFLAG_RSYNC) ? RWF_SYNC : 0);
}

/* The system call for t; flags as of preadv2(), for what is no socket. */
static long system_call(const transfer *t, int flags, uint64_t args[6])
{
    static const long one[] = {SYS_read, SYS_write, SYS_pread64, SYS_pwrite64};
    static const long many[] = {SYS_readv, SYS_writev, SYS_preadv, SYS_pwritev};
    args[0] = (uint64_t)t->d->host;
    args[3] = flags && !has_offset(t->op) ? UINT64_MAX : t->offset;
    args[4] = 0;
    args[5] = (uint64_t)flags;
    if (t->n == 1 && !flags) {
        args[1] = (uintptr_t)t->iovs->iov_base;
        args[2] = t->iovs->iov_len;
        return one[t->op];
    }
    args[1] = (uintptr_t)t->iovs;
    args[2] = t->n;
    return !flags ? many[t->op] : is_write(t->op) ? SYS_pwritev2 : SYS_preadv2;
}

static int64_t call_socket(mo_wasi_call *c, const transfer *t, int flags)
{
    struct msghdr message = {.msg_iov = t->iovs, .msg_iovlen = t->n};
    const uint64_t args[6] = {(uint64_t)t->d->host, (uintptr_t)&message,
                              (uint64_t)(is_write(t->op) ? flags | MSG_NOSIGNAL : flags)};
    return mo_call_system(c->caller->context.run, is_write(t->op) ? SYS_sendmsg : SYS_recvmsg, args);
}

/* A read of a file that may have to wait for its disk, though it could be made elsewhere? */
static bool is_disk_read(const mo_wasi_call *c, const transfer *t)
{
    return c->wasi->elsewhere && !c->moved && !is_write(t->op) && mo_desc_is_file(t->d);
}

/* One system call: bytes moved, or -errno. A closed pipe and a file that is too large
 * are errors, no signals. */
static int64_t call_host(mo_wasi_call *c, const transfer *t, bool blocks)
{
    uint64_t args[6];
    if (t->d->kind == MO_DESC_SOCKET)
        return has_offset(t->op) ? -ESPIPE : call_socket(c, t, blocks ? 0 : MSG_DONTWAIT);
    bool hurries = blocks && !t->d->no_nowait && is_disk_read(c, t);
    long number = system_call(t, flags_of(t) | (blocks && !hurries ? 0 : RWF_NOWAIT), args);
    mo_thread_here.quiet = true;
    int64_t moved = mo_call_system(c->caller->context.run, number, args);
    mo_thread_here.quiet = false;
    if (mo_likely(!hurries || moved > 0))
        return moved;
    if (moved == -EOPNOTSUPP) {
        t->d->no_nowait = true;
        return call_host(c, t, blocks);
    }
    if (moved == -EAGAIN)
        mo_wasi_moves(c);
    return moved;
}

/* Until t's descriptor is ready: 0, or -errno. */
static int64_t wait_ready(mo_wasi_call *c, const transfer *t)
{
    struct pollfd fd = {.fd = t->d->host, .events = is_write(t->op) ? POLLOUT : POLLIN};
    int n = mo_wasi_wait(c, &fd, 1, t->d->flags & MO_FDFLAG_NONBLOCK ? 0 : UINT64_MAX);
    return n < 0 ? n : n == 0 ? -EAGAIN : 0;
}

/* A pipe that is ready takes that much without blocking. */
static int64_t move_ready(mo_wasi_call *c, const transfer *t)
{
    struct iovec some = t->iovs[0];
    transfer first = *t;
    int64_t failed = wait_ready(c, t);
    if (failed)
        return failed;
    if (is_write(t->op)) {
        some.iov_len = some.iov_len < PIPE_BUF ? some.iov_len : PIPE_BUF;
        first.iovs = &some;
        first.n = 1;
    }
    return call_host(c, &first, true);
}

/* May the system call itself wait? Then nobody else has to run on this thread
 * meanwhile; mo_call_system() ends with the guest's time as mo_wasi_wait() does. */
static bool may_block(const mo_wasi_call *c, const mo_desc *d)
{
    return d->ready || (!c->wasi->wait && !(d->flags & MO_FDFLAG_NONBLOCK));
}

/* As much as can be moved at once, but at least something. */
static int64_t move_some(mo_wasi_call *c, const transfer *t)
{
    for (;;) {
        bool blocks = may_block(c, t->d);
        int64_t moved = !blocks && t->d->poll_first ? move_ready(c, t) : call_host(c, t, blocks);
        if (mo_likely(moved >= 0) || c->moves)
            return moved;
        if (moved == -EAGAIN && !(t->d->flags & MO_FDFLAG_NONBLOCK)) {
            moved = wait_ready(c, t);
            if (moved < 0)
                return moved;
        } else if (moved == -EOPNOTSUPP && !blocks && !t->d->poll_first && t->d->kind == MO_DESC_HOST) {
            t->d->poll_first = true;
        } else if (moved != -EINTR || mo_wasi_interrupted(c)) {
            return moved;
        }
    }
}

static void skip(transfer *t, size_t len)
{
    while (t->n && len >= t->iovs->iov_len) {
        len -= t->iovs->iov_len;
        t->iovs++;
        t->n--;
    }
    if (t->n) {
        t->iovs->iov_base = (char *)t->iovs->iov_base + len;
        t->iovs->iov_len -= len;
    }
}

/* Of a file: more is moved in pieces where others wait for their turn. What is appended is
 * one piece, for so it lies in one. */
#define PIECE ((size_t)256 << 10)

static bool in_pieces(const mo_wasi_call *c, const transfer *t)
{
    return c->wasi->wait && mo_desc_is_file(t->d) && !(is_write(t->op) && t->d->flags & MO_FDFLAG_APPEND);
}

static bool is_large(const transfer *t)
{
    size_t total = 0;
    for (size_t i = 0; i < t->n && total <= PIECE; i++)
        total += t->iovs[i].iov_len;
    return total > PIECE;
}

static int64_t move_piece(mo_wasi_call *c, const transfer *t, size_t len)
{
    struct iovec some = {t->iovs[0].iov_base, len};
    transfer piece = *t;
    piece.iovs = &some;
    piece.n = 1;
    return move_some(c, &piece);
}

/* As much as one system call would move of all: until one moves less than it was asked to. */
static int64_t move_file(mo_wasi_call *c, transfer *t)
{
    int64_t total = 0;
    while (t->n) {
        size_t len = t->iovs[0].iov_len < PIECE ? t->iovs[0].iov_len : PIECE;
        int64_t moved = move_piece(c, t, len);
        if (moved < 0)
            return total ? total : moved;
        total += moved;
        if ((size_t)moved < len || mo_wasi_look(c))
            break;
        t->offset += len;
        skip(t, len);
    }
    return total;
}

/* What of a file is in memory; all of it, or the call is made elsewhere: then what was read
 * counts for nothing (serve_into). */
static int64_t read_cached(mo_wasi_call *c, transfer *t)
{
    int64_t total = 0, moved = is_large(t) ? 0 : move_some(c, t);
    if (moved < 0 || (moved == 0 && !is_large(t)))
        return moved;
    do {
        total += moved;
        t->offset += (uint64_t)moved;
        skip(t, (size_t)moved);
        if (!t->n || mo_wasi_look(c))
            return total;
        moved = move_piece(c, t, t->iovs[0].iov_len < PIECE ? t->iovs[0].iov_len : PIECE);
    } while (moved > 0);
    return total ? total : moved;
}

/* Writing blocks until all is written, as it does natively. An error after some bytes
 * is told by the next call. */
static int64_t move_host(mo_wasi_call *c, transfer *t)
{
    int64_t total = 0;
    if (!t->d->no_nowait && is_disk_read(c, t))
        return read_cached(c, t);
    if (mo_unlikely(is_large(t)) && in_pieces(c, t))
        return move_file(c, t);
    bool all = is_write(t->op) && !t->d->ready && !(t->d->flags & MO_FDFLAG_NONBLOCK);
    for (;;) {
        int64_t moved = move_some(c, t);
        if (moved < 0)
            return total ? total : moved;
        total += moved;
        if (!all)
            return total;
        skip(t, (size_t)moved);
        if (!t->n)
            return total;
    }
}

#define MOST_ERRNO 4095

/* --- the embedder's ----------------------------------------------------------------- */

static int64_t move_stream(const transfer *t)
{
    const mote_wasi_stream *s = &t->d->stream;
    int64_t total = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t len = t->iovs[i].iov_len;
        int64_t moved = is_write(t->op) ? s->write(s->data, t->iovs[i].iov_base, len)
                                        : s->read(s->data, t->iovs[i].iov_base, len);
        if (moved < -MOST_ERRNO || moved > (int64_t)len) /* what of it can be true? */
            moved = -EIO;
        if (moved < 0)
            return total ? total : moved;
        total += moved;
        if ((uint64_t)moved < len)
            break;
    }
    return total;
}

static int64_t move_input(const transfer *t)
{
    mo_desc *d = t->d;
    size_t total = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t len = t->iovs[i].iov_len, left = d->len - d->at;
        if (len > left)
            len = left;
        if (len)
            memcpy(t->iovs[i].iov_base, d->bytes + d->at, len);
        d->at += len;
        total += len;
    }
    return (int64_t)total;
}

static int64_t move(mo_wasi_call *c, transfer *t)
{
    if (mo_unlikely(!t->n))
        return 0;
    switch (t->d->kind) {
    case MO_DESC_HOST:
    case MO_DESC_SOCKET: return move_host(c, t);
    case MO_DESC_STREAM: return has_offset(t->op) ? -ESPIPE : move_stream(t);
    case MO_DESC_INPUT: return has_offset(t->op) ? -ESPIPE : move_input(t);
    default: return -EBADF;
    }
}

/* --- the guest's functions --------------------------------------------------------------- */

/* Why there is no seeking: what has no offset is told from what lost the right. */
static mo_errno no_seek(const mo_desc *d)
{
    return d->kind == MO_DESC_HOST && lseek(d->host, 0, SEEK_CUR) >= 0 ? MO_E_NOTCAPABLE : MO_E_SPIPE;
}

/* Reading what is open for writing only is EBADF, and the other way round. */
static mo_desc *take(mo_wasi_call *c, uint32_t fd, op_kind op, mo_errno *err)
{
    mo_desc *d = mo_wasi_take(c->wasi, fd, 0, err);
    if (!d)
        return NULL;
    if (mo_unlikely(d->kind == MO_DESC_FOLDER))
        *err = is_write(op) ? MO_E_BADF : MO_E_ISDIR;
    else if (mo_unlikely(!(d->rights & (is_write(op) ? MO_RIGHT_FD_WRITE : MO_RIGHT_FD_READ))))
        *err = MO_E_BADF;
    else if (mo_unlikely(has_offset(op) && !(d->rights & MO_RIGHT_FD_SEEK)))
        *err = no_seek(d);
    else
        return d;
    return NULL;
}

/* args: descriptor, buffers, their number, (offset,) where the number of bytes goes. */
static inline mo_errno serve_into(mo_wasi_call *c, const mote_raw *args, op_kind op, struct iovec *iovs)
{
    mo_errno e;
    uint64_t total;
    transfer t = {.op = op, .iovs = iovs, .offset = has_offset(op) ? args[3].u64 : 0};
    t.d = take(c, args[0].u32, op, &e);
    if (!t.d)
        return e;
    if (mo_unlikely(c->wasi->elsewhere) && mo_desc_is_file(t.d) && mo_wasi_moves_for(c, t.d))
        return MO_E_AGAIN;
    e = mo_guest_iovecs(c, args[1].u32, args[2].u32, !is_write(op), iovs, &t.n, &total);
    if (e)
        return e;
    void *ret = mo_guest_write(c, args[has_offset(op) ? 4 : 3].u32, 4);
    if (!ret)
        return MO_E_FAULT;
    if (t.offset > INT64_MAX)
        return MO_E_INVAL;
    int64_t moved = move(c, &t);
    if (mo_unlikely(c->moves)) {
        if (moved > 0 && op == READ)
            lseek(t.d->host, -moved, SEEK_CUR);
        return MO_E_AGAIN;
    }
    if (moved < 0)
        return mo_wasi_errno((int)-moved);
    mo_put32(ret, (uint32_t)moved);
    return MO_E_SUCCESS;
}

/* Room for many buffers is taken only where there are many. */
static mo_errno serve_many(mo_wasi_call *c, const mote_raw *args, op_kind op)
{
    struct iovec iovs[MO_GUEST_IOVECS];
    return serve_into(c, args, op, iovs);
}

#define FEW 8

static inline mo_errno serve(mo_wasi_call *c, const mote_raw *args, op_kind op)
{
    struct iovec iovs[FEW];
    return mo_likely(args[2].u32 <= FEW) ? serve_into(c, args, op, iovs) : serve_many(c, args, op);
}

mo_errno mo_wasi_fd_read(mo_wasi_call *c, const mote_raw *args) { return serve(c, args, READ); }
mo_errno mo_wasi_fd_write(mo_wasi_call *c, const mote_raw *args) { return serve(c, args, WRITE); }
mo_errno mo_wasi_fd_pread(mo_wasi_call *c, const mote_raw *args) { return serve(c, args, PREAD); }
mo_errno mo_wasi_fd_pwrite(mo_wasi_call *c, const mote_raw *args) { return serve(c, args, PWRITE); }

/* --- offsets -------------------------------------------------------------------------------- */

/* The right to seek includes that to tell. */
static mo_errno seek(mo_wasi_call *c, uint32_t fd, int64_t offset, int whence, uint32_t retoffset)
{
    mo_errno e;
    bool tells = offset == 0 && whence == SEEK_CUR;
    uint64_t enough = MO_RIGHT_FD_SEEK | (tells ? MO_RIGHT_FD_TELL : 0u);
    const mo_desc *d = mo_wasi_take(c->wasi, fd, 0, &e);
    if (!d)
        return e;
    if (d->kind == MO_DESC_FOLDER)
        return MO_E_BADF;
    if (!(d->rights & enough))
        return no_seek(d);
    void *ret = mo_guest_write(c, retoffset, 8);
    if (!ret)
        return MO_E_FAULT;
    off_t at = lseek(d->host, offset, whence);
    if (at < 0)
        return mo_wasi_errno(errno);
    mo_put64(ret, (uint64_t)at);
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_seek(mo_wasi_call *c, const mote_raw *args)
{
    static const int whences[] = {[MO_WHENCE_SET] = SEEK_SET, [MO_WHENCE_CUR] = SEEK_CUR, [MO_WHENCE_END] = SEEK_END};
    if (args[2].u32 >= MO_COUNT(whences))
        return MO_E_INVAL;
    return seek(c, args[0].u32, args[1].i64, whences[args[2].u32], args[3].u32);
}

mo_errno mo_wasi_fd_tell(mo_wasi_call *c, const mote_raw *args)
{
    return seek(c, args[0].u32, 0, SEEK_CUR, args[1].u32);
}
