/* CGI: a head becomes variables, what a program prints an answer's head. */
#include "base/test.h"
#include "serve/function/cgi.h"

static char strings[96 << 10];

static int env_of(const char *text, mo_cgi_env *ret)
{
    static mo_http_head h;
    *ret = (mo_cgi_env){.at = strings, .cap = sizeof strings};
    int status = mo_http_parse((const uint8_t *)text, strlen(text), &h);
    return status ? status : mo_cgi_put_request(ret, &h, (mo_span){NULL, 0}, (mo_span){(const uint8_t *)"REMOTE_ADDR=::1", 16}, 1);
}

static bool has(const mo_cgi_env *env, const char *wanted)
{
    size_t n = 0;
    bool found = false;
    for (size_t at = 0; at < env->len; at += strlen(env->at + at) + 1, n++)
        found |= strcmp(env->at + at, wanted) == 0;
    return found && n == env->n;
}

static bool has_name(const mo_cgi_env *env, const char *name)
{
    for (size_t at = 0; at < env->len; at += strlen(env->at + at) + 1)
        if (strncmp(env->at + at, name, strlen(name)) == 0) return true;
    return false;
}

#define GET(fields) "GET /a%20b/%41?q=%20 HTTP/1.1\r\nHost: [::1]:80\r\n" fields "\r\n"

TEST(a_request_becomes_variables)
{
    mo_cgi_env e;
    expect_u64(env_of(GET("User-Agent: x\r\nAccept: a\r\nCookie: c=1\r\naccept: b\r\ncookie: d=2\r\nContent-Type: t/u\r\n"
                          "Content-Length: 7\r\n"), &e), 0);
    expect(has(&e, "REQUEST_METHOD=GET") && has(&e, "PATH_INFO=/a b/A") && has(&e, "QUERY_STRING=q=%20"));
    expect(has(&e, "REQUEST_URI=/a%20b/%41?q=%20") && has(&e, "SERVER_PROTOCOL=HTTP/1.1") && has(&e, "REMOTE_ADDR=::1"));
    expect(has(&e, "SERVER_NAME=[::1]") && has(&e, "HTTP_HOST=[::1]:80") && has(&e, "HTTP_USER_AGENT=x"));
    expect(has(&e, "HTTP_ACCEPT=a, b") && has(&e, "HTTP_COOKIE=c=1; d=2") && has(&e, "CONTENT_TYPE=t/u"));
    expect(has(&e, "CONTENT_LENGTH=7"));
}

TEST(what_would_be_believed_is_kept_back)
{
    static const char *const never[] = {"HTTP_PROXY=", "HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_CONNECTION",
                                        "HTTP_TRANSFER_ENCODING", "CONTENT_LENGTH", "HTTP_TE=", "HTTP_EXPECT"};
    mo_cgi_env e;
    expect_u64(env_of(GET("Proxy: http://evil\r\nPROXY: x\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=x\r\nTE: x\r\n"
                          "Connection: close\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"), &e), 0);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        expect(!has_name(&e, never[i]));
}

TEST(names_that_could_be_mixed_up_are_refused)
{
    mo_cgi_env e;
    expect_u64(env_of(GET("X_Real: 1\r\n"), &e), 400);
    expect_u64(env_of(GET("X.Real: 1\r\n"), &e), 400);
    expect_u64(env_of("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", &e), 400);
    expect_u64(env_of("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", &e), 400);
    expect_u64(env_of("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", &e), 400);
}

TEST(variables_that_do_not_fit_are_an_answer)
{
    mo_cgi_env e = {.at = strings, .cap = 64};
    mo_http_head h;
    const char *text = GET("");
    expect_u64(mo_http_parse((const uint8_t *)text, strlen(text), &h), 0);
    expect_u64(mo_cgi_put_request(&e, &h, (mo_span){NULL, 0}, (mo_span){NULL, 0}, 0), 431);
    expect(e.len <= 64);
}

/* --- answers ------------------------------------------------------------------------- */

static uint8_t room[1024];

/* Found whatever the split; then parsed. */
static bool parse(const char *text, mo_answer *a, const char **why)
{
    size_t len = strlen(text), at = 0, whole = mo_cgi_find((const uint8_t *)text, len, &at);
    for (size_t split = 0; split <= len; split++) {
        at = 0;
        size_t n = mo_cgi_find((const uint8_t *)text, split, &at);
        if (!n) n = mo_cgi_find((const uint8_t *)text, len, &at);
        expect_u64(n, whole);
    }
    *why = "no end";
    return whole && mo_cgi_parse((const uint8_t *)text, whole, room, sizeof room, a, why);
}

TEST(a_programs_head_becomes_an_answers)
{
    mo_answer a;
    const char *why;
    expect(parse("Content-Type: text/html\n\nbody", &a, &why) && a.status == 200 && a.length == MO_LENGTH_UNKNOWN);
    expect(mo_span_is(a.fields, "Content-Type: text/html\r\n"));
    expect(parse("Status: 404 Gone fishing\r\nX-A:b\r\n\r\n", &a, &why) && a.status == 404 && mo_span_is(a.reason, "Gone fishing"));
    expect(mo_span_is(a.fields, "X-A: b\r\n"));
    expect(parse("Location: /x\n\n", &a, &why) && a.status == 302);
    expect(parse("Status: 301\nLocation: /x\nConnection: close\nDate: x\n\n", &a, &why) && a.status == 301);
    expect(mo_span_is(a.fields, "Location: /x\r\n"));
    expect(parse("Content-Length: 12\nStatus: 200\n\n", &a, &why) && a.length == 12 && a.fields.len == 0);
}

TEST(a_head_that_makes_no_sense_is_refused)
{
    static const char *const bad[] = {
        "\n", "\r\n", "hello\n\n", "X: y\n\n", "Content-Type: a\nContent-Type: b\n\n", "Status: 99\n\n", "Status: 600\n\n",
        "Status: 1000\n\n", "Status: abc\n\n", "Status: 100 Continue\n\n", "Status: 200\nStatus: 200\n\n", "Content-Type : a\n\n",
        "Content-Type: a\rX: b\n\n", "Content-Type: a\n b\n\n", "Content-Type: a\nContent-Length: x\n\n",
        "Content-Type: a\nContent-Length: 1\nContent-Length: 1\n\n", "Content-Type: a\nTransfer-Encoding: chunked\n\n",
        "Location:\n\n", "Location: a\nLocation: b\n\n", "Content-Type: a\nX\001: b\n\n", "Content-Type: a\n: b\n\n",
    };
    mo_answer a;
    const char *why;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!expect(!parse(bad[i], &a, &why) && why)) printf("    %s\n", bad[i]);
    char text[2000] = "Content-Type: a\n";
    for (int i = 0; i < 200; i++) strcat(text, "X: y\n");
    strcat(text, "\n");
    expect(!parse(text, &a, &why));
}
