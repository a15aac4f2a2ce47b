/* report.c - a request counted, and its line composed. */
#include "serve/record/report.h"

#include "call/call.h"
#include "serve/http/exchange.h"
#include "serve/process/worker.h"

#include <stdio.h>
#include <time.h>

/* Of what a client may write as long as it likes; bytes of the line. */
enum { MOST_METHOD = 40, MOST_HOST = 256, MOST_TARGET = 2048, MOST_AGENT = 512, MOST_REFERER = 1024 };

/* --- text -------------------------------------------------------------------------- */

static void put(mo_report *t, const void *bytes, size_t len)
{
    if (len > sizeof t->line - t->len)
        len = sizeof t->line - t->len;
    memcpy(t->line + t->len, bytes, len);
    t->len = (uint16_t)(t->len + len);
}
#define PUT(t, literal) put(t, literal, sizeof(literal) - 1)

static void put_number(mo_report *t, uint64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    put(t, digits + at, sizeof digits - at);
}

/* The high bit of each byte that is not printable ASCII, or '"' or '\'. */
static uint64_t special(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t low = eight & ~high, quote = eight ^ ones * '"', slash = eight ^ ones * '\\';
    uint64_t control = ~(low + ones * 0x60) & high;      /* below ' ' */
    uint64_t delete = (low + ones) & high;               /* 0x7f */
    return (eight & high) | control | delete | ((quote - ones) & ~quote & high) | ((slash - ones) & ~slash & high);
}

static size_t plain_bytes(const uint8_t *at, size_t len)
{
    size_t n = 0;
    while (n + 8 <= len && !special(mo_get64(at + n)))
        n += 8;
    while (n < len && at[n] >= ' ' && at[n] < 0x7f && at[n] != '"' && at[n] != '\\')
        n++;
    return n;
}

static void put_escaped(mo_report *t, uint8_t c, bool json)
{
    char text[8];
    if (json && (c == '"' || c == '\\'))
        put(t, (const char[]){'\\', (char)c}, 2);
    else
        put(t, text, (size_t)snprintf(text, sizeof text, json ? "\\u%04x" : "\\x%02x", c));
}

/* Cut to most bytes of the line. What is no UTF-8 is told byte by byte. */
static void put_text(mo_report *t, mo_span s, size_t most, bool json)
{
    size_t end = t->len + most, n = plain_bytes(s.at, s.len);
    bool text = json && n < s.len && mo_utf8_ok(s.at, s.len);
    for (size_t i = 0; i < s.len;) {
        if (n > end - t->len)
            n = end - t->len;
        put(t, s.at + i, n);
        i += n;
        if (i == s.len || end - t->len < 6)
            break;
        if (text && s.at[i] >= 0x80)
            put(t, &s.at[i], 1);
        else
            put_escaped(t, s.at[i], json);
        i++;
        n = plain_bytes(s.at + i, s.len - i);
    }
    if (text) /* not in the middle of a character */
        while (t->len > end - most && !mo_utf8_ok(t->line + (end - most), t->len - (end - most)))
            t->len--;
}

static mo_span span_of(const char *text) { return (mo_span){(const uint8_t *)text, strlen(text)}; }

static mo_span field(const mo_http_head *head, const char *name)
{
    const mo_http_field *f = head ? mo_http_field_of(head, name) : NULL;
    return f ? f->value : (mo_span){NULL, 0};
}

/* "REMOTE_ADDR" of facts. */
static mo_span client_of(const mo_report *t, const mo_exchange *x)
{
    size_t n;
    mo_span facts = mo_report_facts(t, x, &n);
    for (size_t at = 0; at < facts.len;) {
        const char *fact = (const char *)facts.at + at;
        if (strncmp(fact, "REMOTE_ADDR=", 12) == 0)
            return span_of(fact + 12);
        at += strlen(fact) + 1;
    }
    return span_of("-");
}

/* --- time -------------------------------------------------------------------------------- */

