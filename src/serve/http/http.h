/* http.h - HTTP/1.1 as bytes: a request's head and the framing of its body (RFC 9112).
 *
 *   bytes --mo_http_find--> a whole head --mo_http_parse--> mo_http_head
 *   bytes --mo_http_body_take--> data, piece by piece, without its framing
 *
 * Nothing here reads or writes, keeps memory or knows time. What is not exactly as the
 * standard says is refused with the status to answer, above all whatever two servers might
 * understand differently: both lengths, bare LF, folded lines, blanks before the colon. */
#ifndef MO_SERVE_HTTP_H
#define MO_SERVE_HTTP_H

#include "base/base.h"

enum {
    MO_HTTP_HEAD = 32 << 10,       /* bytes of a head; 431 beyond                  */
    MO_HTTP_LINE = 8 << 10,        /* of the request line; 414 beyond              */
    MO_HTTP_FIELDS = 100,          /* 431 beyond                                   */
    MO_HTTP_CHUNK_LINE = 256,      /* of a chunk's size and extensions; 400 beyond */
    MO_HTTP_TRAILER = 8 << 10,     /* of all trailer fields; 431 beyond            */
};

typedef struct mo_http_field {
    mo_span name, value; /* value without blanks around it */
} mo_http_field;

/* Spans point into the head's bytes. */
typedef struct mo_http_head {
    mo_span method, target;
    mo_span path, query; /* of the target; query without its '?', at NULL if there is none */
    mo_span host;        /* with its port, if it has one; empty: none was given (HTTP/1.0) */
    uint8_t minor;       /* of HTTP/1.minor: 0 or 1 */
    bool is_head;        /* HEAD: the answer has no body */
    bool keep_alive;
    bool chunked, has_length;
    bool expects_continue;
    uint64_t length;
    mo_http_field fields[MO_HTTP_FIELDS];
    size_t nfields;
} mo_http_head;

/* How far a head was looked through; zeros to begin with. */
typedef struct mo_http_find_state {
    size_t at, line; /* what was looked at; where the last line began */
    bool has_line;   /* the request line is complete */
} mo_http_find_state;

/* The length of the head that begins at bytes, its empty line included; 0: more is needed;
 * below 0: the status to answer, negated. Called again with more bytes of the same head, it
 * looks at the new ones only. Empty lines before a request are the caller's to skip. */
int64_t mo_http_find(mo_http_find_state *s, const uint8_t *bytes, size_t len);

/* A whole head, as mo_http_find() measured it. 0, or the status to answer. */
int mo_http_parse(const uint8_t *bytes, size_t len, mo_http_head *ret);

/* The field of that name (small letters) or NULL. */
const mo_http_field *mo_http_field_of(const mo_http_head *h, const char *name);
/* Is s that text, whatever the case of s? Lengths differ more often than not, and those of
 * literals are known before anything runs. */
bool mo_http_is_bytes(mo_span s, const char *small);
static inline bool mo_http_is_of(mo_span s, const char *small, size_t len) { return s.len == len && mo_http_is_bytes(s, small); }
static inline bool mo_http_is(mo_span s, const char *small) { return mo_http_is_of(s, small, strlen(small)); }
bool mo_http_is_token(mo_span s);
/* May it be a field's value? No control characters but the tab. */
bool mo_http_is_value(mo_span s);
mo_span mo_http_trim(mo_span s);
/* A path without its %XX, in room, which is as long as the path; or the path itself. false: some cannot be
 * decoded, or to a zero. */
bool mo_http_decode(mo_span path, uint8_t *room, mo_span *ret);
/* Decimal digits only. UINT64_MAX: none, others too, or too large. */
uint64_t mo_http_number(mo_span s);
const char *mo_http_reason(int status); /* "Not Found" */

/* --- bodies ------------------------------------------------------------------ */

typedef struct mo_http_body {
    uint8_t state;     /* http_body.c's */
    bool chunked, done;
    uint64_t left;     /* of the whole, or of the chunk */
    uint64_t total;    /* data taken so far */
    uint64_t limit;    /* 413 beyond */
    uint32_t line;     /* bytes of the line or trailer that is being read */
} mo_http_body;

/* limit: of the data. A declared length beyond it is the caller's to refuse. */
mo_http_body mo_http_body_of(const mo_http_head *h, uint64_t limit);
/* Takes framing, and then data, from bytes: how many bytes were taken, or the status to
 * answer, negated. ret: the data, which may be none. After the last, b->done. */
int64_t mo_http_body_take(mo_http_body *b, const uint8_t *bytes, size_t len, mo_span *ret);
/* n bytes of data were taken without being looked at; at most mo_http_body_plain(). */
void mo_http_body_skip(mo_http_body *b, uint64_t n);
/* How many of the bytes that come next are data in any case. */
uint64_t mo_http_body_plain(const mo_http_body *b);

#endif
