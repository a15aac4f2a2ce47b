/* wasi.h - inside preview 1: one guest's view of the host, and how a function is written.
 *
 *   guest -> call/ -> dispatch.c -> mo_wasi_<name>(call, args) -> the system -> errno
 *
 * wasi.def lists every function; dispatch.c, the tests and the page of documentation are
 * made from it. A function takes the raw arguments and returns a guest's errno. Guest
 * memory is reached through guest.h only, host descriptors through the descriptor
 * table only, and nothing blocks but in mo_wasi_wait() or, where no embedder waits for
 * the guest, in mo_call_system(): an interrupt ends both.
 * What always holds:
 *   1  a descriptor's rights are checked before anything is done with it (mo_wasi_take);
 *   2  a path is opened by openat2 beneath a descriptor of the table, never by the
 *      working folder and never by a string that was checked before (path.c);
 *   3  an error is the guest's answer, never the host's end. */
#ifndef MO_WASI_WASI_H
#define MO_WASI_WASI_H

#include "call/call.h"
#include "mote/wasi.h"
#include "wasi/types.h"

#include <time.h>

struct stat;

/* --- descriptors -------------------------------------------------------------- */

typedef enum mo_desc_kind {
    MO_DESC_FREE = 0,
    MO_DESC_HOST,   /* a file, pipe, terminal or device: what host is */
    MO_DESC_FOLDER, /* host: opened with O_RDONLY | O_DIRECTORY */
    MO_DESC_SOCKET, /* host: a connection or a listener */
    MO_DESC_STREAM, /* the embedder's functions */
    MO_DESC_INPUT,  /* the embedder's bytes */
} mo_desc_kind;

typedef struct mo_cookies mo_cookies; /* folder.c */

typedef struct mo_desc {
    uint8_t kind;         /* mo_desc_kind */
    uint8_t filetype;     /* MO_FILETYPE_... */
    uint16_t flags;       /* MO_FDFLAG_... as the guest sees them */
    bool owned;           /* close host with it */
    bool read_only;       /* of a folder: granted so, or beneath one that was */
    bool granted;         /* by the embedder, before the guest ran */
    bool ready;           /* reading and writing never wait */
    bool local;           /* a file or folder of a file system that waits for nobody but a disk */
    bool unopened;        /* a granted folder whose host is still a copy, to be opened before it is listed */
    bool no_nowait;       /* of a file: RWF_NOWAIT is not known, for it is all in memory */
    bool poll_first;      /* host knows no RWF_NOWAIT: is it ready, then read or write */
    int host;             /* the system's descriptor, or -1; may be blocking or not */
    uint64_t rights, inheriting;
    mo_cookies *cookies;  /* of a folder that was listed, or NULL; owned */
    char *preopen;        /* the guest's name of a granted folder, or NULL; owned */
    mote_wasi_stream stream;
    const uint8_t *bytes; /* MO_DESC_INPUT: all, how many, how many are read */
    size_t len, at;
} mo_desc;

struct mote_wasi {
    mo_desc *descs; /* by the guest's number */
    size_t ndescs, cap;
    size_t lowest;  /* all numbers below are taken */
    char *args, *env;              /* strings, each terminated, one after the other */
    size_t args_len, nargs, env_len, nenv;
    bool lent_args, lent_env; /* they are somebody else's */
    mote_wasi_clock *clock;
    void *clock_data;
    mote_wasi_random *random;
    void *random_data;
    mote_wasi_wait *wait;
    void *wait_data;
    mote_wasi_elsewhere *elsewhere;
    void *elsewhere_data;
    bool frozen;                     /* freeze.c: chance is fixed, or refused */
    uint8_t fixed, asked;            /* MOTE_WASI_CLOCKS, MOTE_WASI_RANDOM */
    uint64_t nfixed;                 /* values given so far */
    bool exited;
    uint32_t exit_code;
};

/* --- one guest after the other (model.c) -------------------------------------------- */

/* wasi is as new, and granted what model is: its folders (opened again), streams and bytes,
 * clocks and all; its strings are lent. It stays the embedder's to attach. On failure it
 * may be renewed or freed, nothing else. */
bool mo_wasi_renew(mote_wasi *wasi, const mote_wasi *model, mote_error *err);
/* May that take long? */
bool mo_wasi_forgets_slowly(const mote_wasi *wasi);
/* Closes all that it has open; it may be renewed or freed then. */
void mo_wasi_forget(mote_wasi *wasi);
/* n strings of len bytes in all, each terminated, which stay the caller's and must outlive
 * their use. */
void mo_wasi_lend_args(mote_wasi *wasi, char *strings, size_t len, size_t n);
void mo_wasi_lend_env(mote_wasi *wasi, char *strings, size_t len, size_t n);

/* One call of one function. */
typedef struct mo_wasi_call {
    mote_wasi *wasi;
    mote_caller *caller;
    mote_memory *memory; /* the caller's export "memory"; NULL: any pointer is EFAULT */
    mote_status leave;   /* MOTE_OK: answer with the errno; else the guest's call ends so */
    bool moved;          /* it runs elsewhere, and may wait */
    bool moves;          /* it has stopped, having done nothing, to run again elsewhere */
} mo_wasi_call;

/* The descriptor if it is open and has all of rights, else NULL and *err is EBADF or
 * ENOTCAPABLE. The pointer holds until a descriptor is added. */
mo_desc *mo_wasi_take(mote_wasi *wasi, uint32_t fd, uint64_t rights, mo_errno *err);
/* Puts d on the lowest free number from `from` on. false: memory is out or 2^31 are open;
 * d is still the caller's. */