/* The wall clock's, of the loop's turn. */
static void put_time(mo_report *t, mo_worker *w)
{
    mo_clock *c = &w->clock;
    uint64_t now = w->loop.now_ns + c->ahead_ns, second = now / MO_NS_PER_S;
    char millis[4];
    if (now >= c->check_at_ns) {
        struct timespec real;
        clock_gettime(CLOCK_REALTIME, &real);
        c->ahead_ns = (uint64_t)real.tv_sec * MO_NS_PER_S + (uint64_t)real.tv_nsec - w->loop.now_ns;
        now = w->loop.now_ns + c->ahead_ns;
        second = now / MO_NS_PER_S;
        c->check_at_ns = now + MO_NS_PER_S;
    }
    if (second != c->second) {
        time_t seconds = (time_t)second;
        struct tm tm;
        c->second = second;
        c->len = gmtime_r(&seconds, &tm) ? strftime(c->text, sizeof c->text, w->report_json ? "%Y-%m-%dT%H:%M:%S." : "%d/%b/%Y:%H:%M:%S +0000", &tm) : 0;
    }
    put(t, c->text, c->len);
    if (!w->report_json)
        return;
    uint64_t ms = now / 1000000 % 1000;
    for (int i = 2; i >= 0; i--, ms /= 10)
        millis[i] = (char)('0' + ms % 10);
    millis[3] = 'Z';
    put(t, millis, 4);
}

/* --- lines --------------------------------------------------------------------------------- */

static void put_request(mo_report *t, const mo_http_head *head, bool json)
{
    if (!head) {
        PUT(t, "-");
        return;
    }
    put_text(t, head->method, MOST_METHOD, json);
    PUT(t, " ");
    put_text(t, head->target, MOST_TARGET, json);
    put(t, head->minor ? " HTTP/1.1" : " HTTP/1.0", 9);
}

/* client - - [time] "request" <status bytes> "referer" "agent" id */
static void begin_combined(mo_report *t, mo_worker *w, const mo_exchange *x, const mo_http_head *head)
{
    mo_span referer = field(head, "referer"), agent = field(head, "user-agent");
    put_text(t, client_of(t, x), MOST_HOST, false);
    PUT(t, " - - [");
    put_time(t, w);
    PUT(t, "] \"");
    put_request(t, head, false);
    PUT(t, "\" ");
    t->rest_at = t->len;
    PUT(t, " \"");
    put_text(t, referer.at ? referer : span_of("-"), MOST_REFERER, false);
    PUT(t, "\" \"");
    put_text(t, agent.at ? agent : span_of("-"), MOST_AGENT, false);
    PUT(t, "\" ");
    put(t, t->id, t->id_len);
    PUT(t, "\n");
}

static void put_member(mo_report *t, const char *name, mo_span value, size_t most)
{
    PUT(t, "\",\"");
    put(t, name, strlen(name));
    PUT(t, "\":\"");
    put_text(t, value, most, true);
}

static void begin_json(mo_report *t, mo_worker *w, const mo_exchange *x, const mo_http_head *head)
{
    PUT(t, "{\"time\":\"");
    put_time(t, w);
    PUT(t, "\",\"id\":\"");
    put(t, t->id, t->id_len);
    PUT(t, "\",\"trace\":\"");
    put(t, t->trace + 3, 32);
    PUT(t, "\",\"span\":\"");
    put(t, t->trace + 36, 16);
    put_member(t, "client", client_of(t, x), MOST_HOST);
    if (head) {
        mo_span referer = field(head, "referer"), agent = field(head, "user-agent");
        put_member(t, "method", head->method, MOST_METHOD);
        put_member(t, "host", head->host, MOST_HOST);
        put_member(t, "target", head->target, MOST_TARGET);
        PUT(t, "\",\"protocol\":\"");
        put(t, head->minor ? "HTTP/1.1" : "HTTP/1.0", 8);
        if (referer.at)
            put_member(t, "referer", referer, MOST_REFERER);
        if (agent.at)
            put_member(t, "agent", agent, MOST_AGENT);
    }
    if (t->tally.function != MO_SHARED_NO_FUNCTION) {
        const mo_app_function *f = &w->app->functions[t->tally.function];
        put_member(t, "tenant", span_of(w->app->tenants[f->tenant].name), MOST_HOST);
        put_member(t, "function", span_of(f->name), MOST_HOST);
    }
    PUT(t, "\"");
    t->rest_at = t->len;
}

