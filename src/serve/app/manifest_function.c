/* manifest_function.c - tenants and functions of a manifest, with their limits. */
#include "serve/app/manifest_inside.h"

#include <stdio.h>

enum { MOST_FOLDERS = 64, MOST_VARIABLES = 1000 };

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

/* --- limits ------------------------------------------------------------------------------- */

bool mo_manifest_read_limits(reader *r, const key *k, const mo_yaml *v, void *target)
{
    function_fields *f = target;
    f->said = v;
    return mo_manifest_section(r, SECTION_limits, v, k->kind->want, &f->limits);
}

bool mo_manifest_read_tenant_limits(reader *r, const key *k, const mo_yaml *v, void *target)
{
    tenant_fields *t = target;
    t->said = v;
    return mo_manifest_section(r, SECTION_limits, v, k->kind->want, &t->most);
}

/* --- tenants ------------------------------------------------------------------------------- */

static const limits_fields no_limits = {
    .each = {MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT, MOTE_NO_LIMIT},
    .share = {MO_NO_SHARE, MO_NO_SHARE},
};

/* Before others: those whose manifest speaks of none are the first. */
bool mo_manifest_begin_tenants(reader *r, uint32_t n)
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
        !mo_manifest_section(r, SECTION_tenant, name->next, "a mapping: a tenant", t))
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
    if (!mo_manifest_begin_tenants(r, v->len))
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
    if (v->len + nbefore > MOST_VARIABLES)
        return mo_manifest_fail(r, v, "more than %d variables", MOST_VARIABLES);
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
    if (!mo_manifest_section(r, SECTION_folder, v, "a mapping with host, guest and writable", ret))
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
    for (const key *k = mo_manifest_first_key(SECTION_limits), *end = mo_manifest_end_key(k); k < end; k++) {
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
        !mo_manifest_section(r, SECTION_function, name->next, "a mapping: a function", &f) || !obey_tenant(r, &f) || !fill_function(r, to, &f))
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
