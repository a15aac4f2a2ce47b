/* cgi_answer.c - what a program printed first becomes an answer's head (RFC 3875, 6.2). Lines
 * end in LF or CRLF there. Whatever could be understood as something else further on is
 * refused. */
#include "serve/function/cgi.h"

size_t mo_cgi_find(const uint8_t *bytes, size_t len, size_t *at)
{
    const uint8_t *lf;
    while (*at < len && (lf = memchr(bytes + *at, '\n', len - *at))) {
        size_t end = (size_t)(lf - bytes), after = end + 1;
        if (end == 0 || (end == 1 && bytes[0] == '\r')) /* an empty head */
            return after;
        if (after < len && bytes[after] == '\n')
            return after + 1;
        if (after + 1 < len && bytes[after] == '\r' && bytes[after + 1] == '\n')
            return after + 2;
        if (after >= len || (after + 1 >= len && bytes[after] == '\r'))
            return *at = end, 0; /* the next byte tells */
        *at = after;
    }
    *at = len;
    return 0;
}

typedef struct parsing {
    mo_answer *answer;
    uint8_t *room;
    size_t size, len;
    bool has_status, has_type, has_location, has_length;
    const char *why;
} parsing;

static bool bad(parsing *p, const char *why)
{
    p->why = why;
    return false;
}

static void put(parsing *p, const void *bytes, size_t len)
{
    memcpy(p->room + p->len, bytes, len);
    p->len += len;
}

static bool put_field(parsing *p, mo_span name, mo_span value)
{
    if (name.len + value.len + 4 > p->size - p->len)
        return bad(p, "too many fields");
    put(p, name.at, name.len);
    put(p, ": ", 2);
    if (value.len)
        put(p, value.at, value.len);
    put(p, "\r\n", 2);
    return true;
}

/* "404 Not Found", "404" */
static bool take_status(parsing *p, mo_span value)
{
    size_t digits = value.len < 3 ? value.len : 3;
    uint64_t status = mo_http_number((mo_span){value.at, digits});
    if (p->has_status)
        return bad(p, "Status comes twice");
    if (digits < 3 || status < 200 || status > 599 || (value.len > 3 && value.at[3] != ' '))
        return bad(p, "Status is no number from 200 to 599");
    p->has_status = true;
    p->answer->status = (int)status;
    p->answer->reason = mo_http_trim((mo_span){value.at + digits, value.len - digits});
    return true;
}

static bool take_length(parsing *p, mo_span value)
{
    uint64_t length = mo_http_number(value);
    if (p->has_length || length == UINT64_MAX)
        return bad(p, p->has_length ? "Content-Length comes twice" : "Content-Length is no number");
    p->has_length = true;
    p->answer->length = length;
    return true;
}

/* About the connection, which is not the program's: not passed on. */
static bool is_dropped(mo_span name)
{
    return mo_http_is(name, "connection") || mo_http_is(name, "keep-alive") || mo_http_is(name, "proxy-connection") ||
           mo_http_is(name, "te") || mo_http_is(name, "trailer") || mo_http_is(name, "upgrade") || mo_http_is(name, "date") ||
           mo_http_is(name, "x-request-id");
}

static bool take_line(parsing *p, mo_span line)
{
    const uint8_t *colon = memchr(line.at, ':', line.len);
    if (!colon)
        return bad(p, "a line without a colon");
    mo_span name = {line.at, (size_t)(colon - line.at)};
    mo_span value = mo_http_trim((mo_span){colon + 1, line.len - name.len - 1});
    if (!mo_http_is_token(name) || !mo_http_is_value(value))
        return bad(p, "a character that a field cannot have");
    if (mo_http_is(name, "status"))
        return take_status(p, value);
    if (mo_http_is(name, "content-length"))
        return take_length(p, value);
    if (mo_http_is(name, "transfer-encoding"))
        return bad(p, "Transfer-Encoding is not the program's");
    if (mo_http_is(name, "content-type")) {
        if (p->has_type)
            return bad(p, "Content-Type comes twice");
        p->has_type = true;
    } else if (mo_http_is(name, "location")) {
        if (p->has_location || !value.len)
            return bad(p, p->has_location ? "Location comes twice" : "Location is empty");
        p->has_location = true;
    }
    return is_dropped(name) || put_field(p, name, value);
}

static bool take_lines(parsing *p, const uint8_t *bytes, size_t len)
{
    size_t nlines = 0;
    for (const uint8_t *end = bytes + len; bytes < end; nlines++) {
        const uint8_t *lf = memchr(bytes, '\n', (size_t)(end - bytes));
        mo_span line = {bytes, (size_t)(lf - bytes)};
        if (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0)
            break;
        if (nlines == MO_HTTP_FIELDS)
            return bad(p, "too many fields");
        if (!take_line(p, line))
            return false;
        bytes = lf + 1;
    }
    return true;
}

bool mo_cgi_parse(const uint8_t *bytes, size_t len, uint8_t *room, size_t size, mo_answer *ret, const char **why)
{
    parsing p = {.answer = ret, .room = room, .size = size};
    *ret = (mo_answer){.status = 200, .length = MO_LENGTH_UNKNOWN};
    bool good = take_lines(&p, bytes, len);
    if (good && !p.has_status && !p.has_type && !p.has_location)
        good = bad(&p, "none of Content-Type, Location and Status is there");
    if (p.has_location && !p.has_status)
        ret->status = 302;
    ret->fields = (mo_span){room, p.len};
    *why = p.why;
    return good;
}
