/* lines.c - rings of bytes with one writer and one reader each. */
#include "serve/record/lines.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAD = 4096 };
static const size_t sizes[MO_STREAMS] = {MO_LINES_ACCESS, MO_LINES_ERROR};

/* Positions only grow; a byte's place is its position modulo the size. */
typedef struct ring {
    _Alignas(64) _Atomic uint64_t put;
    _Alignas(64) _Atomic uint64_t taken;
} ring;

struct mo_lines {
    uint8_t *map;
    size_t size, area_size;
    uint32_t nareas;
    int bell;
};

static _Atomic uint32_t *sleeps_of(const mo_lines *l) { return (_Atomic uint32_t *)(void *)l->map; }

static ring *ring_of(const mo_lines *l, uint32_t area, mo_stream stream)
{
    return (ring *)(void *)(l->map + HEAD + area * l->area_size) + stream;
}

static uint8_t *bytes_of(const mo_lines *l, uint32_t area, mo_stream stream)
{
    uint8_t *at = l->map + HEAD + area * l->area_size + HEAD;
    return stream == MO_STREAM_ACCESS ? at : at + MO_LINES_ACCESS;
}

mo_lines *mo_lines_new(uint32_t nareas, mote_error *err)
{
    mo_lines *l = mo_calloc(1, sizeof *l);
    if (!l) {
        mo_fail_nomem(err);
        return NULL;
    }
    *l = (mo_lines){.nareas = nareas, .area_size = HEAD + MO_LINES_ACCESS + MO_LINES_ERROR};
    l->size = HEAD + nareas * l->area_size;
    void *map = mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    l->map = map == MAP_FAILED ? NULL : map;
    l->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->map && l->bell >= 0)
        return l;
    mo_fail(err, MOTE_IO, MOTE_NOWHERE, "memory for logs: %s", strerror(errno));
    mo_lines_free(l);
    return NULL;
}

void mo_lines_free(mo_lines *l)
{
    if (!l)
        return;
    if (l->map)
        munmap(l->map, l->size);
    if (l->bell >= 0)
        close(l->bell);
    mo_free(l);
}

uint32_t mo_lines_areas(const mo_lines *l) { return l->nareas; }
int mo_lines_bell(const mo_lines *l) { return l->bell; }

static void ring_bell(const mo_lines *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->bell, &one, sizeof one);
    (void)n; /* EAGAIN: it has rung often enough */
}

/* --- in -------------------------------------------------------------------------------- */

static void copy_in(uint8_t *bytes, size_t size, uint64_t position, mo_span from)
{
    size_t at = position % size, first = from.len < size - at ? from.len : size - at;
    memcpy(bytes + at, from.at, first);
    memcpy(bytes, from.at + first, from.len - first);
}

bool mo_lines_put(mo_lines *l, uint32_t area, mo_stream stream, mo_span lines)
{
    ring *r = ring_of(l, area, stream);
    size_t size = sizes[stream];
    uint64_t put = atomic_load_explicit(&r->put, memory_order_relaxed);
    uint64_t used = put - atomic_load_explicit(&r->taken, memory_order_acquire);
    if (used > size || lines.len > size - used)
        return false;
    copy_in(bytes_of(l, area, stream), size, put, lines);
    atomic_store(&r->put, put + lines.len); /* before sleeps is looked at */
    if ((used < size / 4 && used + lines.len >= size / 4) ||
        (atomic_load(sleeps_of(l)) && atomic_exchange(sleeps_of(l), 0)))
        ring_bell(l);
    return true;
}

/* --- out --------------------------------------------------------------------------------- */

size_t mo_lines_peek(const mo_lines *l, uint32_t area, mo_stream stream, void *to, size_t most)
{
    ring *r = ring_of(l, area, stream);
    size_t size = sizes[stream];
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed), used = atomic_load(&r->put) - taken;
    if (used > size)
        return 0;
    size_t n = used < most ? (size_t)used : most, at = taken % size, first = n < size - at ? n : size - at;
    memcpy(to, bytes_of(l, area, stream) + at, first);
    memcpy((uint8_t *)to + first, bytes_of(l, area, stream), n - first);
    return n;
}

void mo_lines_taken(mo_lines *l, uint32_t area, mo_stream stream, size_t n)
{
    ring *r = ring_of(l, area, stream);
    atomic_store_explicit(&r->taken, atomic_load_explicit(&r->taken, memory_order_relaxed) + n, memory_order_release);
}

void mo_lines_sleep(mo_lines *l, bool sleeps) { atomic_store(sleeps_of(l), sleeps); }
