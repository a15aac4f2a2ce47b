/* manifest.c - a tree of YAML -> an app, as manifest.def says.
 *
 *   bytes --yaml.c--> tree --read_section()--> fields --> tenants, functions, routes of the app
 *
 * Each error has the line of the value that it is about, and the keys that lead there. */
#include "serve/manifest_inside.h"

#include "serve/route.h"

#include <stdio.h>

enum { MOST_ROUTES = 1000000, MOST_SECTION_KEYS = 16, MOST_FOLDERS = 64 };

typedef mo_app root_fields, logs_fields;
typedef mo_app_timeouts timeouts_fields;
typedef function_fields defaults_fields;
typedef mo_app_folder folder_fields;

static const kind kinds[] = {
#define KIND(name, want, schema) {#name, want, schema, mo_manifest_read_##name},
#include "serve/manifest.def"
};

enum {
#define KIND(name, want, schema) KIND_##name,
#include "serve/manifest.def"
};

const key mo_manifest_keys[KEYS] = {
#define KEY(section, name, kind, field, least, most, initial, help) \
    {SECTION_##section, #name, &kinds[KIND_##kind], offsetof(section##_fields, field), least, most, initial, help},
#include "serve/manifest.def"
};

const char *const mo_manifest_sections[SECTIONS] = {
#define SECTION(name) #name,
#include "serve/manifest.def"
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

static const key *first_key(section s)
{
    const key *k = mo_manifest_keys;
    while (k->section != s)
        k++;
    return k;
}

static const key *end_key(const key *k)
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
    for (const key *k = first; k < end_key(first); k++)
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
    const key *end = end_key(first);
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

static bool read_section(reader *r, section s, const mo_yaml *map, const char *what, void *target)
{
    const mo_yaml *values[MOST_SECTION_KEYS] = {NULL};
    const key *first = first_key(s), *end = end_key(first);
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
    return read_section(r, SECTION_timeouts, v, k->kind->want, &((mo_app *)target)->timeouts);
}

bool mo_manifest_read_logs(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return read_section(r, SECTION_logs, v, k->kind->want, target);
}

bool mo_manifest_read_defaults(reader *r, const key *k, const mo_yaml *v, void *target)
{
    (void)target;
    return read_section(r, SECTION_defaults, v, k->kind->want, &r->defaults);
}

bool mo_manifest_read_limits(reader *r, const key *k, const mo_yaml *v, void *target)
{
    function_fields *f = target;
    f->said = v;
    return read_section(r, SECTION_limits, v, k->kind->want, &f->limits);
}

bool mo_manifest_read_tenant_limits(reader *r, const key *k, const mo_yaml *v, void *target)
{
    tenant_fields *t = target;
    t->said = v;
    return read_section(r, SECTION_limits, v, k->kind->want, &t->most);
}

/* --- names -------------------------------------------------------------------------------- */

static bool make_names(reader *r, names *n, size_t count)
{
    size_t size = 16;
    while (size < 2 * count)
        size *= 2;
    n->slots = mo_calloc(size, sizeof *n->slots);
    n->mask = size - 1;
    return n->slots || mo_manifest_nomem(r);
}

static struct name_slot *find_name(const names *n, const char *text)
{
    size_t at = mo_hash64(text, strlen(text), mo_hash_seed()) & n->mask;
    while (n->slots[at].name && strcmp(n->slots[at].name, text) != 0)
        at = (at + 1) & n->mask;
    return &n->slots[at];
}

static bool add_name(reader *r, names *n, const mo_yaml *name, uint32_t index, const char **ret)
{
    if (!mo_manifest_is_name(name->text))
        return mo_manifest_fail(r, name, "want a name of at most 64 letters, digits, dots, underscores and hyphens, a letter or digit first");
    if (!(*ret = mo_manifest_keep(r, name->text)))
        return false;
    *find_name(n, *ret) = (struct name_slot){*ret, index};
    return true;
}

static bool refuse_name(reader *r, const names *n, const mo_yaml *v, const char *what)
{
    char shown[MO_YAML_SHOWN];
    const char **all = mo_calloc(n->mask + 2, sizeof *all), *near = NULL;
    size_t count = 0;
    for (size_t i = 0; all && i <= n->mask; i++)
        if (n->slots[i].name)
            all[count++] = n->slots[i].name;
    if (all)
        near = mo_nearest(v->text, all);
    mo_free(all);
    mo_yaml_shown(v->text, shown);
    return near ? mo_manifest_fail(r, v, "there is no %s \"%s\"; did you mean %s?", what, shown, near)
                : mo_manifest_fail(r, v, "there is no %s \"%s\"", what, shown);
}

static bool read_name(reader *r, const key *k, const names *n, const mo_yaml *v, void *target)
{
    if (v->kind != MO_YAML_TEXT || mo_manifest_is_null(v))
        return mo_manifest_want(r, v, k->kind->want);
    const struct name_slot *found = n->slots ? find_name(n, v->text) : NULL;
    if (!found || !found->name)
        return refuse_name(r, n, v, k->kind->name);
    *(uint32_t *)((char *)target + k->offset) = found->index;
    return true;
}

bool mo_manifest_read_tenant(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return read_name(r, k, &r->tenants, v, target);
}

bool mo_manifest_read_function(reader *r, const key *k, const mo_yaml *v, void *target)
{
    return read_name(r, k, &r->functions, v, target);
}

/* --- tenants ------------------------------------------------------------------------------- */

static const limits_fields no_limits = {
    .each = {MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT},
    .share = {MO_NO_SHARE, MO_NO_SHARE},
};

/* Before others: those whose manifest speaks of none are the first. */
static bool begin_tenants(reader *r, uint32_t n)
{
    mo_app *app = &r->app;
    mo_app_tenant first = app->tenants[0];
    mo_free(r->tenants.slots);
    if (!make_names(r, &r->tenants, n + 1))
        return false;
    app->tenants = mo_arena_array(&app->arena, n + 1, sizeof *app->tenants);
    mo_free(r->tenant_fields);
    r->tenant_fields = mo_calloc(n + 1, sizeof *r->tenant_fields);
    if (!app->tenants || !r->tenant_fields)
        return mo_manifest_nomem(r);
    app->tenants[0] = first;
    r->tenant_fields[0].most = no_limits;
    *find_name(&r->tenants, first.name) = (struct name_slot){first.name, 0};
    return true;
}

static bool read_tenant(reader *r, const mo_yaml *name)
{
    mo_app *app = &r->app;
    uint32_t index = strcmp(name->text, app->tenants[0].name) == 0 ? 0 : app->ntenants++;
    tenant_fields *t = &r->tenant_fields[index];
    size_t before = mo_manifest_enter(r, name->text);
    *t = (tenant_fields){.tenant = {.line = name->line}, .most = no_limits};
    if (!add_name(r, &r->tenants, name, index, &t->tenant.name) ||
        !read_section(r, SECTION_tenant, name->next, "a mapping: a tenant", t))
        return false;
    t->tenant.share = t->most.share;
    app->tenants[index] = t->tenant;
    mo_manifest_leave(r, before);
    return true;
}

bool mo_manifest_read_tenants(reader *r, const key *k, const mo_yaml *v, void *target)
{
    (void)target;
    if (v->kind != MO_YAML_MAP && !mo_manifest_is_null(v))
        return mo_manifest_want(r, v, k->kind->want);
    if (!begin_tenants(r, v->len))
        return false;
    for (const mo_yaml *name = v->first; name; name = name->next->next)
        if (!read_tenant(r, name))
            return false;
    return true;
}

static const mo_yaml *find_value(const mo_yaml *map, const char *name)
{
    for (const mo_yaml *k = map ? map->first : NULL; k; k = k->next->next)
        if (strcmp(k->text, name) == 0)
            return k->next;
    return NULL;
}

/* --- functions ----------------------------------------------------------------------------- */

bool mo_manifest_read_args(reader *r, const key *k, const mo_yaml *v, void *target)
{
    function_fields *f = target;
    if (mo_manifest_is_null(v))
        return true;
    if (v->kind != MO_YAML_LIST)
        return mo_manifest_want(r, v, k->kind->want);
    if (!(f->args = mo_arena_array(&r->app.arena, v->len + 1, sizeof *f->args)))
        return mo_manifest_nomem(r);
    for (const mo_yaml *a = v->first; a; a = a->next) {
        if (a->kind != MO_YAML_TEXT || mo_manifest_is_null(a))
            return mo_manifest_want(r, a, "a text");
        if (!(f->args[++f->nargs] = mo_manifest_keep(r, a->text))) /* the first is argv0's */
            return false;
    }
    return true;
}

static void set_variable(function_fields *f, mo_app_variable v)
{
    uint32_t at = 0;
    while (at < f->nvariables && strcmp(f->variables[at].name, v.name) != 0)
        at++;
    f->nvariables += at == f->nvariables;
    f->variables[at] = v;
}

/* A function's own come to those of the defaults. Names within one mapping differ. */
bool mo_manifest_read_env(reader *r, const key *k, const mo_yaml *v, void *target)
{
    function_fields *f = target;
    const mo_app_variable *before = f->variables;
    uint32_t nbefore = f->nvariables;
    if (mo_manifest_is_null(v))
        return true;
    if (v->kind != MO_YAML_MAP)
        return mo_manifest_want(r, v, k->kind->want);
    if (v->len + nbefore > 1000)
        return mo_manifest_fail(r, v, "more than 1000 variables");
    if (!(f->variables = mo_arena_array(&r->app.arena, v->len + nbefore, sizeof *f->variables)))
        return mo_manifest_nomem(r);
    if (nbefore)
        memcpy(f->variables, before, nbefore * sizeof *before);
    for (const mo_yaml *name = v->first; name; name = name->next->next) {
        mo_app_variable one = {mo_manifest_keep(r, name->text), NULL};
        if (!name->len || strchr(name->text, '='))
            return mo_manifest_want(r, name, "the name of a variable");
        if (name->next->kind != MO_YAML_TEXT || mo_manifest_is_null(name->next)) {
            mo_manifest_enter(r, name->text);
            return mo_manifest_want(r, name->next, "a text");
        }
        if (!one.name || !(one.value = mo_manifest_keep(r, name->next->text)))
            return false;
        set_variable(f, one);
    }
    return true;
}

static bool read_folder(reader *r, const mo_yaml *v, uint32_t index, mo_app_folder *ret)
{
    char name[16];
    snprintf(name, sizeof name, "[%u]", index);
    size_t before = mo_manifest_enter(r, name);
    ret->line = v->line;
    if (!read_section(r, SECTION_folder, v, "a mapping with host, guest and writable", ret))
        return false;
    if (!ret->guest && !(ret->guest = mo_manifest_keep(r, find_value(v, "host")->text)))
        return false;
    mo_manifest_leave(r, before);
    return true;
}

/* A program tells its folders apart by where it finds them. */
static bool is_new_folder(reader *r, const function_fields *f, const mo_yaml *v)
{
    const mo_app_folder *last = &f->folders[f->nfolders];
    for (const mo_app_folder *other = f->folders; other < last; other++)
        if (strcmp(other->guest, last->guest) == 0)
            return mo_manifest_fail(r, v, "the program finds the folder of line %u in the same place", other->line);
    return true;
}

bool mo_manifest_read_folders(reader *r, const key *k, const mo_yaml *v, void *target)
{
    function_fields *f = target;
    if (mo_manifest_is_null(v))
        return true;
    if (v->kind != MO_YAML_LIST)
        return mo_manifest_want(r, v, k->kind->want);
    if (!(f->folders = mo_arena_array(&r->app.arena, v->len, sizeof *f->folders)))
        return mo_manifest_nomem(r);
    if (v->len > MOST_FOLDERS)
        return mo_manifest_fail(r, v, "more than %d folders", MOST_FOLDERS);
    for (const mo_yaml *one = v->first; one; one = one->next, f->nfolders++)
        if (!read_folder(r, one, f->nfolders, &f->folders[f->nfolders]) || !is_new_folder(r, f, one))
            return false;
    return true;
}

/* What a tenant allows at most lowers what was not said of the function itself. */
static bool obey_tenant(reader *r, function_fields *f)
{
    const tenant_fields *t = &r->tenant_fields[f->tenant];
    for (const key *k = first_key(SECTION_limits), *end = end_key(k); k < end; k++) {
        uint64_t *have = (uint64_t *)((char *)&f->limits + k->offset);
        const uint64_t *most = (const uint64_t *)((const char *)&t->most + k->offset);
        if (k->offset >= sizeof(mo_app_limits) || *have <= *most)
            continue;
        const mo_yaml *own = find_value(f->said, k->name), *theirs = find_value(t->said, k->name);
        if (!own) {
            *have = *most;
            continue;
        }
        mo_manifest_enter(r, "limits");
        mo_manifest_enter(r, k->name);
        return mo_manifest_fail(r, own, "want at most %.20s, as line %u says of the tenant %s, have %.20s", theirs->text, theirs->line,
                                r->app.tenants[f->tenant].name, own->text);
    }
    return true;
}

static bool fill_function(reader *r, mo_app_function *ret, function_fields *f)
{
    const char *slash = strrchr(f->module, '/');
    if (!f->args && !(f->args = mo_arena_array(&r->app.arena, 1, sizeof *f->args)))
        return mo_manifest_nomem(r);
    f->args[0] = f->argv0 ? f->argv0 : slash ? slash + 1 : f->module;
    ret->module = f->module;
    ret->tenant = f->tenant;
    ret->args = f->args;
    ret->nargs = f->nargs + 1;
    ret->variables = f->variables;
    ret->nvariables = f->nvariables;
    ret->folders = f->folders;
    ret->nfolders = f->nfolders;
    ret->limits = f->limits.each;
    ret->share = f->limits.share;
    return true;
}

static bool read_function(reader *r, const mo_yaml *name)
{
    mo_app_function *to = &r->app.functions[r->app.nfunctions];
    function_fields f = r->defaults;
    size_t before = mo_manifest_enter(r, name->text);
    f.said = NULL;
    to->line = name->line;
    if (!add_name(r, &r->functions, name, r->app.nfunctions, &to->name) ||
        !read_section(r, SECTION_function, name->next, "a mapping: a function", &f) || !obey_tenant(r, &f) || !fill_function(r, to, &f))
        return false;
    r->app.nfunctions++;
    mo_manifest_leave(r, before);
    return true;
}

bool mo_manifest_read_functions(reader *r, const key *k, const mo_yaml *v, void *target)
{
    mo_app *app = target;
    if (v->kind != MO_YAML_MAP || v->len == 0)
        return mo_manifest_want(r, v, k->kind->want);
    app->functions = mo_arena_array(&app->arena, v->len, sizeof *app->functions);
    if (!app->functions || !make_names(r, &r->functions, v->len))
        return mo_manifest_nomem(r);
    for (const mo_yaml *name = v->first; name; name = name->next->next)
        if (!read_function(r, name))
            return false;
    return true;
}

/* --- routes ----------------------------------------------------------------------------------- */

static bool check_texts(reader *r, const key *k, const mo_yaml *v, bool (*good)(const char *text))
{
    const mo_yaml *one = v->kind == MO_YAML_LIST ? v->first : v;
    if (!one)
        return mo_manifest_want(r, v, k->kind->want);
    for (; one; one = v->kind == MO_YAML_LIST ? one->next : NULL)
        if (one->kind != MO_YAML_TEXT || mo_manifest_is_null(one) || !good(one->text))
            return mo_manifest_want(r, one, k->kind->want);
    return true;
}

bool mo_manifest_read_hosts(reader *r, const key *k, const mo_yaml *v, void *target)
{
    ((route_fields *)target)->hosts = v;
    return check_texts(r, k, v, mo_manifest_is_host);
}

bool mo_manifest_read_methods(reader *r, const key *k, const mo_yaml *v, void *target)
{
    ((route_fields *)target)->methods = v;
    return check_texts(r, k, v, mo_manifest_is_method);
}

/* In small letters, without the last dot. */
static const char *keep_host(reader *r, const char *text)
{
    size_t len = strlen(text);
    char *kept = mo_arena_string(&r->app.arena, text, text[len - 1] == '.' ? len - 1 : len);
    for (char *p = kept; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
    if (!kept)
        mo_manifest_nomem(r);
    return kept;
}

static bool add_route(reader *r, const mo_yaml *v, mo_app_route route)
{
    mo_app *app = &r->app;
    if (app->nroutes == MOST_ROUTES)
        return mo_manifest_fail(r, v, "more than %d routes", MOST_ROUTES);
    if (!mo_grow(&app->routes, &r->routes_cap, app->nroutes + 1, sizeof *app->routes))
        return mo_manifest_nomem(r);
    route.line = v->line;
    app->routes[app->nroutes++] = route;
    return true;
}

/* One of the app's for each host and method. */
static bool add_routes(reader *r, const mo_yaml *v, const route_fields *f)
{
    static const mo_yaml any = {.text = NULL};
    const mo_yaml *hosts = !f->hosts ? &any : f->hosts->kind == MO_YAML_LIST ? f->hosts->first : f->hosts;
    const mo_yaml *methods = !f->methods ? &any : f->methods->kind == MO_YAML_LIST ? f->methods->first : f->methods;
    bool many_hosts = f->hosts && f->hosts->kind == MO_YAML_LIST, many_methods = f->methods && f->methods->kind == MO_YAML_LIST;
    for (const mo_yaml *h = hosts; h; h = many_hosts ? h->next : NULL) {
        const char *host = h->text ? keep_host(r, h->text) : NULL;
        if (h->text && !host)
            return false;
        for (const mo_yaml *m = methods; m; m = many_methods ? m->next : NULL) {
            const char *method = m->text ? mo_manifest_keep(r, m->text) : NULL;
            if ((m->text && !method) ||
                !add_route(r, v, (mo_app_route){host, method, f->path ? f->path : f->prefix, !f->path, f->function, 0}))
                return false;
        }
    }
    return true;
}

static bool read_route(reader *r, const mo_yaml *v, uint32_t index)
{
    char name[16];
    route_fields f = {.path = NULL};
    snprintf(name, sizeof name, "[%u]", index);
    size_t before = mo_manifest_enter(r, name);
    if (!read_section(r, SECTION_route, v, "a mapping with path or prefix, and function", &f))
        return false;
    if (!f.path == !f.prefix)
        return mo_manifest_fail(r, v, "want either path or prefix, have %s", f.path ? "both" : "neither");
    if (!add_routes(r, v, &f))
        return false;
    mo_manifest_leave(r, before);
    return true;
}

bool mo_manifest_read_routes(reader *r, const key *k, const mo_yaml *v, void *target)
{
    uint32_t n = 0;
    (void)target;
    if (mo_manifest_is_null(v))
        return true;
    if (v->kind != MO_YAML_LIST)
        return mo_manifest_want(r, v, k->kind->want);
    for (const mo_yaml *one = v->first; one; one = one->next)
        if (!read_route(r, one, n++))
            return false;
    return true;
}

/* Routes grew on the heap; what is left of the app's memory is its arena. */
static bool settle_routes(reader *r)
{
    mo_app *app = &r->app;
    mo_app_route *grown = app->routes;
    app->routes = mo_arena_array(&app->arena, app->nroutes, sizeof *app->routes);
    if (app->routes && app->nroutes)
        memcpy(app->routes, grown, app->nroutes * sizeof *grown);
    mo_free(grown);
    return app->routes || mo_manifest_nomem(r);
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
    return r->app.path && begin_tenants(r, 0);
}

static bool read_all(reader *r, mo_span text)
{
    mo_arena arena = {0};
    const mo_yaml *root = mo_yaml_read(text, r->path, &arena, r->err);
    bool good = root && read_section(r, SECTION_root, root, "a mapping: a manifest", &r->app);
    mo_arena_free(&arena);
    return settle_routes(r) && good;
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
    mo_free(bytes);
    return good;
}
