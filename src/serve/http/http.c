/* http.c - a request's head: found, then taken apart. */
#include "serve/http/http.h"

/* --- characters --------------------------------------------------------------- */

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_alpha(uint8_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

/* RFC 9110, 5.6.2 */
static bool is_token_char(uint8_t c)
{
    return is_digit(c) || is_alpha(c) || (c > ' ' && c < 0x7f && strchr("!#$%&'*+-.^_`|~", c));
}

static uint8_t small(uint8_t c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

bool mo_http_is_bytes(mo_span s, const char *text)
{
    for (size_t i = 0; i < s.len; i++)
        if (small(s.at[i]) != (uint8_t)text[i])
            return false;
    return true;
}

bool mo_http_is_token(mo_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.at[i]))
            return false;
    return s.len > 0;
}

bool mo_http_is_value(mo_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7f)
            return false;
    return true;
}

mo_span mo_http_trim(mo_span s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

uint64_t mo_http_number(mo_span s)
{
    uint64_t n = 0;
    if (s.len == 0 || s.len > 18)
        return UINT64_MAX;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.at[i]))
            return UINT64_MAX;
        n = n * 10 + (s.at[i] - (uint8_t)'0');
    }
    return n;
}

static int digit_of(uint8_t c)
{
    return is_digit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

bool mo_http_decode(mo_span path, uint8_t *room, mo_span *ret)
{
    size_t n = 0;
    *ret = path;
    if (!path.len || !memchr(path.at, '%', path.len))
        return true;
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.at[i];
        if (c == '%') {
            int high = i + 2 < path.len ? digit_of(path.at[i + 1]) : -1;
            int low = high >= 0 ? digit_of(path.at[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        room[n++] = c;
    }
    *ret = (mo_span){room, n};
    return true;
}

/* --- finding a head's end ------------------------------------------------------- */

int64_t mo_http_find(mo_http_find_state *s, const uint8_t *bytes, size_t len)
{
    size_t most = len < MO_HTTP_HEAD ? len : MO_HTTP_HEAD;
    for (const uint8_t *lf; s->at < most && (lf = memchr(bytes + s->at, '\n', most - s->at));) {
        size_t end = (size_t)(lf - bytes);
        if (end == s->line || bytes[end - 1] != '\r')
            return -400; /* a bare LF ends no line */
        if (!s->has_line && end - s->line > MO_HTTP_LINE)
            return -414;
        if (s->has_line && end - s->line == 1)
            return (int64_t)end + 1;
        s->has_line = true;
        s->at = s->line = end + 1;
    }
    s->at = most;
    if (!s->has_line && most - s->line > MO_HTTP_LINE)
        return -414;
    return most == MO_HTTP_HEAD ? -431 : 0;
}

/* --- the request line ------------------------------------------------------------- */

/* Up to the first c; *rest is what comes after it. len SIZE_MAX: there is no c. */
static mo_span until(mo_span s, uint8_t c, mo_span *rest)
{
    const uint8_t *at = s.len ? memchr(s.at, c, s.len) : NULL;
    if (!at)
        return (mo_span){s.at, SIZE_MAX};
    size_t n = (size_t)(at - s.at);
    *rest = (mo_span){at + 1, s.len - n - 1};
    return (mo_span){s.at, n};
}

static int read_version(mo_span s, mo_http_head *h)
{
    if (s.len != 8 || memcmp(s.at, "HTTP/", 5) != 0 || !is_digit(s.at[5]) || s.at[6] != '.' || !is_digit(s.at[7]))
        return 400;
    if (s.at[5] != '1')
        return 505;
    h->minor = s.at[7] > '0';
    return 0;
}

static size_t span_of(mo_span s, size_t at, bool address)
{
    while (at < s.len && (is_alpha(s.at[at]) || is_digit(s.at[at]) ||
                          (s.at[at] > ' ' && strchr(address ? ":.%" : "-._~%!$&'()*+,;=", s.at[at]))))
        at++;
    return at;
}

/* RFC 3986, 3.2: a name, or an address in brackets, and perhaps a port; or nothing at all. */
static bool is_host(mo_span s)
{
    bool address = s.len && s.at[0] == '[';
    size_t at = span_of(s, address, address);
    if (address && (at == s.len || s.at[at++] != ']'))
        return false;
    if (at < s.len && s.at[at++] != ':')
        return false;
    while (at < s.len && is_digit(s.at[at]))
        at++;
    return at == s.len;
}

/* "http://host/path" as a proxy is asked; the field must name the same host. */
static int read_absolute(mo_span s, mo_http_head *h)
{
    size_t scheme = s.len > 7 && mo_http_is((mo_span){s.at, 7}, "http://") ? 7
                    : s.len > 8 && mo_http_is((mo_span){s.at, 8}, "https://") ? 8 : 0;
    size_t n = scheme;
    if (!scheme)
        return 400;
    while (n < s.len && s.at[n] != '/' && s.at[n] != '?')
        n++;
    h->host = (mo_span){s.at + scheme, n - scheme};
    h->path = (mo_span){s.at + n, s.len - n};
    if (h->path.len == 0 || h->path.at[0] == '?')
        return 400; /* RFC 9112, 3.2.2 wants "/"; nobody leaves it out */
    return h->host.len && is_host(h->host) ? 0 : 400;
}

static int read_target(mo_span s, mo_http_head *h)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] >= 0x7f || s.at[i] == '#')
            return 400;
    h->target = h->path = s;
    if (mo_span_is(s, "*"))
        return mo_span_is(h->method, "OPTIONS") ? 0 : 400;
    int status = s.len && s.at[0] == '/' ? 0 : read_absolute(s, h);
    mo_span query, path = until(h->path, '?', &query);
    if (!status && path.len != SIZE_MAX) {
        h->path = path;
        h->query = query;
    }
    return status;
}

