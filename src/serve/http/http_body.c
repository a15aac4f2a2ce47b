/* http_body.c - a body's framing: nothing, a length, or chunks (RFC 9112, 7.1).
 *
 *   SIZE -digits-> EXTENSION -CR-> SIZE_LF -LF-> DATA -all-> DATA_CR -> DATA_LF -> SIZE
 *                                        \ size 0 -> TRAILER -field-> TRAILER ... -empty-> done
 */
#include "serve/http/http.h"

typedef enum state {
    PLAIN, /* all data, left of them */
    SIZE_FIRST, SIZE, EXTENSION, SIZE_LF,
    DATA, DATA_CR, DATA_LF,
    TRAILER_FIRST, TRAILER_NAME, TRAILER, TRAILER_LF, END_LF,
} state;

mo_http_body mo_http_body_of(const mo_http_head *h, uint64_t limit)
{
    return (mo_http_body){
        .state = h->chunked ? SIZE_FIRST : PLAIN,
        .chunked = h->chunked,
        .left = h->chunked ? 0 : h->length,
        .done = !h->chunked && h->length == 0,
        .limit = limit,
    };
}

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_size(mo_http_body *b, uint8_t c)
{
    int digit = digit_of(c);
    if (digit >= 0) {
        if (b->left >> 56)
            return 413;
        b->left = b->left << 4 | (unsigned)digit;
        b->state = SIZE;
        return 0;
    }
    if (b->state == SIZE_FIRST)
        return 400;
    if (c == '\r')
        b->state = SIZE_LF;
    else if (c == ';')
        b->state = EXTENSION;
    else
        return 400; /* a blank after the size too: nobody agrees on those */
    return 0;
}

static int begin_chunk(mo_http_body *b)
{
    b->line = 0;
    b->state = b->left ? DATA : TRAILER_FIRST;
    return b->left > b->limit - b->total ? 413 : 0;
}

/* Trailer fields are checked, so that nothing else can be taken for them, and dropped. */
static int take_trailer(mo_http_body *b, uint8_t c)
{
    if (++b->line > MO_HTTP_TRAILER)
        return 431;
    if (b->state != TRAILER) {
        bool ended = b->state == TRAILER_FIRST && c == '\r', named = b->state == TRAILER_NAME && c == ':';
        b->state = ended ? END_LF : named ? TRAILER : TRAILER_NAME;
        return ended || named || mo_http_is_token((mo_span){&c, 1}) ? 0 : 400;
    }
    if (c == '\r')
        b->state = TRAILER_LF;
    return c == '\r' || mo_http_is_value((mo_span){&c, 1}) ? 0 : 400;
}

static int want(mo_http_body *b, uint8_t c, uint8_t wanted, state next)
{
    b->state = (uint8_t)next;
    return c == wanted ? 0 : 400;
}

/* One byte of what is not data. */
static int take_framing(mo_http_body *b, uint8_t c)
{
    switch ((state)b->state) {
    case SIZE_FIRST:
    case SIZE:
        return ++b->line > MO_HTTP_CHUNK_LINE ? 400 : take_size(b, c);
    case EXTENSION:
        if (c == '\r')
            b->state = SIZE_LF;
        return ++b->line > MO_HTTP_CHUNK_LINE || (c < ' ' && c != '\t' && c != '\r') || c == 0x7f ? 400 : 0;
    case SIZE_LF: return c == '\n' ? begin_chunk(b) : 400;
    case DATA_CR: return want(b, c, '\r', DATA_LF);
    case DATA_LF: return want(b, c, '\n', SIZE_FIRST);
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER: return take_trailer(b, c);
    case TRAILER_LF: return want(b, c, '\n', TRAILER_FIRST);
    case END_LF:
        b->done = c == '\n';
        return b->done ? 0 : 400;
    case PLAIN:
    case DATA: break;
    }
    return 400;
}

uint64_t mo_http_body_plain(const mo_http_body *b)
{
    return !b->done && (b->state == PLAIN || b->state == DATA) ? b->left : 0;
}

void mo_http_body_skip(mo_http_body *b, uint64_t n)
{
    b->left -= n;
    b->total += n;
    if (b->left)
        return;
    if (b->state == PLAIN)
        b->done = true;
    else
        b->state = DATA_CR;
}

int64_t mo_http_body_take(mo_http_body *b, const uint8_t *bytes, size_t len, mo_span *ret)
{
    size_t at = 0;
    *ret = (mo_span){bytes, 0};
    while (at < len && !b->done && !mo_http_body_plain(b)) {
        int status = take_framing(b, bytes[at++]);
        if (status)
            return -status;
    }
    uint64_t plain = mo_http_body_plain(b);
    *ret = (mo_span){bytes + at, plain < len - at ? (size_t)plain : len - at};
    if (ret->len)
        mo_http_body_skip(b, ret->len);
    return (int64_t)(at + ret->len);
}
