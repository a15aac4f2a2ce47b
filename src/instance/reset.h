/* reset.h - an instance made as it was before its first call, without making it anew.
 *
 *   mo_reset_new ---> tracked: calls, faults, growth ---mo_reset_run---> tracked, as new
 *
 * A memory is kept in one of three ways, chosen by what was measured (mo_way):
 *
 *   copy     pages outside the open ranges are read-only. A write to one faults once; its
 *            page joins the open ranges for good. A reset copies the open ranges from the
 *            image, and makes no system call if nothing was learned or grown.
 *   scan     all pages are writable; the kernel notes which are written (watch.h), and
 *            a reset copies these: one or two system calls.
 *   discard  all pages are writable. A reset drops what was written (MADV_DONTNEED); the
 *            next touch maps the image's page again.
 *   fresh    all pages are writable and nothing is noted, for it may never be run again: so a
 *            program's first instance begins. The first reset maps it anew, to be copied.
 *
 * What always holds between mo_reset_run and the next call:
 *   1  each own memory reads as its image, then zeros, up to its first length;
 *   2  beyond that nothing can be read;
 *   3  globals, tables, their lengths, dropped segments and the exception heap are what
 *      they were at mo_reset_new.
 * What is imported is not touched. One thread makes, uses and frees them. */
#ifndef MO_INSTANCE_RESET_H
#define MO_INSTANCE_RESET_H

#include "instance/instance.h"
#include "instance/open.h"

/* Own memories' contents before any call: the artifact's image, or a copy where a
 * segment was placed by computation. Shared by all instances of one program. */
typedef struct mo_pristine {
    uint32_t n;
    struct mo_pristine_memory {
        uint8_t *copy; /* NULL: the image */
        uint64_t len;  /* of the copy; zeros follow */
    } memories[];
} mo_pristine;

typedef enum mo_way { MO_WAY_COPY, MO_WAY_SCAN, MO_WAY_DISCARD, MO_WAY_FRESH, MO_WAY_MEASURED } mo_way;

typedef struct mo_tracked { /* one own memory */
    mote_memory *memory;
    uint64_t bytes; /* at first */
    mo_way way;
    bool is_forced;
    mo_open_set open; /* copy: pages that can be written */
    uint32_t splits;  /* pages opened since it was mapped anew */
    uint32_t doubts;  /* counts in a row that spoke against copying */
    uint64_t found;   /* scan: pages written since the last thought about the way */
    uint32_t index; /* of pristine->memories */
} mo_tracked;

typedef struct mo_reset {
    mote_instance *instance;
    struct mo_reset *next, *prev; /* of its thread's */
    mo_pristine *pristine;
    uint8_t *head;   /* what the context's changing parts were */
    size_t head_len;
    bool learned;    /* a page was opened since mo_reset_teach */
    bool broken;     /* the system refused in the middle of something */
    bool owns_pristine;
    uint64_t calls_before; /* store->call when the present use began (call/pool.c) */
    uint64_t resident_pages; /* copy at most so many in a memory */
    uint64_t runs, copied_pages, pages_now; /* copied in all; by the last reset */
    uint32_t ntracked;
    mo_tracked tracked[];
} mo_reset;

/* Of an instance that was made and never called. NULL: memory is out. */
mo_pristine *mo_pristine_new(const mote_instance *instance);
void mo_pristine_free(mo_pristine *pristine);

/* Why instances of this artifact cannot be reset, or NULL. */
const char *mo_reset_impossible(const mo_artifact *artifact);

/* Starts tracking an instance that was made and never called. known: pages to open from
 * the start, one set per own memory, or NULL. resident: bytes to keep of a memory. */
bool mo_reset_new(mote_instance *instance, mo_pristine *pristine, const mo_open_set *known, uint64_t resident,
                  mo_reset **ret, mote_error *err);
void mo_reset_free(mo_reset *reset);

/* For tests: what this thread tracks from now on is reset in that way alone, wherever the
 * way is possible; MO_WAY_MEASURED: as is best. */
void mo_reset_force(mo_way way);

/* Is there nothing to be learned by resetting it before it is used again? */
bool mo_reset_may_wait(const mo_reset *reset);

/* Back to the start. False: the system refused, the instance must go. */
bool mo_reset_run(mo_reset *reset);

/* The host is about to write [at, at + len) of a tracked memory, or has faulted there:
 * opens the pages. False: they are none of a tracked memory's, or the system refused.
 * Async-signal-safe. */
bool mo_reset_open(mote_memory *memory, const uint8_t *at, size_t len);

/* Is a write there one that has to open its page first? */
bool mo_reset_guards(const mote_memory *memory, const uint8_t *at);
/* For host and helpers: may any memory's [at, at + len) be written now? Opens what has to
 * be. False: the system refused. */
bool mo_reset_ready(mote_memory *memory, const uint8_t *at, size_t len);

/* mo_reset_open() for whatever instance is tracked on this thread. */
bool mo_reset_open_here(const uint8_t *at);

/* A tracked memory grows from so many bytes to so many: makes the new ones usable. */
bool mo_reset_grow(mote_memory *memory, uint64_t from, uint64_t to);

/* Adds what it learned to known, a set per own memory: other instances start with it. */
void mo_reset_teach(mo_reset *reset, mo_open_set *known);

#endif
