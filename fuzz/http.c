/* http.c - any bytes as HTTP/1.1: heads and bodies are found the same whole and in pieces, and
 * what is accepted is as strict as it should be; then as what a CGI program printed.
 *   first byte: how the rest is split; clang -fsanitize=fuzzer,address,undefined ... */
#include "serve/function/cgi.h"
#include "serve/http/http.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool claim, const char *what)
{
    if (claim) return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

/* A copy of just these bytes, so that reading one more is seen. */
static uint8_t *copy(const uint8_t *bytes, size_t len)
{
    uint8_t *own = malloc(len ? len : 1);
    if (!own) abort();
    if (len) memcpy(own, bytes, len);
    return own;
}

static int64_t find_in_pieces(const uint8_t *bytes, size_t len, size_t piece)
{
    mo_http_find_state s = {.at = 0};
    for (size_t n = piece; n < len; n += piece) {
        int64_t r = mo_http_find(&s, bytes, n);
        if (r) return r;
    }
    return mo_http_find(&s, bytes, len);
}

static void check_head(const mo_http_head *h, const uint8_t *bytes, size_t len)
{
    must(mo_http_is_token(h->method) && h->target.len, "a method and a target");
    must(!(h->chunked && h->has_length), "one kind of length");
    must(h->minor == 0 || h->host.at, "a host");
    for (size_t i = 0; i < h->nfields; i++) {
        mo_span name = h->fields[i].name, value = h->fields[i].value;
        must(mo_http_is_token(name) && mo_http_is_value(value), "fields of good characters");
        must(name.at >= bytes && value.at + value.len <= bytes + len, "fields inside of the head");
    }
}

static void check_env(const mo_http_head *h)
{
    static char room[4096];
    mo_cgi_env env = {.at = room, .cap = sizeof room};
    size_t n = 0;
    int status = mo_cgi_put_request(&env, h, (mo_span){NULL, 0}, (mo_span){(const uint8_t *)"REMOTE_ADDR=x", 14}, 1);
    must(env.len <= sizeof room, "variables fit");
    if (status) return;
    for (size_t at = 0; at < env.len; at += strlen(room + at) + 1, n++) {
        must(strchr(room + at, '=') && strncmp(room + at, "HTTP_PROXY=", 11) != 0, "variables have names");
    }
    must(n == env.n, "as many strings as were counted");
}

/* Its data, in pieces; returns what it ended with. */
static int64_t unframe(mo_http_body b, const uint8_t *bytes, size_t len, size_t piece, mo_buffer *data)
{
    size_t at = 0;
    while (at < len && !b.done) {
        mo_span part;
        int64_t n = mo_http_body_take(&b, bytes + at, piece < len - at ? piece : len - at, &part);
        if (n < 0) return n;
        must(n > 0 && (size_t)n <= len - at, "it goes on");
        mo_buffer_put(data, part.at, part.len);
        must(data->len == b.total && b.total <= b.limit, "data is counted");
        at += (size_t)n;
    }
    return (int64_t)at;
}

static void check_body(const mo_http_head *h, const uint8_t *bytes, size_t len, size_t piece)
{
    mo_buffer whole = {.at = NULL}, parts = {.at = NULL};
    mo_http_body b = mo_http_body_of(h, 1 << 20);
    if (!h->chunked && h->length > b.limit) return;
    int64_t one = unframe(b, bytes, len, len + 1, &whole), many = unframe(b, bytes, len, piece, &parts);
    must(one == many, "the same end in pieces");
    must(one < 0 || (whole.len == parts.len && (whole.len == 0 || memcmp(whole.at, parts.at, whole.len) == 0)), "the same data in pieces");
    mo_buffer_free(&whole);
    mo_buffer_free(&parts);
}

static void check_request(const uint8_t *bytes, size_t len, size_t piece)
{
    static mo_http_head h;
    mo_http_find_state s = {.at = 0};
    int64_t n = mo_http_find(&s, bytes, len), again = find_in_pieces(bytes, len, piece);
    must(n == again || (n < 0 && again < 0), "the same head in pieces");
    if (n <= 0) return;
    uint8_t *head = copy(bytes, (size_t)n);
    int status = mo_http_parse(head, (size_t)n, &h);
    must(status == 0 || (status >= 400 && status < 600), "a status of errors");
    if (status == 0) {
        check_head(&h, head, (size_t)n);
        check_env(&h);
        check_body(&h, bytes + n, len - (size_t)n, piece);
    }
    free(head);
}

static void check_answer(const uint8_t *bytes, size_t len, size_t piece)
{
    size_t at = 0, n = 0, whole_at = 0, whole = mo_cgi_find(bytes, len, &whole_at);
    for (size_t have = piece; !n && have < len; have += piece) n = mo_cgi_find(bytes, have, &at);
    if (!n) n = mo_cgi_find(bytes, len, &at);
    must(n == whole && n <= len, "the same head of an answer in pieces");
    if (!n) return;
    uint8_t *head = copy(bytes, n), *room = malloc(512);
    mo_answer a;
    const char *why = NULL;
    if (!room) abort();
    if (mo_cgi_parse(head, n, room, 512, &a, &why)) {
        must(a.status >= 200 && a.status < 600 && a.fields.len <= 512 && mo_http_is_value(a.reason), "an answer that may go out");
        for (size_t i = 0; i < a.fields.len; i++)
            if (a.fields.at[i] == '\n' || a.fields.at[i] == '\r')
                must(a.fields.at[i] == '\r' ? i + 1 < a.fields.len && a.fields.at[i + 1] == '\n' : i > 0 && a.fields.at[i - 1] == '\r', "lines end in CRLF");
    } else {
        must(why != NULL, "a refusal has a reason");
    }
    free(head);
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) return 0;
    size_t piece = bytes[0] % 32 + 1u;
    uint8_t *own = copy(bytes + 1, len - 1);
    check_request(own, len - 1, piece);
    check_answer(own, len - 1, piece);
    free(own);
    return 0;
}
