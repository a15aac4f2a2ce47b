/* HTTP/1.1 as bytes: heads found and taken apart, bodies unframed; whole, and split at every
 * byte. What two servers might understand differently is refused. */
#include "base/test.h"
#include "serve/http/http.h"

#include <stdlib.h>

/* The head's length, or -status; fed whole and in every split of two, which must agree. */
static int64_t find(const char *bytes, size_t len)
{
    mo_http_find_state s = {.at = 0};
    int64_t whole = mo_http_find(&s, (const uint8_t *)bytes, len);
    for (size_t at = 0; at < len; at++) {
        mo_http_find_state two = {.at = 0};
        int64_t r = mo_http_find(&two, (const uint8_t *)bytes, at);
        if (r == 0)
            r = mo_http_find(&two, (const uint8_t *)bytes, len);
        if (r != whole && !(r < 0 && whole < 0))
            expect_u64(r, whole);
    }
    return whole;
}

static int status_of(const char *text, mo_http_head *ret)
{
    size_t len = strlen(text);
    int64_t n = find(text, len);
    if (n <= 0) return n ? (int)-n : -1;
    return mo_http_parse((const uint8_t *)text, (size_t)n, ret);
}

static bool is(mo_span s, const char *text) { return mo_span_is(s, text); }

#define H "Host: a\r\n"

TEST(a_plain_request_is_taken_apart)
{
    mo_http_head h;
    expect_u64(status_of("GET /a/b?x=1&y HTTP/1.1\r\nHost: example.org:80\r\nX-One:  two \t\r\nEmpty:\r\n\r\nrest", &h), 0);
    expect(is(h.method, "GET") && is(h.target, "/a/b?x=1&y") && is(h.path, "/a/b") && is(h.query, "x=1&y"));
    expect(is(h.host, "example.org:80") && h.minor == 1 && h.keep_alive && !h.chunked && !h.has_length);
    expect_u64(h.nfields, 3);
    expect(is(h.fields[1].name, "X-One") && is(h.fields[1].value, "two") && h.fields[2].value.len == 0);
    expect(mo_http_field_of(&h, "x-one") == &h.fields[1] && !mo_http_field_of(&h, "x-on"));
}