static int read_request_line(mo_span line, mo_http_head *h)
{
    mo_span rest, version;
    h->method = until(line, ' ', &rest);
    if (h->method.len == SIZE_MAX || !mo_http_is_token(h->method))
        return 400;
    mo_span target = until(rest, ' ', &version);
    if (target.len == SIZE_MAX)
        return 400;
    int status = read_version(version, h);
    if (status)
        return status;
    if (mo_span_is(h->method, "CONNECT") || mo_span_is(h->method, "TRACE") || h->method.len > 32)
        return 501;
    h->is_head = mo_span_is(h->method, "HEAD");
    return read_target(target, h);
}

/* --- fields ------------------------------------------------------------------------ */

static int read_field(mo_span line, mo_http_head *h)
{
    mo_span value, name = until(line, ':', &value);
    if (name.len == SIZE_MAX || !mo_http_is_token(name)) /* so no blank before the colon, and no folding */
        return 400;
    value = mo_http_trim(value);
    if (!mo_http_is_value(value))
        return 400;
    if (h->nfields == MO_HTTP_FIELDS)
        return 431;
    h->fields[h->nfields++] = (mo_http_field){name, value};
    return 0;
}

const mo_http_field *mo_http_field_of(const mo_http_head *h, const char *name)
{
    for (size_t i = 0; i < h->nfields; i++)
        if (mo_http_is(h->fields[i].name, name))
            return &h->fields[i];
    return NULL;
}

/* What each field means to the framing; those that must not come twice are refused. */
enum { SEEN_HOST = 1, SEEN_LENGTH = 2, SEEN_CODING = 4, SEEN_EXPECT = 8, SEEN_TYPE = 16, SEEN_AUTHORIZATION = 32 };

static bool same_host(mo_span a, mo_span b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++)
        if (small(a.at[i]) != small(b.at[i]))
            return false;
    return a.len == b.len;
}

/* Of two that differ the target's would count (RFC 9112, 3.2.2): not everywhere, so neither does. */
static int take_host(mo_http_head *h, mo_span value)
{
    if (!is_host(value) || (h->host.at && !same_host(h->host, value)))
        return 400;
    h->host = value;
    return 0;
}

