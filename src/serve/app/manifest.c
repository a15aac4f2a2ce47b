/* manifest.c - a tree of YAML -> an app, as manifest.def says.
 *
 *   bytes --yaml.c--> tree --mo_manifest_section()--> fields --> tenants, functions, routes of the app
 *
 * Each error has the line of the value that it is about, and the keys that lead there. */
#include "serve/app/manifest_inside.h"

#include "serve/app/route.h"

#include <stdio.h>

enum { MOST_SECTION_KEYS = 16 };

typedef mo_app root_fields, logs_fields;
typedef mo_app_timeouts timeouts_fields;
typedef function_fields defaults_fields;
typedef mo_app_folder folder_fields;

static const kind kinds[] = {
#define KIND(name, want, schema) {#name, want, schema, mo_manifest_read_##name},
#include "serve/app/manifest.def"
};

enum {
#define KIND(name, want, schema) KIND_##name,
#include "serve/app/manifest.def"
};

const key mo_manifest_keys[KEYS] = {
#define KEY(section, name, kind, field, least, most, initial, help) \
    {SECTION_##section, #name, &kinds[KIND_##kind], offsetof(section##_fields, field), least, most, initial, help},
#include "serve/app/manifest.def"
};

const char *const mo_manifest_sections[SECTIONS] = {
#define SECTION(name) #name,
#include "serve/app/manifest.def"
};

/* --- errors --------------------------------------------------------------------------- */

bool mo_manifest_fail(reader *r, const mo_yaml *v, const char *format, ...)
{
    char words[MOTE_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return mo_yaml_fail(r->err, r->path, v->line, "%s%s%s", r->at, r->at_len ? ": " : "", words);
}

bool mo_manifest_is_null(const mo_yaml *v)
{
    return v->kind == MO_YAML_TEXT && !v->quoted && (!*v->text || strcmp(v->text, "~") == 0 || strcmp(v->text, "null") == 0);
}

bool mo_manifest_want(reader *r, const mo_yaml *v, const char *what)
{
    char shown[MO_YAML_SHOWN];
    if (mo_manifest_is_null(v))
        return mo_manifest_fail(r, v, "want %s, have nothing", what);
    if (v->kind == MO_YAML_TEXT)
        return mo_manifest_fail(r, v, "want %s, have \"%s\"", what, mo_yaml_shown(v->text, shown));
    return mo_manifest_fail(r, v, "want %s, have a %s", what, v->kind == MO_YAML_LIST ? "list" : "mapping");
}

bool mo_manifest_nomem(reader *r) { return mo_fail_nomem(r->err); }

size_t mo_manifest_enter(reader *r, const char *name)
{
    char shown[MO_YAML_SHOWN];
    size_t before = r->at_len;
    int n = snprintf(r->at + before, sizeof r->at - before, "%s%s", before && name[0] != '[' ? "." : "", mo_yaml_shown(name, shown));
    r->at_len += (size_t)n < sizeof r->at - before ? (size_t)n : sizeof r->at - before - 1;
    return before;
}

void mo_manifest_leave(reader *r, size_t before)
{
    r->at_len = before;
    r->at[before] = '\0';
}

/* --- sections -------------------------------------------------------------------------- */

const key *mo_manifest_first_key(section s)
{
    const key *k = mo_manifest_keys;
    while (k->section != s)
        k++;
    return k;
}

const key *mo_manifest_end_key(const key *k)
{
    section s = k->section;
    while (k < mo_manifest_keys + KEYS && k->section == s)
        k++;
    return k;
}

static bool refuse_key(reader *r, const key *first, const mo_yaml *name)
{
    const char *words[MOST_SECTION_KEYS + 1] = {NULL}, *near;
    char all[160] = "", shown[MO_YAML_SHOWN];
    size_t n = 0, len = 0;
    for (const key *k = first; k < mo_manifest_end_key(first); k++)
        words[n++] = k->name;
    near = mo_nearest(name->text, words);
    mo_yaml_shown(name->text, shown);
    if (near)
        return mo_manifest_fail(r, name, "there is no key %s; did you mean %s?", shown, near);
    for (size_t i = 0; i < n && len < sizeof all; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", words[i]);
    return mo_manifest_fail(r, name, "there is no key %s; there are %s", shown, all);
}

/* Each key's value, by its place in the table; NULL: it is not there. */
static bool find_keys(reader *r, const key *first, const mo_yaml *map, const mo_yaml **values)
{
    const key *end = mo_manifest_end_key(first);
    for (const mo_yaml *name = map->first; name; name = name->next->next) {
        const key *k = first;
        while (k < end && strcmp(k->name, name->text) != 0)
            k++;
        if (k == end)
            return refuse_key(r, first, name);
        values[k - first] = name->next;
    }
    return true;
}

bool mo_manifest_section(reader *r, section s, const mo_yaml *map, const char *what, void *target)
{
    const mo_yaml *values[MOST_SECTION_KEYS] = {NULL};
    const key *first = mo_manifest_first_key(s), *end = mo_manifest_end_key(first);
    if (map->kind != MO_YAML_MAP && !mo_manifest_is_null(map))
        return mo_manifest_want(r, map, what);
    if (!find_keys(r, first, map, values))
        return false;
    for (const key *k = first; k < end; k++) {
        const mo_yaml *v = values[k - first];
        size_t before = mo_manifest_enter(r, k->name);
        if (!v && !k->initial)
            return mo_manifest_fail(r, map, "is missing; want %s", k->kind->want);
        if (v && !k->kind->read(r, k, v, target))
            return false;
        mo_manifest_leave(r, before);
    }
    return true;
}

bool mo_manifest_read_timeouts(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return mo_manifest_section(r, SECTION_timeouts, v, k->kind->want, &((mo_app *)target)->timeouts);
}

bool mo_manifest_read_logs(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return mo_manifest_section(r, SECTION_logs, v, k->kind->want, target);
}

bool mo_manifest_read_defaults(reader *r, const key *k, const mo_yaml *v, void *target)
{
    (void)target;
    return mo_manifest_section(r, SECTION_defaults, v, k->kind->want, &r->defaults);
}

/* --- all of it ------------------------------------------------------------------------------------- */

static bool begin(reader *r)
{
    const char *slash = strrchr(r->path, '/');
    r->folder_len = slash ? (size_t)(slash - r->path) + 1 : 0;
    if (!mo_app_init(&r->app, r->err))
        return false;
    r->defaults.limits = (limits_fields){mo_app_limits_default(), mo_app_share_default()};
    r->app.path = mo_manifest_keep(r, r->path);
    return r->app.path && mo_manifest_begin_tenants(r, 0);
}

static bool read_all(reader *r, mo_span text)
{
    mo_arena arena = {0};
    const mo_yaml *root = mo_yaml_read(text, r->path, &arena, r->err);
    bool good = root && mo_manifest_section(r, SECTION_root, root, "a mapping: a manifest", &r->app);
    mo_arena_free(&arena);
    return mo_manifest_settle_routes(r) && good;
}

static bool check_routes(reader *r)
{
    mo_routes *routes = mo_routes_new(&r->app, r->err);
    mo_routes_free(routes);
    return routes;
}

bool mo_manifest_read(mo_span text, const char *path, mo_app *ret, mote_error *err)
{
    mote_error own = {0};
    reader r = {.path = path, .err = err ? err : &own};
    bool good = begin(&r) && read_all(&r, text) && check_routes(&r);
    mo_free(r.tenants.slots);
    mo_free(r.functions.slots);
    mo_free(r.tenant_fields);
    if (good)
        *ret = r.app;
    else
        mo_app_release(&r.app);
    return good;
}

bool mo_manifest_load(const char *path, mo_app *ret, mote_error *err)
{
    uint8_t *bytes;
    size_t len;
    if (!mo_file_read(path, MO_YAML_BYTES, &bytes, &len, err)) {
        if (err && err->status == MOTE_LIMIT)
            err->status = MOTE_MISUSE; /* no module is meant */
        return false;
    }
    bool good = mo_manifest_read((mo_span){bytes, len}, path, ret, err);
    explicit_bzero(bytes, len); /* variables of one tenant, which others' workers must not find */
    mo_free(bytes);
    return good;
}
