/* serve_app.c - the words of mote serve FILE.wasm as an app of one function. */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_memory(void)
{
    say("serve: memory is out");
    return false;
}

static const char *keep(serving *s, const char *text)
{
    return mo_arena_string(&s->app.arena, text, strlen(text));
}

/* "NAME=VALUE", or "NAME" for this process's own. A later one of that name wins. */
static bool add_variable(serving *s, mo_app_function *f, const char *text)
{
    size_t len = strcspn(text, "="), at = 0;
    const char *name = mo_arena_string(&s->app.arena, text, len);
    const char *value = !name ? NULL : text[len] ? text + len + 1 : getenv(name);
    if (name && !value) {
        say("serve: --env %s: there is no such variable here to inherit", text);
        return false;
    }
    if (!name || !(value = keep(s, value)))
        return no_memory();
    while (at < f->nvariables && strcmp(f->variables[at].name, name) != 0)
        at++;
    f->nvariables += at == f->nvariables;
    f->variables[at] = (mo_app_variable){name, value};
    return true;
}

static bool add_folder(serving *s, mo_app_function *f, const char *text)
{
    folder_words w = split_folder(text);
    bool good = w.host && w.guest && *w.host && *w.guest;
    if (w.host && w.guest && !good)
        say("serve: --dir %s: want HOST, HOST::GUEST or either with :ro", text);
    mo_app_folder folder = {.host = good ? keep(s, w.host) : NULL, .guest = good ? keep(s, w.guest) : NULL, .writable = !w.read_only};
    if (folder.host && folder.guest)
        f->folders[f->nfolders++] = folder;
    else if (good || !w.host || !w.guest)
        good = no_memory();
    free(w.host);
    free(w.guest);
    return good;
}

static bool add_choices(serving *s, mo_app_function *f)
{
    const running *r = &s->run;
    f->variables = mo_arena_array(&s->app.arena, r->nchoices, sizeof *f->variables);
    f->folders = mo_arena_array(&s->app.arena, r->nchoices, sizeof *f->folders);
    if (!f->variables || !f->folders)
        return no_memory();
    for (size_t i = 0; i < r->nchoices; i++) {
        const choice *c = &r->choices[i];
        if (c->kind == CHOICE_DIR ? !add_folder(s, f, c->value) : !add_variable(s, f, c->value))
            return false;
    }
    return true;
}

bool add_words(serving *s)
{
    mo_app *app = &s->app;
    mo_app_function *f = app->functions;
    const char *slash = strrchr(s->run.path, '/');
    f->module = s->run.path;
    f->name = slash && slash[1] ? slash + 1 : s->run.path;
    f->limits.wall_us = s->run.timeout_us ? s->run.timeout_us : MOTE_NO_LIMIT;
    f->limits.cpu_us = s->run.cpu_us ? s->run.cpu_us : MOTE_NO_LIMIT;
    f->limits.memory_bytes = s->run.limits.memory_bytes;
    f->limits.stack_bytes = s->run.limits.stack_bytes;
    if (s->run.has_fuel)
        f->limits.fuel = s->run.fuel;
    f->args = mo_arena_array(&app->arena, 1, sizeof *f->args);
    app->routes = mo_arena_array(&app->arena, 1, sizeof *app->routes);
    if (!f->args || !app->routes)
        return no_memory();
    f->args[f->nargs++] = s->run.argv0 ? s->run.argv0 : f->name;
    app->routes[app->nroutes++] = (mo_app_route){.path = "/", .prefix = true};
    return add_choices(s, f);
}
