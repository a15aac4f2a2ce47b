/* serve_check.c - mote serve --check: an app that was loaded, in words. */
#include "serve.h"

#include "serve/isolate/isolate.h"

#include <stdio.h>
#include <stdlib.h>

/* Can whom workers run as use all folders? */
static int check_tenant(const mo_app *app, uint32_t tenant)
{
    mote_error err = {0};
    mo_isolation *isolation = mo_isolation_new(app, tenant, &err);
    if (!isolation) {
        say("%s", err.message);
        return exit_for(&err);
    }
    if (mo_isolation_lacks(isolation) && tenant == MO_NO_TENANT)
        say("serve: %s", mo_isolation_lacks(isolation));
    mo_isolation_free(isolation);
    return EXIT_OK;
}

static int check_grants(const mo_app *app)
{
    int status = check_tenant(app, MO_NO_TENANT);
    for (uint32_t i = 0; i < app->ntenants && status == EXIT_OK; i++)
        if (app->tenants[i].isolate)
            status = check_tenant(app, i);
    return status;
}

static void print_route(const mo_app *app, const mo_app_route *route)
{
    const mo_app_function *f = &app->functions[route->function];
    const char *below = !route->prefix ? "" : route->path[strlen(route->path) - 1] == '/' ? "..." : "[/...]";
    printf("%-7s %s%s%s -> %s", route->method ? route->method : "*", route->host ? route->host : "*", route->path, below, f->name);
    if (f->tenant)
        printf(" of %s", app->tenants[f->tenant].name);
    printf(" (%s)\n", f->module);
}

/* Functions that no request can reach. */
static void print_unrouted(const mo_app *app)
{
    bool *routed = calloc(app->nfunctions, sizeof *routed);
    for (uint32_t i = 0; routed && i < app->nroutes; i++)
        routed[app->routes[i].function] = true;
    for (uint32_t i = 0; routed && i < app->nfunctions; i++)
        if (!routed[i])
            printf("no route leads to %s\n", app->functions[i].name);
    free(routed);
}

static void print_count(uint32_t n, const char *what, const char *end) { printf("%u %s%s%s", n, what, n == 1 ? "" : "s", end); }

int print_app(const mo_app *app, const mo_loaded *loaded)
{
    int status = check_grants(app);
    if (status != EXIT_OK)
        return status;
    for (uint32_t i = 0; i < app->nlisteners; i++)
        printf("listen %s\n", app->listeners[i]);
    if (app->admin)
        printf("admin  %s\n", app->admin);
    for (uint32_t i = 0; i < app->nroutes; i++)
        print_route(app, &app->routes[i]);
    print_unrouted(app);
    print_count(app->nfunctions, "function", ", ");
    print_count(app->ntenants, "tenant", ", ");
    print_count(app->nroutes, "route", "");
    if (loaded->nbroken)
        printf(", %u of the functions cannot be served", loaded->nbroken);
    putchar('\n');
    return loaded->nbroken ? EXIT_MODULE : EXIT_OK;
}
