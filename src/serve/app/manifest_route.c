/* manifest_route.c - routes of a manifest: one of the app's for each host and method. */
#include "serve/app/manifest_inside.h"

#include <stdio.h>

enum { MOST_ROUTES = 1000000 };

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
    if (!mo_manifest_section(r, SECTION_route, v, "a mapping with path or prefix, and function", &f))
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
bool mo_manifest_settle_routes(reader *r)
{
    mo_app *app = &r->app;
    mo_app_route *grown = app->routes;
    app->routes = mo_arena_array(&app->arena, app->nroutes, sizeof *app->routes);
    if (app->routes && app->nroutes)
        memcpy(app->routes, grown, app->nroutes * sizeof *grown);
    mo_free(grown);
    return app->routes || mo_manifest_nomem(r);
}