static void end_combined(mo_report *t)
{
    mo_report middle;
    size_t rest = t->len - t->rest_at;
    middle.len = 0;
    if (t->tally.status)
        put_number(&middle, (uint64_t)t->tally.status);
    else
        PUT(&middle, "-");
    PUT(&middle, " ");
    put_number(&middle, t->tally.out_bytes);
    if (t->len + middle.len > sizeof t->line)
        return;
    memmove(t->line + t->rest_at + middle.len, t->line + t->rest_at, rest);
    memcpy(t->line + t->rest_at, middle.line, middle.len);
    t->len = (uint16_t)(t->len + middle.len);
}

static void end_json(mo_report *t)
{
    PUT(t, ",\"status\":");
    put_number(t, (uint64_t)t->tally.status);
    PUT(t, ",\"in\":");
    put_number(t, t->tally.in_bytes);
    PUT(t, ",\"out\":");
    put_number(t, t->tally.out_bytes);
    PUT(t, ",\"us\":");
    put_number(t, t->tally.wall_ns / 1000);
    if (t->tally.truncated)
        PUT(t, ",\"truncated\":true");
    PUT(t, "}\n");
}

static void put_line(mo_report *t, mo_worker *w)
{
    if (w->report_json)
        end_json(t);
    else
        end_combined(t);
    t->line[t->len - 1] = '\n';
    if (!mo_lines_put(w->lines, w->index, MO_STREAM_ACCESS, (mo_span){(const uint8_t *)t->line, t->len}))
        mo_shared_add(w->shared, w->index, MO_VALUE_ACCESS_DROPPED, 1);
}

/* --- requests -------------------------------------------------------------------------------- */

mo_span mo_report_facts(const mo_report *t, const mo_exchange *x, size_t *retn)
{
    if (!t->forwarded)
        return mo_exchange_facts(x, retn);
    *retn = t->nfacts;
    return (mo_span){(const uint8_t *)t->facts, t->facts_len};
}

/* What a believed proxy says. */
static void hear_proxy(mo_report *t, const mo_worker *w, const mo_exchange *x, mo_http_head *head)
{
    size_t n;
    t->forwarded = mo_exchange_is_proxied(x);
    if (!t->forwarded)
        return;
    mo_span facts = mo_exchange_facts(x, &n);
    mo_forwarded_read(head, w->networks, w->app->nproxies, &t->by);
    t->facts_len = mo_forwarded_facts(&t->by, facts, t->facts, &t->nfacts).len;
    if (t->by.host.len)
        head->host = t->by.host;
}

/* A believed proxy's id of the request goes on, anybody else's would be mistaken for ours. */
static void make_ids(mo_report *t, mo_worker *w, const mo_http_head *head)
{
    mo_span given = t->forwarded ? field(head, "x-request-id") : (mo_span){NULL, 0};
    t->traced = mo_trace_continue(&w->ids, field(head, "traceparent"), t->trace);
    t->id_len = mo_ids_next(&w->ids, t->id);
    if (given.at && mo_ids_check(given)) {
        memcpy(t->id, given.at, given.len);
        t->id[given.len] = 0;
        t->id_len = given.len;
    }
}

void mo_report_begin(mo_report *t, mo_worker *w, const mo_exchange *x, mo_http_head *head, uint32_t function)
{
    t->tally = (mo_tally){.function = function};
    t->began_ns = mo_exchange_came(x);
    t->forwarded = false;
    t->len = 0;
    if (head)
        hear_proxy(t, w, x, head);
    make_ids(t, w, head);
    if (!w->lines)
        return;
    if (w->report_json)
        begin_json(t, w, x, head);
    else
        begin_combined(t, w, x, head);
}

void mo_report_end(mo_report *t, mo_worker *w, const mo_exchange *x)
{
    t->tally.wall_ns = mo_now_ns() - t->began_ns;
    mo_exchange_tell(x, &t->tally);
    mo_shared_count(w->shared, w->index, &t->tally);
    if (w->lines)
        put_line(t, w);
}

void mo_report_refused(mo_worker *w, const mo_exchange *x, mo_http_head *head, uint32_t function)
{
    mo_report t;
    mo_report_begin(&t, w, x, head, function);
    mo_report_end(&t, w, x);
}
