/* manifest_value.c - texts of a manifest -> numbers, sizes, times, addresses, names. */
#include "serve/app/manifest_inside.h"

#include "serve/http/forwarded.h"
#include "serve/serve.h"

#include <stdio.h>

static void *field(const key *k, void *target) { return (char *)target + k->offset; }

static bool want(reader *r, const key *k, const mo_yaml *v) { return mo_manifest_want(r, v, k->kind->want); }

static bool is_text(const mo_yaml *v) { return v->kind == MO_YAML_TEXT && !mo_manifest_is_null(v); }

static bool is_word(const mo_yaml *v, const char *word) { return v->kind == MO_YAML_TEXT && strcmp(v->text, word) == 0; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* --- texts ----------------------------------------------------------------------------- */

const char *mo_manifest_keep(reader *r, const char *text)
{
    const char *kept = mo_arena_string(&r->app.arena, text, strlen(text));
    if (!kept)
        mo_manifest_nomem(r);
    return kept;
}

bool mo_manifest_read_text(reader *r, const key *k, const mo_yaml *v, void *target)
{
    const char **to = field(k, target);
    if (!is_text(v) || v->len == 0)
        return want(r, k, v);
    return (*to = mo_manifest_keep(r, v->text)) != NULL;
}

/* A relative path begins at the manifest's folder. */
bool mo_manifest_read_path(reader *r, const key *k, const mo_yaml *v, void *target)
{
    const char **to = field(k, target);
    if (!is_text(v) || v->len == 0)
        return want(r, k, v);
    size_t before = v->text[0] == '/' ? 0 : r->folder_len;
    char *path = mo_arena_take(&r->app.arena, before + v->len + 1);
    if (!path)
        return mo_manifest_nomem(r);
    memcpy(path, r->path, before);
    memcpy(path + before, v->text, v->len);
    *to = path;
    return true;
}

bool mo_manifest_read_path_or_none(reader *r, const key *k, const mo_yaml *v, void *target)
{
    if (!is_word(v, "none"))
        return mo_manifest_read_path(r, k, v, target);
    *(const char **)field(k, target) = NULL;
    return true;
}

bool mo_manifest_read_log_path(reader *r, const key *k, const mo_yaml *v, void *target)
{
    if (!is_word(v, "-"))
        return mo_manifest_read_path_or_none(r, k, v, target);
    *(const char **)field(k, target) = "-";
    return true;
}

/* --- numbers ------------------------------------------------------------------------------ */

/* Digits only, and not more than fits. */
static bool read_digits(const char *text, char **end, uint64_t *ret)
{
    uint64_t n = 0;
    const char *p = text;
    for (; is_digit(*p); p++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
            return false;
    *end = (char *)p;
    *ret = n;
    return p != text;
}

static bool in_range(reader *r, const key *k, const mo_yaml *v, uint64_t n, const char *least, const char *most)
{
    char what[80];
    if (n >= k->least && n <= k->most)
        return true;
    snprintf(what, sizeof what, "%s %s", n < k->least ? "at least" : "at most", n < k->least ? least : most);
    return mo_manifest_want(r, v, what);
}

static bool read_number(reader *r, const key *k, const mo_yaml *v, uint64_t *ret)
{
    char *end, least[24], most[24];
    if (v->kind != MO_YAML_TEXT || !read_digits(v->text, &end, ret) || *end)
        return want(r, k, v);
    snprintf(least, sizeof least, "%" PRIu64, k->least);
    snprintf(most, sizeof most, "%" PRIu64, k->most);
    return in_range(r, k, v, *ret, least, most);
}

bool mo_manifest_read_number(reader *r, const key *k, const mo_yaml *v, void *target)
{
    uint64_t n = 0;
    if (!read_number(r, k, v, &n))
        return false;
    *(uint32_t *)field(k, target) = (uint32_t)n;
    return true;
}

static bool read_number_or(reader *r, const key *k, const mo_yaml *v, void *target, const char *word, uint32_t meaning)
{
    if (!is_word(v, word))
        return mo_manifest_read_number(r, k, v, target);
    *(uint32_t *)field(k, target) = meaning;
    return true;
}

bool mo_manifest_read_count(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return read_number_or(r, k, v, target, "none", MO_NO_SHARE);
}

bool mo_manifest_read_workers(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return read_number_or(r, k, v, target, "auto", 0);
}

/* --- sizes and times ------------------------------------------------------------------------- */

static bool read_unit(const char *text, unsigned *retshift)
{
    static const struct { char name[4]; unsigned shift; } units[] = {
        {"", 0}, {"k", 10}, {"m", 20}, {"g", 30}, {"K", 10}, {"M", 20}, {"G", 30}, {"Ki", 10}, {"Mi", 20}, {"Gi", 30},
        {"KiB", 10}, {"kiB", 10}, {"MiB", 20}, {"GiB", 30},
    };
    for (size_t i = 0; i < MO_COUNT(units); i++)
        if (strcmp(text, units[i].name) == 0) {
            *retshift = units[i].shift;
            return true;
        }
    return false;
}

static const char *show_size(uint64_t n, char ret[24])
{
    unsigned unit = 0;
    while (unit < 3 && n && n % 1024 == 0) {
        n /= 1024;
        unit++;
    }
    snprintf(ret, 24, "%" PRIu64 "%.1s", n, &"\0kmg"[unit]);
    return ret;
}

bool mo_manifest_read_size(reader *r, const key *k, const mo_yaml *v, void *target)
{
    char *end, least[24], most[24];
    unsigned shift;
    uint64_t n;
    if (v->kind != MO_YAML_TEXT || !read_digits(v->text, &end, &n) || !read_unit(end, &shift) || n << shift >> shift != n)
        return want(r, k, v);
    if (!in_range(r, k, v, n << shift, show_size(k->least, least), show_size(k->most, most)))
        return false;
    *(uint64_t *)field(k, target) = n << shift;
    return true;
}

static bool is_none(const key *k, const mo_yaml *v, void *target)
{
    if (!is_word(v, "none"))
        return false;
    *(uint64_t *)field(k, target) = MOTE_NO_LIMIT;
    return true;
}

bool mo_manifest_read_size_or_none(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return is_none(k, v, target) || mo_manifest_read_size(r, k, v, target);
}

/* "1.5s" in so many parts of a second; the fraction has up to nine digits. */
static bool read_time(const char *text, uint64_t per_second, uint64_t *ret)
{
    static const struct { char name[4]; uint64_t times, by; } units[] = {
        {"us", 1, 1000000}, {"ms", 1, 1000}, {"s", 1, 1}, {"m", 60, 1}, {"h", 3600, 1},
    };
    char *end;
    uint64_t whole, part = 0, scale = 1;
    if (!read_digits(text, &end, &whole) || whole > 1000000000)
        return false;
    if (*end == '.' && is_digit(end[1]))
        for (end++; is_digit(*end) && scale < 1000000000; end++, scale *= 10)
            part = 10 * part + (uint64_t)(*end - '0');
    for (size_t i = 0; i < MO_COUNT(units); i++)
        if (strcmp(end, units[i].name) == 0) {
            double one = (double)per_second * (double)units[i].times / (double)units[i].by;
            *ret = (uint64_t)((double)whole * one + (double)part * one / (double)scale + 0.5);
            return true;
        }
    return false;
}

static const char *show_time(uint64_t n, uint64_t per_second, char ret[24])
{
    uint64_t us = per_second > 1000000 ? n / (per_second / 1000000) : n;
    if (us % 3600000000 == 0)
        snprintf(ret, 24, "%" PRIu64 "h", us / 3600000000);
    else if (us % 1000000 == 0)
        snprintf(ret, 24, "%" PRIu64 "s", us / 1000000);
    else if (us % 1000 == 0)
        snprintf(ret, 24, "%" PRIu64 "ms", us / 1000);
    else
        snprintf(ret, 24, "%" PRIu64 "us", us);
    return ret;
}

static bool read_time_to(reader *r, const key *k, const mo_yaml *v, void *target, uint64_t per_second)
{
    char least[24], most[24];
    uint64_t n;
    if (v->kind != MO_YAML_TEXT || !read_time(v->text, per_second, &n))
        return want(r, k, v);
    if (!in_range(r, k, v, n, show_time(k->least, per_second, least), show_time(k->most, per_second, most)))
        return false;
    *(uint64_t *)field(k, target) = n;
    return true;
}

bool mo_manifest_read_time_us(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return read_time_to(r, k, v, target, 1000000);
}

bool mo_manifest_read_time_ns(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return read_time_to(r, k, v, target, 1000000000);
}

bool mo_manifest_read_time_us_or_none(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return is_none(k, v, target) || mo_manifest_read_time_us(r, k, v, target);
}

/* --- one of some words --------------------------------------------------------------------------- */

/* Other spellings, yes and on, are texts to some readers of YAML and true to others. */
bool mo_manifest_read_yes_or_no(reader *r, const key *k, const mo_yaml *v, void *target)
{
    bool yes = is_word(v, "true");
    if (v->kind != MO_YAML_TEXT || v->quoted || (!yes && !is_word(v, "false")))
        return want(r, k, v);
    *(bool *)field(k, target) = yes;
    return true;
}

static bool is_one_of(const mo_yaml *v, const char *const *words, unsigned *ret)
{
    for (*ret = 0; words[*ret]; ++*ret)
        if (is_word(v, words[*ret]))
            return true;
    return false;
}

/* Words in the order of the type's values. */
#define READ_ONE_OF(name, type, ...)                                                            \
    bool mo_manifest_read_##name(reader *r, const key *k, const mo_yaml *v, void *target)       \
    {                                                                                           \
        static const char *const words[] = {__VA_ARGS__, NULL};                                 \
        unsigned n;                                                                             \
        if (!is_one_of(v, words, &n))                                                           \
            return want(r, k, v);                                                               \
        *(type *)field(k, target) = (type)n;                                                    \
        return true;                                                                            \
    }
READ_ONE_OF(log_format, mo_log_format, "json", "combined")
READ_ONE_OF(on_module_error, mo_on_module_error, "refuse", "skip")
READ_ONE_OF(isolation, mo_isolation_level, "auto", "strict", "off")

/* --- addresses ------------------------------------------------------------------------------------ */

static bool ends_in_port_0(const char *address) { return strcmp(strrchr(address, ':'), ":0") == 0; }

/* Which is not there already; port 0 is another one each time. */
static bool take_address(reader *r, const key *k, const mo_yaml *v, const char **ret)
{
    if (!is_text(v) || !mo_serve_is_address(v->text))
        return want(r, k, v);
    for (uint32_t i = 0; i < r->app.nlisteners && !ends_in_port_0(v->text); i++)
        if (strcmp(r->app.listeners[i], v->text) == 0)
            return mo_manifest_fail(r, v, "%.60s is listened at already", v->text);
    return (*ret = mo_manifest_keep(r, v->text)) != NULL;
}

bool mo_manifest_read_address(reader *r, const key *k, const mo_yaml *v, void *target)
{
    const char **to = field(k, target);
    if (!is_word(v, "none"))
        return take_address(r, k, v, to);
    *to = NULL;
    return true;
}

bool mo_manifest_read_addresses(reader *r, const key *k, const mo_yaml *v, void *target)
{
    mo_app *app = target;
    const mo_yaml *first = v->kind == MO_YAML_LIST ? v->first : v;
    uint32_t n = v->kind == MO_YAML_LIST ? v->len : 1;
    if (n > MO_SERVE_ADDRESSES)
        return mo_manifest_fail(r, v, "want at most %d addresses, have %u", MO_SERVE_ADDRESSES, n);
    const char **to = n ? mo_arena_array(&app->arena, n, sizeof *to) : NULL;
    if (n == 0)
        return want(r, k, v);
    if (!to)
        return mo_manifest_nomem(r);
    app->listeners = to;
    app->nlisteners = 0;
    for (const mo_yaml *a = first; app->nlisteners < n; a = a->next, app->nlisteners++)
        if (!take_address(r, k, a, &to[app->nlisteners]))
            return false;
    return true;
}

bool mo_manifest_read_networks(reader *r, const key *k, const mo_yaml *v, void *target)
{
    mo_app *app = target;
    if (mo_manifest_is_null(v))
        return true;
    if (v->kind != MO_YAML_LIST)
        return want(r, k, v);
    if (!(app->proxies = mo_arena_array(&app->arena, v->len, sizeof *app->proxies)))
        return mo_manifest_nomem(r);
    for (const mo_yaml *n = v->first; n; n = n->next) {
        mo_network ignored;
        if (!is_text(n) || !mo_network_read(n->text, &ignored))
            return mo_manifest_want(r, n, "an address or a network, such as 10.0.0.0/8 or ::1");
        if (!(app->proxies[app->nproxies++] = mo_manifest_keep(r, n->text)))
            return false;
    }
    return true;
}

/* --- names ------------------------------------------------------------------------------------------- */

bool mo_manifest_is_name(const char *text)
{
    size_t n = 0;
    for (; is_letter(text[n]) || is_digit(text[n]) || (n > 0 && text[n] && strchr("._-", text[n])); n++)
        if (n == 64)
            return false;
    return n > 0 && !text[n];
}

/* Labels with dots between, and perhaps one behind; "*." before them; or an address in brackets. */
bool mo_manifest_is_host(const char *text)
{
    uint8_t address[16];
    size_t n = 0, len = strlen(text);
    if (text[0] == '[')
        return strchr(text, ':') && mo_address_read((mo_span){(const uint8_t *)text, len}, address);
    const char *end = text + len - (len > 1 && text[len - 1] == '.');
    for (const char *p = strncmp(text, "*.", 2) == 0 ? text + 2 : text; p < end; n = *p == '.' ? 0 : n + 1, p++)
        if (*p == '.' ? n == 0 : n == 63 || !(is_letter(*p) || is_digit(*p) || *p == '-' || *p == '_'))
            return false;
    return n > 0 && len <= 253;
}

bool mo_manifest_is_method(const char *text)
{
    size_t n = 0;
    while ((text[n] >= 'A' && text[n] <= 'Z') || (n > 0 && (text[n] == '-' || text[n] == '_' || is_digit(text[n]))))
        n++;
    return n > 0 && n <= 32 && !text[n];
}

bool mo_manifest_read_url_path(reader *r, const key *k, const mo_yaml *v, void *target)
{
    const char **to = field(k, target);
    if (!is_text(v) || v->text[0] != '/' || v->len > 4096)
        return want(r, k, v);
    for (const char *p = v->text; *p; p++) {
        if ((uint8_t)*p < 0x20 || *p == 0x7f || *p == '?' || *p == '#')
            return mo_manifest_want(r, v, "a path without a query and without control characters");
        if (*p == '*')
            return mo_manifest_want(r, v, "a path without *; a prefix is said as `prefix: /a`");
        if (*p == '%' && strspn(p + 1, "0123456789abcdefABCDEF") >= 2)
            return mo_manifest_want(r, v, "a decoded path, without % and two digits");
    }
    return (*to = mo_manifest_keep(r, v->text)) != NULL;
}
