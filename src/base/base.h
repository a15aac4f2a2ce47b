/* base.h - what every folder needs and libc does not have.
 *   memory   mo_alloc family, counted and able to fail on purpose in tests
 *   arena    a lifetime: everything taken dies together
 *   span     bytes with a length, not owned
 *   error    mo_fail(): the first error wins
 *   hash     mo_hash64: fast, not cryptographic
 *   digest   32 bytes that stand for any number of them, cryptographic
 *   text     is it UTF-8? which word was meant?
 *   file     whole files in and out */
#ifndef MO_BASE_H
#define MO_BASE_H

#include "mote/base.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define MO_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MO_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define mo_likely(x) __builtin_expect(!!(x), 1)
#define mo_unlikely(x) __builtin_expect(!!(x), 0)

/* --- error ------------------------------------------------------------- */

/* Fills err (which may be NULL) unless it is filled already, and returns
 * false, so that a check reads `return mo_fail(...)`. */
bool mo_fail(mote_error *err, mote_status status, uint64_t offset, const char *format, ...)
    MO_PRINTF(4, 5) __attribute__((cold));
bool mo_vfail(mote_error *err, mote_status status, uint64_t offset, const char *format, va_list args)
    __attribute__((cold));
bool mo_fail_nomem(mote_error *err) __attribute__((cold));
void mo_error_clear(mote_error *err);

/* --- memory ------------------------------------------------------------ */

/* All of mote's heap goes through these. NULL when memory is out.
 * mo_alloc_fail_at(n) makes this thread's n-th call from now (0: the next)
 * fail once; for tests. */
void *mo_alloc(size_t size);
void *mo_calloc(size_t n, size_t size);
void *mo_realloc(void *old, size_t size);
void mo_free(void *p);
void mo_alloc_fail_at(uint64_t n);   /* UINT64_MAX: never */
uint64_t mo_alloc_live(void);        /* blocks not yet freed */

/* Grows *array (of *cap elements of size bytes) so that it holds need. */
bool mo_grow(void *array, size_t *cap, size_t need, size_t size);

/* --- arena ------------------------------------------------------------- */

/* A lifetime, not an allocator. Zeroed memory, 16-byte aligned. */
typedef struct mo_arena {
    struct mo_arena_block *blocks;
    size_t used, size; /* of the first block */
    size_t total;      /* bytes taken from the heap */
} mo_arena;

void *mo_arena_take(mo_arena *arena, size_t size);
void *mo_arena_array(mo_arena *arena, size_t n, size_t size); /* overflow gives NULL */
char *mo_arena_string(mo_arena *arena, const void *bytes, size_t len);
/* Grows with everything that is taken. */
static inline size_t mo_arena_mark(const mo_arena *arena) { return arena->total + arena->used; }
void mo_arena_free(mo_arena *arena);
void mo_arena_reset(mo_arena *arena); /* keeps the largest block */

/* --- span -------------------------------------------------------------- */

typedef struct mo_span {
    const uint8_t *at;
    size_t len;
} mo_span;

static inline bool mo_span_is(mo_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}
static inline bool mo_span_equal(mo_span a, mo_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* --- bytes ------------------------------------------------------------- */

static inline uint16_t mo_get16(const void *p) { uint16_t v; memcpy(&v, p, sizeof v); return v; }
static inline uint32_t mo_get32(const void *p) { uint32_t v; memcpy(&v, p, sizeof v); return v; }
static inline uint64_t mo_get64(const void *p) { uint64_t v; memcpy(&v, p, sizeof v); return v; }

static inline uint64_t mo_round_up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

/* --- hash -------------------------------------------------------------- */

uint64_t mo_hash64(const void *bytes, size_t len, uint64_t seed);

/* Secret and the same for the whole process: a seed for tables whose keys come
 * from strangers, so that they cannot all be made to collide. */
uint64_t mo_hash_seed(void);

/* --- digest ------------------------------------------------------------ */

/* BLAKE2b: nobody can find two inputs of one digest. About a gigabyte a second. */
#define MO_DIGEST 32
typedef struct mo_digest {
    uint64_t h[8], len;
    size_t held; /* bytes in block */
    uint8_t block[128];
} mo_digest;

void mo_digest_begin(mo_digest *d);
void mo_digest_add(mo_digest *d, const void *bytes, size_t len);
void mo_digest_end(mo_digest *d, uint8_t ret[MO_DIGEST]);

/* --- text -------------------------------------------------------------- */

bool mo_utf8_ok(const void *bytes, size_t len);

/* The one of candidates that is nearest to word, or NULL if none is near. candidates
 * ends with NULL. */
const char *mo_nearest(const char *word, const char *const *candidates);

/* --- file -------------------------------------------------------------- */

/* A buffer that grows; for output whose size is not known beforehand. */
typedef struct mo_buffer {
    uint8_t *at;
    size_t len, cap;
    bool failed; /* an allocation failed; later writes do nothing */
} mo_buffer;

void mo_buffer_put(mo_buffer *b, const void *bytes, size_t len);
void mo_buffer_zeros(mo_buffer *b, size_t len);
void mo_buffer_align(mo_buffer *b, size_t to);
void mo_buffer_free(mo_buffer *b);

/* Reads a whole regular file of at most limit bytes; *ret is mo_free()d. */
bool mo_file_read(const char *path, size_t limit, uint8_t **ret, size_t *retlen, mote_error *err);

/* Writes a file whole or not at all: a temporary name beside it, fsync where
 * asked, rename. A crash or a full disk leaves the old file or none. */
bool mo_file_write(const char *path, const void *bytes, size_t len, uint32_t mode, mote_error *err);

#endif
