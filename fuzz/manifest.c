/* manifest.c - any bytes as a manifest: an app that keeps its promises, or one line that says why
 * not. What was read is looked up by its own routes. */
#include "serve/app/manifest.h"
#include "serve/app/route.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool claim, const char *what)
{
    if (claim) return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

static mo_span span(const char *text) { return (mo_span){(const uint8_t *)text, text ? strlen(text) : 0}; }

static void check_error(const mote_error *err)
{
    must(err->status == MOTE_MISUSE || err->status == MOTE_LIMIT, "an error of the manifest's");
    must(strncmp(err->message, "app.yaml", 8) == 0 && mo_utf8_ok(err->message, strlen(err->message)), "words that name the file");
    for (const char *p = err->message; *p; p++) must((uint8_t)*p >= 0x20 && *p != 0x7f, "one line");
}

static void check_function(const mo_app *app, const mo_app_function *f)
{
    must(f->name && *f->name && f->module && *f->module && f->nargs >= 1 && f->args[0], "a function has a name and a module");
    must(f->tenant < app->ntenants, "a tenant that is there");
    must(f->limits.wall_us > 0 && f->limits.memory_bytes >= 65536 && f->share.requests > 0, "limits that leave something");
    for (uint32_t i = 0; i < f->nvariables; i++) must(f->variables[i].name && f->variables[i].value, "variables with values");
    for (uint32_t i = 0; i < f->nfolders; i++) must(f->folders[i].host && f->folders[i].guest, "folders with names");
}

static void check_routes(const mo_app *app)
{
    mo_routes *routes = mo_routes_new(app, NULL);
    must(routes, "routes that do not conflict");
    for (uint32_t i = 0; i < app->nroutes && i < 1000; i++) {
        const mo_app_route *r = &app->routes[i];
        uint32_t found = 0;
        bool below = r->host && r->host[0] == '*';
        must(r->function < app->nfunctions && r->path[0] == '/', "a route leads to a function");
        if (below) continue;
        must(mo_route_find(routes, span(r->host), span(r->method ? r->method : "ANY"), span(r->path), &found) == MO_ROUTE_FOUND,
             "a route is found where it leads");
    }
    mo_routes_free(routes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    mo_app app;
    mote_error err = {0};
    uint64_t live = mo_alloc_live();
    if (mo_manifest_read((mo_span){bytes, len}, "app.yaml", &app, &err)) {
        must(app.nlisteners > 0 && app.nfunctions > 0 && app.ntenants > 0, "something to serve");
        for (uint32_t i = 0; i < app.nfunctions; i++) check_function(&app, &app.functions[i]);
        check_routes(&app);
        mo_app_release(&app);
    } else {
        check_error(&err);
    }
    must(mo_alloc_live() == live, "nothing is left");
    return 0;
}
