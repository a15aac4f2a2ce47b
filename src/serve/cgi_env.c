/* cgi_env.c - a request's head becomes variables (RFC 3875, 4.1). */
#include "serve/cgi.h"

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

/* name with its "=". */
static void put_span(mo_cgi_env *env, const char *name, mo_span value)
{
    put(env, name, strlen(name));
    put(env, value.at, value.len);
    put_end(env);
}

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
    put_span(env, "SCRIPT_NAME=", (mo_span){decoded.at, n});
    put_span(env, "PATH_INFO=", (mo_span){decoded.at + n, decoded.len - n});
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
 * programs take their proxy from; the forwarded ones only a known proxy may set. */
static const char *const kept_back[] = {
    "connection", "content-length", "content-type", "expect", "forwarded", "host", "keep-alive", "proxy",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
};

static bool begins_forwarded(mo_span name)
{
    return name.len > 12 && mo_http_is((mo_span){name.at, 12}, "x-forwarded-");
}

static bool is_kept_back(mo_span name)
{
    for (size_t i = 0; i < MO_COUNT(kept_back); i++)
        if (mo_http_is(name, kept_back[i]))
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

/* --- all of it --------------------------------------------------------------------------------- */

static void put_length(mo_cgi_env *env, uint64_t length)
{
    uint8_t digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + length % 10);
        length /= 10;
    } while (length);
    put_span(env, "CONTENT_LENGTH=", (mo_span){digits + at, sizeof digits - at});
}

int mo_cgi_put_request(mo_cgi_env *env, const mo_http_head *head, mo_span script, mo_span facts, size_t nfacts)
{
    const mo_http_field *type = mo_http_field_of(head, "content-type");
    put_span(env, "REQUEST_METHOD=", head->method);
    put_span(env, "REQUEST_URI=", head->target);
    put_span(env, "QUERY_STRING=", head->query);
    put_span(env, "SERVER_NAME=", name_of(head->host));
    put_span(env, head->minor ? "SERVER_PROTOCOL=HTTP/1.1" : "SERVER_PROTOCOL=HTTP/1.0", (mo_span){NULL, 0});
    mo_cgi_put_all(env, facts.at, facts.len, nfacts);
    if (head->has_length)
        put_length(env, head->length);
    if (type)
        put_span(env, "CONTENT_TYPE=", type->value);
    if (head->host.len)
        put_span(env, "HTTP_HOST=", head->host);
    if (!put_path(env, head->path, script))
        return 400;
    int status = put_fields(env, head);
    return status ? status : env->full ? 431 : 0;
}
