/* cgi_env.c - a request's head becomes variables (RFC 3875, 4.1). */
#include "serve/function/cgi.h"

/* --- strings ----------------------------------------------------------------------- */

static void put(mo_cgi_env *env, const void *bytes, size_t len)
{
    if (len > env->cap - env->len) {
        env->full = true;
        return;
    }
    if (len)
        memcpy(env->at + env->len, bytes, len);
    env->len += len;
}

static void put_end(mo_cgi_env *env)
{
    put(env, "", 1);
    env->n++;
}

static void put_variable(mo_cgi_env *env, const char *name, size_t name_len, mo_span value)
{
    size_t len = name_len + value.len + 1;
    if (len > env->cap - env->len) {
        env->full = true;
        return;
    }
    char *to = env->at + env->len;
    memcpy(to, name, name_len);
    if (value.len)
        memcpy(to + name_len, value.at, value.len);
    to[len - 1] = 0;
    env->len += len;
    env->n++;
}

/* name: a literal, with its "=". */
#define PUT(env, name, ...) put_variable(env, name, sizeof name - 1, __VA_ARGS__)

void mo_cgi_put(mo_cgi_env *env, const char *name, mo_span value) { put_variable(env, name, strlen(name), value); }

void mo_cgi_put_all(mo_cgi_env *env, const void *strings, size_t len, size_t n)
{
    put(env, strings, len);
    env->n += n;
}

/* --- the target ------------------------------------------------------------------------ */

/* Neither has %XX; what cannot be decoded is refused. The script's name is what led to it. */
static bool put_path(mo_cgi_env *env, mo_span path, mo_span script)
{
    uint8_t room[MO_HTTP_LINE];
    mo_span decoded;
    if (path.len > sizeof room || !mo_http_decode(path, room, &decoded))
        return false;
    size_t n = script.len <= decoded.len ? script.len : decoded.len;
    PUT(env, "SCRIPT_NAME=", (mo_span){decoded.at, n});
    PUT(env, "PATH_INFO=", (mo_span){decoded.at + n, decoded.len - n});
    return true;
}

/* Without the port; an address of version 6 keeps its brackets. */
static mo_span name_of(mo_span host)
{
    for (size_t i = host.len; i > 0; i--) {
        if (host.at[i - 1] == ']')
            break;
        if (host.at[i - 1] == ':')
            return (mo_span){host.at, i - 1};
    }
    return host;
}

/* --- fields ------------------------------------------------------------------------------- */

/* Fields that do not become HTTP_...: they have variables of their own, are about the
 * connection, or would be believed by somebody. Proxy would become HTTP_PROXY, which
 * programs take their proxy from; the forwarded ones only a known proxy may set; ids and traces
 * are the server's to make (report.h). */
#define NAME(text) {text, sizeof text - 1}
static const struct {
    const char *text;
    size_t len;
} kept_back[] = {
    NAME("connection"), NAME("content-length"), NAME("content-type"), NAME("expect"), NAME("forwarded"), NAME("host"),
    NAME("keep-alive"), NAME("proxy"), NAME("proxy-authorization"), NAME("proxy-connection"), NAME("te"), NAME("traceparent"),
    NAME("tracestate"), NAME("trailer"), NAME("x-request-id"),
    NAME("transfer-encoding"), NAME("upgrade"),
};
#undef NAME

static bool begins_forwarded(mo_span name)
{
    return name.len > 12 && mo_http_is((mo_span){name.at, 12}, "x-forwarded-");
}

static bool is_kept_back(mo_span name)
{
    for (size_t i = 0; i < MO_COUNT(kept_back); i++)
        if (mo_http_is_of(name, kept_back[i].text, kept_back[i].len))
            return true;
    return begins_forwarded(name);
}

static bool same_name(mo_span a, mo_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        uint8_t x = a.at[i], y = b.at[i];
        if ((x >= 'A' && x <= 'Z' ? x | 0x20 : x) != (y >= 'A' && y <= 'Z' ? y | 0x20 : y))
            return false;
    }
    return true;
}

static bool came_before(const mo_http_head *head, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (same_name(head->fields[k].name, head->fields[i].name))
            return true;
    return false;
}

static void put_name(mo_cgi_env *env, mo_span name)
{
    put(env, "HTTP_", 5);
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? c & 0xdf : c;
        put(env, &c, 1);
    }
    put(env, "=", 1);
}

/* Fields of one name are one list (RFC 9110, 5.3). */
static void put_field(mo_cgi_env *env, const mo_http_head *head, size_t i)
{
    const mo_http_field *f = &head->fields[i];
    bool cookie = mo_http_is(f->name, "cookie");
    put_name(env, f->name);
    put(env, f->value.at, f->value.len);
    for (size_t k = i + 1; k < head->nfields; k++) {
        if (!same_name(head->fields[k].name, f->name))
            continue;
        put(env, cookie ? "; " : ", ", 2);
        put(env, head->fields[k].value.at, head->fields[k].value.len);
    }
    put_end(env);
}

/* '_' and '-' would be the same variable, as would an odd character and one that a shell
 * cannot tell from it. */
static bool is_plain(mo_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        if (c != '-' && (c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z'))
            return false;
    }
    return true;
}

static int put_fields(mo_cgi_env *env, const mo_http_head *head)
{
    for (size_t i = 0; i < head->nfields; i++) {
        if (!is_plain(head->fields[i].name))
            return 400;
        if (!is_kept_back(head->fields[i].name) && !came_before(head, i))
            put_field(env, head, i);
    }
    return 0;
}

void mo_cgi_put_named(mo_cgi_env *env, const mo_http_head *head, const char *small)
{
    for (size_t i = 0; i < head->nfields; i++)
        if (mo_http_is(head->fields[i].name, small)) {
            put_field(env, head, i);
            return;
        }
}

/* --- all of it --------------------------------------------------------------------------------- */

static void put_length(mo_cgi_env *env, uint64_t length)
{
    uint8_t digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + length % 10);
        length /= 10;
    } while (length);
    PUT(env, "CONTENT_LENGTH=", (mo_span){digits + at, sizeof digits - at});
}

int mo_cgi_put_request(mo_cgi_env *env, const mo_http_head *head, mo_span script, mo_span facts, size_t nfacts)
{
    const mo_http_field *type = mo_http_field_of(head, "content-type");
    PUT(env, "REQUEST_METHOD=", head->method);
    PUT(env, "REQUEST_URI=", head->target);
    PUT(env, "QUERY_STRING=", head->query);
    PUT(env, "SERVER_NAME=", name_of(head->host));
    PUT(env, "SERVER_PROTOCOL=", (mo_span){(const uint8_t *)(head->minor ? "HTTP/1.1" : "HTTP/1.0"), 8});
    mo_cgi_put_all(env, facts.at, facts.len, nfacts);
    if (head->has_length)
        put_length(env, head->length);
    if (type)
        PUT(env, "CONTENT_TYPE=", type->value);
    if (head->host.len)
        PUT(env, "HTTP_HOST=", head->host);
    if (!put_path(env, head->path, script))
        return 400;
    int status = put_fields(env, head);
    return status ? status : env->full ? 431 : 0;
}
