/* buffer.c - output that grows; a failed allocation is remembered, not lost. */
#include "base/base.h"

static uint8_t *room(mo_buffer *b, size_t len)
{
    size_t need;
    if (b->failed || __builtin_add_overflow(b->len, len, &need) || !mo_grow(&b->at, &b->cap, need, 1)) {
        b->failed = true;
        return NULL;
    }
    uint8_t *p = b->at + b->len;
    b->len = need;
    return p;
}

void mo_buffer_put(mo_buffer *b, const void *bytes, size_t len)
{
    uint8_t *p = len ? room(b, len) : NULL;
    if (p) memcpy(p, bytes, len);
}

void mo_buffer_zeros(mo_buffer *b, size_t len)
{
    uint8_t *p = len ? room(b, len) : NULL;
    if (p) memset(p, 0, len);
}

void mo_buffer_align(mo_buffer *b, size_t to)
{
    mo_buffer_zeros(b, (size_t)mo_round_up(b->len, to) - b->len);
}

void mo_buffer_free(mo_buffer *b)
{
    mo_free(b->at);
    *b = (mo_buffer){0};
}