static int take_length(mo_http_head *h, mo_span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (!is_digit(value.at[i]))
            return 400;
    if (value.len == 0)
        return 400;
    h->has_length = true;
    h->length = mo_http_number(value);
    return h->length == UINT64_MAX ? 413 : 0;
}

static int take_coding(mo_http_head *h, mo_span value)
{
    if (h->minor == 0)
        return 400;
    h->chunked = true;
    return mo_http_is(value, "chunked") ? 0 : 501;
}

static int take_expect(mo_http_head *h, mo_span value)
{
    if (!mo_http_is(value, "100-continue"))
        return 417;
    h->expects_continue = h->minor > 0;
    return 0;
}

static int take_connection(mo_http_head *h, mo_span value)
{
    while (value.len) {
        mo_span rest = {NULL, 0}, one = until(value, ',', &rest);
        if (one.len == SIZE_MAX)
            one = value;
        one = mo_http_trim(one);
        if (one.len && !mo_http_is_token(one))
            return 400;
        if (mo_http_is(one, "close"))
            h->keep_alive = false;
        else if (mo_http_is(one, "keep-alive") && h->minor == 0)
            h->keep_alive = true;
        value = rest;
    }
    return 0;
}

static int take_nothing(mo_http_head *h, mo_span value)
{
    (void)h, (void)value;
    return 0;
}

static const struct meaning {
    const char *name;
    unsigned once; /* SEEN_...: 400 where it comes again; 0: may come often */
    int (*take)(mo_http_head *h, mo_span value);
} meanings[] = {
    {"host", SEEN_HOST, take_host},
    {"content-length", SEEN_LENGTH, take_length},
    {"transfer-encoding", SEEN_CODING, take_coding},
    {"connection", 0, take_connection},
    {"expect", SEEN_EXPECT, take_expect},
    {"content-type", SEEN_TYPE, take_nothing},
    {"authorization", SEEN_AUTHORIZATION, take_nothing},
};

static int take_field(mo_http_head *h, const mo_http_field *f, unsigned *seen)
{
    for (size_t i = 0; i < MO_COUNT(meanings); i++) {
        const struct meaning *m = &meanings[i];
        if (!mo_http_is(f->name, m->name))
            continue;
        if (*seen & m->once)
            return 400;
        *seen |= m->once;
        return m->take(h, f->value);
    }
    return 0;
}

static int take_fields(mo_http_head *h)
{
    unsigned seen = 0;
    int status = 0;
    h->keep_alive = h->minor > 0;
    for (size_t i = 0; i < h->nfields && !status; i++)
        status = take_field(h, &h->fields[i], &seen);
    if (status)
        return status;
    if (h->minor > 0 && !(seen & SEEN_HOST))
        return 400;
    return h->chunked && h->has_length ? 400 : 0;
}

int mo_http_parse(const uint8_t *bytes, size_t len, mo_http_head *ret)
{
    memset(ret, 0, offsetof(mo_http_head, fields));
    ret->nfields = 0;
    mo_span rest = {bytes, len}, line = until(rest, '\n', &rest);
    if (line.len == SIZE_MAX || line.len == 0)
        return 400;
    int status = read_request_line((mo_span){line.at, line.len - 1}, ret);
    while (!status) {
        line = until(rest, '\n', &rest);
        if (line.len == SIZE_MAX || line.len == 0)
            return 400;
        if (line.len == 1)
            break;
        status = read_field((mo_span){line.at, line.len - 1}, ret);
    }
    return status ? status : take_fields(ret);
}

/* --- words --------------------------------------------------------------------------- */

const char *mo_http_reason(int status)
{
    static const struct { int status; const char *words; } reasons[] = {
        {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {203, "Non-Authoritative Information"}, {204, "No Content"},
        {205, "Reset Content"}, {206, "Partial Content"}, {300, "Multiple Choices"}, {301, "Moved Permanently"},
        {302, "Found"}, {303, "See Other"}, {304, "Not Modified"}, {307, "Temporary Redirect"},
        {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
        {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"},
        {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
        {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {422, "Unprocessable Content"},
        {425, "Too Early"}, {426, "Upgrade Required"}, {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
        {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < MO_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return "Unknown";
}
