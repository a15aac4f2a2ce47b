/* app.c - an app before anything was said about it. */
#include "serve/app/app.h"

#define SECOND_NS UINT64_C(1000000000)

mo_app_limits mo_app_limits_default(void)
{
    return (mo_app_limits){
        .wall_us = 30000000,
        .cpu_us = MOTE_NO_LIMIT,
        .memory_bytes = UINT64_C(128) << 20,
        .stack_bytes = UINT64_C(1) << 20,
        .body_bytes = UINT64_C(16) << 20,
        .output_bytes = MOTE_NO_LIMIT,
        .log_bytes = UINT64_C(64) << 10,
        .fuel = MOTE_NO_LIMIT,
    };
}

mo_app_share mo_app_share_default(void)
{
    return (mo_app_share){.requests = 256, .queue = 1024};
}

static const mo_app_timeouts timeouts_default = {
    .idle_ns = 60 * SECOND_NS,
    .head_ns = 10 * SECOND_NS,
    .move_ns = 30 * SECOND_NS,
    .queue_ns = 10 * SECOND_NS,
    .drain_ns = 30 * SECOND_NS,
};

bool mo_app_init(mo_app *app, mote_error *err)
{
    *app = (mo_app){.slots = 256, .timeouts = timeouts_default, .slice_us = 2000, .log_format = MO_LOG_JSON};
    app->listeners = mo_arena_array(&app->arena, 1, sizeof *app->listeners);
    app->tenants = mo_arena_array(&app->arena, 1, sizeof *app->tenants);
    if (!app->listeners || !app->tenants) {
        mo_app_release(app);
        return mo_fail_nomem(err);
    }
    app->listeners[app->nlisteners++] = "127.0.0.1:8080";
    app->tenants[app->ntenants++] = (mo_app_tenant){.name = "default", .share = {MO_NO_SHARE, MO_NO_SHARE}};
    return true;
}

void mo_app_release(mo_app *app)
{
    mo_arena_free(&app->arena);
    *app = (mo_app){0};
}
