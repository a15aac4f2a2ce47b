/* mote/wasi.h - WASI preview 1: what a guest program sees of its host.
 *   mote_wasi_new -> settings, grants -> mote_wasi_attach(store) -> calls -> mote_wasi_free
 * A new one grants nothing: no arguments, no environment, no file; standard input is
 * empty, output goes nowhere. Clocks and random numbers are the system's unless set.
 * Threads: one at a time, with the store that it is attached to. */
#ifndef MOTE_WASI_H
#define MOTE_WASI_H

#include "mote/linker.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mote_wasi mote_wasi;

MOTE_API mote_status mote_wasi_new(mote_wasi **ret, mote_error *err);
/** Closes what it owns. The store it is attached to must not call its functions after. */
MOTE_API void mote_wasi_free(mote_wasi *wasi); /* NULL is fine */

/** Offers wasi_snapshot_preview1 and wasi_unstable to whatever linker instantiates.
 *  The functions serve the mote_wasi that is attached to the calling store; without
 *  one they trap. */
MOTE_API mote_status mote_wasi_link(mote_linker *linker, mote_error *err);
/** The same, but only what artifact imports: quicker where a process runs one program. */
MOTE_API mote_status mote_wasi_link_for(mote_linker *linker, const mote_artifact *artifact, mote_error *err);
/** From now on wasi answers the guests of store. NULL: nobody does. */
MOTE_API void mote_wasi_attach(mote_wasi *wasi, mote_store *store);

/* --- arguments and environment --------------------------------------------- */

/** Sets argv; strings are copied. MOTE_MISUSE: more than 2^32 bytes. */
MOTE_API mote_status mote_wasi_set_args(mote_wasi *wasi, const char *const *args, size_t nargs, mote_error *err);
/** Adds or replaces one variable. MOTE_MISUSE: a name that is empty or holds '='. */
MOTE_API mote_status mote_wasi_set_env(mote_wasi *wasi, const char *name, const char *value, mote_error *err);

/* --- descriptors ------------------------------------------------------------ */

/** How bytes leave and come where the embedder answers itself. Each returns the number
 *  of bytes moved, which may be fewer than offered (0 from read: the end), or -errno of
 *  the host's <errno.h>. A NULL function: not readable, or not writable. They must not
 *  set or free the mote_wasi that calls them. */
typedef struct mote_wasi_stream {
    int64_t (*read)(void *data, void *to, size_t len);
    int64_t (*write)(void *data, const void *from, size_t len);
    void (*close)(void *data); /* when the guest closes it or wasi ends; may be NULL */
    void *data;
} mote_wasi_stream;

/** What the guest's descriptor fd (0, 1, 2) is: an open descriptor of the host's, which
 *  stays the caller's unless owned. Its flags (O_NONBLOCK, O_APPEND) stay as they are,
 *  whatever the guest sets. What the number was before is closed. MOTE_MISUSE: fd is not
 *  0, 1 or 2; MOTE_IO: host_fd is not open; */
MOTE_API mote_status mote_wasi_set_fd(mote_wasi *wasi, uint32_t fd, int host_fd, bool owned, mote_error *err);
/** bytes to read, which must outlive wasi; */
MOTE_API mote_status mote_wasi_set_input(mote_wasi *wasi, uint32_t fd, const void *bytes, size_t len, mote_error *err);
/** or functions. */
MOTE_API mote_status mote_wasi_set_stream(mote_wasi *wasi, uint32_t fd, const mote_wasi_stream *stream,
                                          mote_error *err);
/** The host's 0, 1 and 2. */
MOTE_API mote_status mote_wasi_inherit_stdio(mote_wasi *wasi, mote_error *err);

typedef enum mote_wasi_access { MOTE_WASI_READ_ONLY = 1, MOTE_WASI_READ_WRITE = 3 } mote_wasi_access;

/** Grants a folder: the guest finds it as guest_path, on the next free descriptor from 3.
 *  Nothing outside of it can be reached through it.
 *  MOTE_IO: it cannot be opened, or is no folder. */
MOTE_API mote_status mote_wasi_preopen(mote_wasi *wasi, const char *host_path, const char *guest_path,
                                       mote_wasi_access access, mote_error *err);
/** Grants a listening socket, to accept from, on the next free descriptor from 3. It is
 *  wasi's on success and becomes non-blocking; else it stays the caller's.
 *  MOTE_IO: it is no socket. MOTE_MISUSE: it does not listen. */
MOTE_API mote_status mote_wasi_preopen_socket(mote_wasi *wasi, int host_fd, mote_error *err);

/* --- time, randomness, waiting ----------------------------------------------- */

/** Nanoseconds of a preview 1 clock: 0 realtime, 1 monotonic, 2 process, 3 thread. */
typedef uint64_t mote_wasi_clock(void *data, uint32_t clock);
MOTE_API void mote_wasi_set_clock(mote_wasi *wasi, mote_wasi_clock *clock, void *data); /* NULL: the system's */
/** Fills len bytes. Returns 0 or -errno. */
typedef int mote_wasi_random(void *data, void *to, size_t len);
MOTE_API void mote_wasi_set_random(mote_wasi *wasi, mote_wasi_random *random, void *data);

struct pollfd;
/** Called in place of every call that would block, the only such place. As ppoll():
 *  timeout_ns may be UINT64_MAX, for ever; returns how many of fds are ready, 0 after
 *  the timeout, or -errno; after -EINTR it is called again unless the guest's call is to
 *  end. It may let another guest run meanwhile. */
typedef int mote_wasi_wait(void *data, struct pollfd *fds, size_t nfds, uint64_t timeout_ns);
MOTE_API void mote_wasi_set_wait(mote_wasi *wasi, mote_wasi_wait *wait, void *data); /* NULL: the system waits */

/** Calls work(argument), on any thread, and returns when that has returned: what may have to
 *  wait for a disk or another file system. Until then neither the guest runs nor is its store
 *  used. Without it all is done on the guest's thread. */
typedef void mote_wasi_elsewhere(void *data, void (*work)(void *argument), void *argument);
MOTE_API void mote_wasi_set_elsewhere(mote_wasi *wasi, mote_wasi_elsewhere *elsewhere, void *data); /* NULL: none */

/* --- guests whose state is kept (mote/snapshot.h) -------------------------------- */

enum { MOTE_WASI_CLOCKS = 1, MOTE_WASI_RANDOM = 2 };
/** What comes of chance would be the same for ever in what is kept: from now on the guest
 *  gets it where it is fixed, else asking for it traps. fixed: MOTE_WASI_... of these it
 *  gets the same at each run: clocks from 0 on, a microsecond later at each look; the bytes
 *  of one sequence. The embedder's own clocks and random bytes are asked no more. */
MOTE_API void mote_wasi_freeze(mote_wasi *wasi, unsigned fixed);
/** Which of them a frozen guest has asked for. */
MOTE_API unsigned mote_wasi_asked(const mote_wasi *wasi);
/** How many descriptors are open that the embedder did not grant; *retfd, if there is one:
 *  the lowest. */
MOTE_API size_t mote_wasi_opened(const mote_wasi *wasi, uint32_t *retfd);

/* --- what came of it ----------------------------------------------------------- */

/** Did the guest end itself by proc_exit? (The call that it ended in returns MOTE_EXIT.)
 *  Then *retcode is its exit code. */
MOTE_API bool mote_wasi_exited(const mote_wasi *wasi, uint32_t *retcode);

#ifdef __cplusplus
}
#endif
#endif