TEST(forms_of_the_target)
{
    mo_http_head h;
    expect(status_of("GET http://B.org/c?d HTTP/1.1\r\nHost: b.org\r\n\r\n", &h) == 0 && is(h.host, "b.org") && is(h.path, "/c") && is(h.query, "d"));
    expect(status_of("OPTIONS * HTTP/1.1\r\n" H "\r\n", &h) == 0 && is(h.path, "*"));
    expect(status_of("GET /? HTTP/1.1\r\n" H "\r\n", &h) == 0 && h.query.len == 0 && is(h.path, "/"));
    expect(status_of("HEAD / HTTP/1.0\r\n\r\n", &h) == 0 && h.is_head && !h.keep_alive && h.host.len == 0);
    expect(status_of("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &h) == 0 && h.keep_alive);
    expect(status_of("GET / HTTP/1.1\r\n" H "Connection: x, close\r\n\r\n", &h) == 0 && !h.keep_alive);
    expect(status_of("GET / HTTP/1.9\r\n" H "\r\n", &h) == 0 && h.minor == 1);
    expect(status_of("PUT / HTTP/1.1\r\n" H "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n", &h) == 0 && h.expects_continue &&
           h.length == 12);
    expect(status_of("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n", &h) == 0 && h.chunked);
}

TEST(forms_of_the_host)
{
    static const char *const hosts[] = {"a", "a.b-c", "a:80", "a:", "1.2.3.4:5", "[::1]", "[::1]:80", "", "xn--a_b~"};
    mo_http_head h;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char text[100];
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        expect(status_of(text, &h) == 0 && is(h.host, hosts[i]));
    }
}

TEST(what_is_not_exactly_right_is_refused)
{
    static const struct { const char *text; int status; } cases[] = {
        {"GET / HTTP/1.1\n" H "\r\n", 400},                 /* bare LF */
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: b\n\n", 400},
        {"\nGET / HTTP/1.1\r\n" H "\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", 400},  /* folded */
        {"GET / HTTP/1.1\r\n X: a\r\n" H "\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "X : a\r\n\r\n", 400},       /* a blank before the colon */
        {"GET / HTTP/1.1\r\n" H "X\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H ": a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", 400},     /* a lone CR */
        {"GET / HTTP/1.1\r\n" H "X: a\001b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "X(: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},                     /* no host */
        {"GET / HTTP/1.1\r\n" H H "\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n" H "\r\n", 400},               /* blanks */
        {"GET /  HTTP/1.1\r\n" H "\r\n", 400},
        {"GET / HTTP/1.1 \r\n" H "\r\n", 400},
        {" GET / HTTP/1.1\r\n" H "\r\n", 400},
        {"GET\t/ HTTP/1.1\r\n" H "\r\n", 400},
        {"GET / http/1.1\r\n" H "\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a]\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
        {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},    /* two hosts */
        {"GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /\r\n" H "\r\n", 400},                         /* HTTP/0.9 */
        {"GET / HTTP/11\r\n" H "\r\n", 400},
        {"GET / HTTP/2.0\r\n" H "\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"GET / HTTP/0.9\r\n" H "\r\n", 505},
        {"G@T / HTTP/1.1\r\n" H "\r\n", 400},
        {"GET x HTTP/1.1\r\n" H "\r\n", 400},
        {"GET * HTTP/1.1\r\n" H "\r\n", 400},
        {"GET /a#b HTTP/1.1\r\n" H "\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n" H "\r\n", 400},
        {"GET http:///x HTTP/1.1\r\n" H "\r\n", 400},
        {"GET ftp://a/ HTTP/1.1\r\n" H "\r\n", 400},
        {"CONNECT a:80 HTTP/1.1\r\n" H "\r\n", 501},
        {"TRACE / HTTP/1.1\r\n" H "\r\n", 501},
        {"PUT / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400}, /* both */
        {"PUT / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 413},
        {"PUT / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"PUT / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 501},
        {"PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
        {"PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 417},
        {"GET / HTTP/1.1\r\n" H "Connection: a b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "Authorization: a\r\nAuthorization: b\r\n\r\n", 400},
    };
    mo_http_head h;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!expect_u64(status_of(cases[i].text, &h), cases[i].status)) printf("    %s\n", cases[i].text);
}

TEST(heads_have_limits)
{
    static char text[64 << 10];
    mo_http_head h;
    mo_http_find_state s = {.at = 0};
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    expect_u64(mo_http_find(&s, (const uint8_t *)text, MO_HTTP_LINE), 0);
    expect_u64(mo_http_find(&s, (const uint8_t *)text, MO_HTTP_LINE + 1), -414);
    memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
    s = (mo_http_find_state){.at = 0};
    expect_u64(mo_http_find(&s, (const uint8_t *)text, MO_HTTP_HEAD - 1), 0);
    expect_u64(mo_http_find(&s, (const uint8_t *)text, MO_HTTP_HEAD), -431);
    size_t n = (size_t)sprintf(text, "GET / HTTP/1.1\r\n" H);
    for (int i = 0; i < MO_HTTP_FIELDS - 1; i++) n += (size_t)sprintf(text + n, "X: %d\r\n", i);
    strcpy(text + n, "\r\n");
    expect_u64(status_of(text, &h), 0);
    strcpy(text + n, "Y: 1\r\n\r\n");
    expect_u64(status_of(text, &h), 431);
}

/* --- bodies -------------------------------------------------------------------- */

/* Feeds text in pieces of n bytes; the data is gathered. Returns the bytes taken, or -status. */
static int64_t unframe(mo_http_body b, const char *text, size_t n, char *data, size_t *retlen, bool *done)
{
    size_t at = 0, len = strlen(text);
    *retlen = 0;
    while (at < len && !b.done) {
        mo_span part;
        int64_t took = mo_http_body_take(&b, (const uint8_t *)text + at, n < len - at ? n : len - at, &part);
        if (took < 0) return took;
        memcpy(data + *retlen, part.at, part.len);
        *retlen += part.len;
        at += (size_t)took;
    }
    *done = b.done;
    return (int64_t)at;
}

static void body(bool chunked, uint64_t length, uint64_t limit, const char *text, int64_t want, const char *want_data)
{
    mo_http_head h = {.chunked = chunked, .has_length = !chunked, .length = length};
    char data[512];
    for (size_t n = 1; n <= strlen(text) + 1; n++) {
        size_t len;
        bool done = false;
        int64_t r = unframe(mo_http_body_of(&h, limit), text, n, data, &len, &done);
        if (!expect(r == want)) printf("    in pieces of %zu: %d, not %d: %s\n", n, (int)r, (int)want, text);
        if (r < 0 || !want_data) continue;
        expect(done && len == strlen(want_data) && memcmp(data, want_data, len) == 0);
    }
}

TEST(bodies_are_unframed_however_they_arrive)
{
    body(false, 5, 100, "helloNEXT", 5, "hello");
    body(true, 0, 100, "5\r\nhello\r\n0\r\n\r\nGET", 15, "hello");
    body(true, 0, 100, "1\r\na\r\n00002;x=\"y\"\r\nbc\r\n0;z\r\nT: v\r\nU:\r\n\r\n", 40, "abc");
    body(true, 0, 100, "A\r\n0123456789\r\n0\r\n\r\n", 20, "0123456789");
    body(true, 0, 100, "0\r\n\r\n", 5, "");
    body(true, 0, 100, "3\r\nab", 5, NULL);
}

TEST(bad_framing_is_refused)
{
    static const struct { const char *text; int status; } cases[] = {
        {"\r\n", 400}, {"x\r\n", 400}, {" 1\r\na\r\n", 400}, {"1 \r\na\r\n", 400}, {"1\na\r\n", 400}, {"-1\r\n", 400},
        {"0x1\r\na\r\n", 400}, {"1\r\nab\r\n", 400}, {"1\r\na\n0\r\n\r\n", 400}, {"1\r\na\rb", 400}, {"1;a\nb\r\n", 400},
        {"1;\001\r\n", 400}, {"0\r\n X: a\r\n\r\n", 400}, {"0\r\nX: a\n\r\n", 400}, {"0\r\n\rX", 400}, {"0\r\n\n", 400},
        {"fffffffffffffffff\r\n", 413}, {"65\r\n", 413}, {"40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n25\r\n", 413},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        body(true, 0, 100, cases[i].text, -cases[i].status, NULL);
}

TEST(bodies_have_limits)
{
    mo_http_head h = {.chunked = true};
    mo_http_body b = mo_http_body_of(&h, 100);
    static uint8_t text[MO_HTTP_TRAILER + 100];
    mo_span data;
    memset(text, 'x', sizeof text);
    memcpy(text, "0;", 2);
    expect_u64(mo_http_body_take(&b, text, MO_HTTP_CHUNK_LINE + 2, &data), -400);
    b = mo_http_body_of(&h, 100);
    memcpy(text, "0\r\nX: ", 6);
    expect_u64(mo_http_body_take(&b, text, sizeof text, &data), -431);
}