bool mo_wasi_add(mote_wasi *wasi, uint32_t from, const mo_desc *d, uint32_t *retfd);
/* Closes what d owns and frees its number. Returns the errno of close(). */
mo_errno mo_wasi_drop(mote_wasi *wasi, mo_desc *d);
void mo_folder_forget(mo_cookies *cookies); /* NULL is fine */

/* Rights that make no sense without those to change something. */
#define MO_RIGHTS_WRITING                                                                                  \
    (MO_RIGHT_FD_WRITE | MO_RIGHT_FD_ALLOCATE | MO_RIGHT_FD_FILESTAT_SET_SIZE |                            \
     MO_RIGHT_FD_FILESTAT_SET_TIMES | MO_RIGHT_PATH_CREATE_DIRECTORY | MO_RIGHT_PATH_CREATE_FILE |         \
     MO_RIGHT_PATH_LINK_SOURCE | MO_RIGHT_PATH_LINK_TARGET | MO_RIGHT_PATH_RENAME_SOURCE |                 \
     MO_RIGHT_PATH_RENAME_TARGET | MO_RIGHT_PATH_FILESTAT_SET_SIZE | MO_RIGHT_PATH_FILESTAT_SET_TIMES |    \
     MO_RIGHT_PATH_SYMLINK | MO_RIGHT_PATH_REMOVE_DIRECTORY | MO_RIGHT_PATH_UNLINK_FILE)

/* What host is: kind, filetype, flags, and the rights that its kind and the mode it was
 * opened in allow; not owned. Returns the errno of fstat(). */
mo_errno mo_desc_of(int host, mo_desc *ret);
/* May reading and writing never wait? So of files, and of /dev/null and its like. */
bool mo_desc_is_ready(const struct stat *st);
static inline bool mo_desc_is_file(const mo_desc *d)
{
    return d->kind == MO_DESC_HOST &&
           (d->filetype == MO_FILETYPE_REGULAR_FILE || d->filetype == MO_FILETYPE_BLOCK_DEVICE);
}

/* --- the system's errors, and waiting -------------------------------------------- */

mo_errno mo_wasi_errno(int host_errno); /* <errno.h> to the guest's */
/* Is the guest's call to end? Then *leave is set: return at once, with whatever. */
bool mo_wasi_interrupted(mo_wasi_call *c);
/* The same in long work, at least every 0.2 ms of it: where the guest's slice is over, others
 * run first. */
static inline bool mo_wasi_look(mo_wasi_call *c)
{
    mo_preempt_look(c->caller->context.run);
    return mo_wasi_interrupted(c);
}
/* Sleeps, or has the embedder do so. >= 0 as ppoll(), or -errno. EINTR comes back where the
 * guest's call is to end: *leave is set then, and the function returns at once. */
int mo_wasi_wait(mo_wasi_call *c, struct pollfd *fds, size_t nfds, uint64_t timeout_ns);
/* Waits until host can be read (POLLIN) or written (POLLOUT), or has an error to tell. */
mo_errno mo_wasi_wait_for(mo_wasi_call *c, int host, short events);

/* Is the function to return at once, with whatever, for what comes now may take long and is not
 * to be done here? It begins anew elsewhere. */
static inline bool mo_wasi_moves(mo_wasi_call *c)
{
    if (c->moved || !c->wasi->elsewhere)
        return false;
    return c->moves = true;
}
/* The same where d's file system may be slow. */
static inline bool mo_wasi_moves_for(mo_wasi_call *c, const mo_desc *d) { return !d->local && mo_wasi_moves(c); }
/* What waits for nobody but a disk: the file systems that are known to. */
bool mo_desc_is_local(int host);

/* --- files ------------------------------------------------------------------------ */

uint8_t mo_file_type(uint32_t mode); /* st_mode to MO_FILETYPE_... */
/* to has room for MO_FILESTAT_SIZE bytes. */
void mo_file_put_stat(const struct stat *st, uint8_t *to);
/* What the system knows of a descriptor, and the descriptor; NULL: *err tells why not. */
const mo_desc *mo_file_stat(mo_wasi_call *c, uint32_t fd, struct stat *ret, mo_errno *err);
/* For utimensat(): MO_FST_... flags with their timestamps. "Now" is the guest's clock.
 * MO_E_INVAL: flags that exclude each other, or are none. */
mo_errno mo_file_times(mo_wasi_call *c, uint64_t atim, uint64_t mtim, uint32_t fstflags, struct timespec ret[2]);
/* A clock of the guest's in nanoseconds. MO_E_INVAL: there is no such clock. */
mo_errno mo_clock_now(mo_wasi_call *c, uint32_t clock, uint64_t *ret);

/* freeze.c: of a frozen guest that asks for what (MOTE_WASI_...). MO_E_NOTSUP: refused,
 * *leave is set. */
mo_errno mo_freeze_allows(mo_wasi_call *c, uint8_t what);
uint64_t mo_freeze_clock(mote_wasi *wasi);
void mo_freeze_random(mote_wasi *wasi, uint8_t *to, size_t len);

/* --- functions --------------------------------------------------------------------- */

typedef mo_errno mo_wasi_function(mo_wasi_call *c, const mote_raw *args);
#define WASI(name, params, args, text) mo_wasi_function mo_wasi_##name;
#define UNSTABLE(name) mo_wasi_function mo_unstable_##name;
#include "wasi/wasi.def"

#endif
