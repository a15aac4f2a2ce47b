/* rewrite_put.h - the binary format, written: numbers, types, sections. Private to
 * rewrite.c. */
#ifndef MO_MODULE_REWRITE_PUT_H
#define MO_MODULE_REWRITE_PUT_H

#include "module/module.h"

static inline void put_byte(mo_buffer *b, uint8_t byte) { mo_buffer_put(b, &byte, 1); }

static inline size_t leb_of(uint64_t n, uint8_t ret[10])
{
    size_t len = 0;
    do {
        ret[len++] = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        n >>= 7;
    } while (n);
    return len;
}

static inline void put_unsigned(mo_buffer *b, uint64_t n)
{
    uint8_t leb[10];
    mo_buffer_put(b, leb, leb_of(n, leb));
}

static inline void put_signed(mo_buffer *b, int64_t n)
{
    bool more = true;
    while (more) {
        uint8_t byte = n & 0x7f;
        n >>= 7; /* arithmetic, as everywhere that gcc and clang compile for */
        more = !((n == 0 && !(byte & 0x40)) || (n == -1 && (byte & 0x40)));
        put_byte(b, (uint8_t)(byte | (more ? 0x80 : 0)));
    }
}

static inline void put_span(mo_buffer *b, mo_span span) { mo_buffer_put(b, span.at, span.len); }

static inline void put_name(mo_buffer *b, mo_span name)
{
    put_unsigned(b, name.len);
    put_span(b, name);
}

/* --- types ------------------------------------------------------------------ */

static inline void put_heap(mo_buffer *b, uint32_t heap)
{
    if (mo_heap_is_concrete(heap))
        put_signed(b, heap);
    else
        put_byte(b, heap & 0x7f);
}

/* Nullable abstract references have a byte of their own, as old as they are. */
static inline void put_type(mo_buffer *b, mo_valtype type)
{
    enum { REF = 0x64, REF_NULL = 0x63 };
    if (!mo_is_ref(type)) {
        put_byte(b, (uint8_t)mo_kind(type));
        return;
    }
    if (!mo_is_nullable(type) || mo_heap_is_concrete(mo_heap(type)))
        put_byte(b, mo_is_nullable(type) ? REF_NULL : REF);
    put_heap(b, mo_heap(type));
}

/* --- sections --------------------------------------------------------------- */

enum { SIZE_BYTES = 5 };

/* Returns what put_end() wants. The size is put in where it belongs once it is known. */
static inline size_t put_begin(mo_buffer *b, uint8_t id)
{
    put_byte(b, id);
    mo_buffer_zeros(b, SIZE_BYTES);
    return b->len;
}

static inline void put_end(mo_buffer *b, size_t begin)
{
    uint8_t leb[10];
    if (b->failed)
        return;
    size_t len = b->len - begin, n = leb_of(len, leb);
    uint8_t *size = b->at + begin - SIZE_BYTES;
    memmove(size + n, size + SIZE_BYTES, len);
    memcpy(size, leb, n);
    b->len -= SIZE_BYTES - n;
}

#endif
