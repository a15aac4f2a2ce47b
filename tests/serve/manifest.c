/* manifest.c - manifests that are good become the app they say; of bad ones one line is said. */
#include "serve/app/manifest_inside.h"

#include "base/test.h"
#include "serve/app/route.h"

#include <stdlib.h>
#include <time.h>

#define F "functions: {f: {module: f.wasm}}\n"

static mo_span span(const char *text) { return (mo_span){(const uint8_t *)text, strlen(text)}; }

static bool reads(const char *text, mo_app *ret)
{
    mote_error err = {0};
    bool good = mo_manifest_read(span(text), "/etc/mote/app.yaml", ret, &err);
    if (!good)
        printf("%s\n", err.message);
    return good;
}

static void refuses_bytes(mo_span text, const char *words, int line)
{
    mote_error err = {0};
    mo_app app;
    uint64_t live = mo_alloc_live();
    if (!expect(!mo_manifest_read(text, "app.yaml", &app, &err))) {
        mo_app_release(&app);
        fprintf(stderr, "    line %d: want %s\n", line, words);
        return;
    }
    if (!expect_text(err.message, words)) fprintf(stderr, "    line %d\n", line);
    expect_u64(mo_alloc_live(), live);
    for (const char *p = err.message; *p; p++)
        if (!expect((uint8_t)*p >= 0x20)) break;
}
#define refuses(text, words) refuses_bytes(span(text), words, __LINE__)

/* --- what is read ----------------------------------------------------------------------- */

TEST(a_small_one)
{
    mo_app app;
    require(reads("functions:\n  hello:\n    module: hello.wasm\nroutes:\n  - {prefix: /, function: hello}\n", &app));
    expect_u64(app.nlisteners, 1);
    expect_text(app.listeners[0], "127.0.0.1:8080");
    expect_u64(app.nfunctions, 1);
    expect_u64(app.ntenants, 1);
    expect_u64(app.nroutes, 1);
    const mo_app_function *f = app.functions;
    expect_text(f->name, "hello");
    expect_text(f->module, "/etc/mote/hello.wasm");
    expect_u64(f->nargs, 1);
    expect_text(f->args[0], "hello.wasm");
    expect_u64(f->nvariables + f->nfolders + f->tenant, 0);
    expect_u64(f->line, 2);
    expect_u64(f->limits.memory_bytes, 128 << 20);
    expect_u64(f->share.requests, 256);
    expect(!app.routes->host && !app.routes->method && app.routes->prefix);
    expect_text(app.routes->path, "/");
    expect_u64(app.routes->line, 5);
    expect_text(app.path, "/etc/mote/app.yaml");
    mo_app_release(&app);
}

static const char large[] =
    "listen: [\"0.0.0.0:80\", '[::]:80']\n"
    "admin: 127.0.0.1:9090\n"
    "control: run/app.sock\n"
    "user: www-data:www\n"
    "isolation: strict\n"
    "workers: 3\n"
    "slots: 64\n"
    "slice: 500us\n"
    "on_module_error: skip\n"
    "timeouts: {idle: 1m, header: 1.5s, body: 250ms, queue: 2s, drain: 1h}\n"
    "logs: {access: '-', error: /var/log/mote, format: combined}\n"
    "proxies: [10.0.0.0/8, '::1', 'fe80::/10']\n"
    "tenants:\n"
    "  acme:\n"
    "    isolate: true\n"
    "    limits: {memory: 64m, requests: 100, queue: none}\n"
    "  default: {limits: {timeout: 10s}}\n"
    "  empty:\n"
    "defaults:\n"
    "  env: {A: a, B: b}\n"
    "  limits: {timeout: 20s, log: 16k}\n"
    "functions:\n"
    "  shop:\n"
    "    module: /srv/shop.mote\n"
    "    tenant: acme\n"
    "    argv0: shop\n"
    "    args: [--x, 12, \"\"]\n"
    "    env: {B: c, C: true}\n"
    "    folders:\n"
    "      - {host: data, writable: true}\n"
    "      - {host: /srv, guest: /s}\n"
    "    limits: {memory: 32MiB, cpu_time: 500ms, output: 1Ki, requests: none, queue: 0, stack: 64k, body: 0}\n"
    "  plain: {module: p.wasm}\n"
    "routes:\n"
    "  - {host: [Shop.Example.org, '*.x.org.'], method: [GET, POST], path: /a, function: shop}\n"
    "  - {prefix: /b/, function: plain}\n"
    "  - {prefix: /b/, host: '[::1]', function: plain}\n";

TEST(all_of_the_server)
{
    mo_app app;
    require(reads(large, &app));
    expect_u64(app.nlisteners, 2);
    expect_text(app.listeners[1], "[::]:80");
    expect_text(app.admin, "127.0.0.1:9090");
    expect_text(app.control, "/etc/mote/run/app.sock");
    expect_text(app.user, "www-data:www");
    expect(app.isolation == MO_ISOLATION_STRICT && app.on_module_error == MO_MODULE_ERROR_SKIP);
    expect_u64(app.workers, 3);
    expect_u64(app.slots, 64);
    expect_u64(app.slice_us, 500);
    expect_u64(app.timeouts.idle_ns, UINT64_C(60000000000));
    expect_u64(app.timeouts.head_ns, UINT64_C(1500000000));
    expect_u64(app.timeouts.move_ns, UINT64_C(250000000));
    expect_u64(app.timeouts.queue_ns, UINT64_C(2000000000));
    expect_u64(app.timeouts.drain_ns, UINT64_C(3600000000000));
    expect_text(app.access_log, "-");
    expect_text(app.error_log, "/var/log/mote");
    expect(app.log_format == MO_LOG_COMBINED);
    expect_u64(app.nproxies, 3);
    expect_text(app.proxies[2], "fe80::/10");
    expect_u64(app.ntenants, 3);
    expect_text(app.tenants[0].name, "default");
    expect_text(app.tenants[1].name, "acme");
    expect(app.tenants[1].isolate && !app.tenants[0].isolate);
    expect_u64(app.tenants[1].share.requests, 100);
    expect_u64(app.tenants[1].share.queue, MO_NO_SHARE);
    expect_u64(app.tenants[2].share.requests, MO_NO_SHARE);
    mo_app_release(&app);
}

TEST(all_of_a_function)
{
    mo_app app;
    require(reads(large, &app));
    const mo_app_function *f = app.functions;
    expect_text(f->module, "/srv/shop.mote");
    expect_u64(f->tenant, 1);
    expect_u64(f->nargs, 4);
    expect_text(f->args[0], "shop");
    expect_text(f->args[2], "12");
    expect_text(f->args[3], "");
    expect_u64(f->nvariables, 3);
    expect_text(f->variables[0].value, "a");
    expect_text(f->variables[1].value, "c");
    expect_text(f->variables[2].value, "true");
    expect_u64(f->nfolders, 2);
    expect_text(f->folders[0].host, "/etc/mote/data");
    expect_text(f->folders[0].guest, "data");
    expect(f->folders[0].writable && !f->folders[1].writable);
    expect_text(f->folders[1].guest, "/s");
    expect_u64(f->folders[1].line, 31);
    expect_u64(f->limits.memory_bytes, 32 << 20);
    expect_u64(f->limits.cpu_us, 500000);
    expect_u64(f->limits.output_bytes, 1024);
    expect_u64(f->limits.wall_us, 20000000);
    expect_u64(f->limits.log_bytes, 16 << 10);
    expect_u64(f->limits.stack_bytes, 64 << 10);
    expect_u64(f->limits.body_bytes, 0);
    expect_u64(f->share.requests, MO_NO_SHARE);
    expect_u64(f->share.queue, 0);
    mo_app_release(&app);
}

TEST(what_was_not_said_comes_from_defaults_and_the_tenant)
{
    mo_app app;
    require(reads(large, &app));
    const mo_app_function *f = &app.functions[1];
    expect_u64(f->nvariables, 2);
    expect_text(f->variables[1].value, "b");
    expect_u64(f->limits.wall_us, 10000000); /* the tenant allows no more */
    expect_u64(f->limits.log_bytes, 16 << 10);
    expect_u64(f->limits.memory_bytes, 128 << 20);
    mo_app_release(&app);
}

TEST(a_route_for_each_host_and_method)
{
    mo_app app;
    require(reads(large, &app));
    expect_u64(app.nroutes, 6);
    expect_text(app.routes[0].host, "shop.example.org");
    expect_text(app.routes[1].method, "POST");
    expect_text(app.routes[3].host, "*.x.org");
    expect_text(app.routes[3].path, "/a");
    expect(!app.routes[3].prefix && app.routes[4].prefix);
    expect_u64(app.routes[4].function, 1);
    expect_text(app.routes[5].host, "[::1]");
    mo_app_release(&app);
}

TEST(aliases_stand_for_what_they_name)
{
    mo_app app;
    require(reads("defaults: {limits: &l {memory: 1m}}\nfunctions: {f: {module: &m f.wasm, limits: *l}, g: {module: *m, env: &e {A: b}}, h: {module: h, env: *e}}\n", &app));
    expect_text(app.functions[1].module, "/etc/mote/f.wasm");
    expect_u64(app.functions[0].limits.memory_bytes, 1 << 20);
    expect_text(app.functions[2].variables[0].value, "b");
    mo_app_release(&app);
}

TEST(json_and_odd_beginnings)
{
    mo_app app;
    require(reads("{\"functions\": {\"f\": {\"module\": \"f.wasm\", \"limits\": {\"memory\": 65536}}}}", &app));
    expect_u64(app.functions[0].limits.memory_bytes, 65536);
    mo_app_release(&app);
    require(reads("\xef\xbb\xbf# words\n%YAML 1.1\n---\n" F "...\n", &app));
    mo_app_release(&app);
    require(reads("tenants:\ndefaults:\nroutes:\nproxies: ~\ntimeouts: {}\nlogs:\n" F, &app));
    expect_u64(app.nroutes, 0);
    mo_app_release(&app);
    require(reads("functions: {f: {module: f.wasm, limits: , env: , args: , folders: }}\n", &app));
    mo_app_release(&app);
}

/* --- the table says what app.c says ---------------------------------------------------------- */

static bool holds(const char *text, const key *k, uint64_t *ret)
{
    mo_app app;
    mote_error err = {0};
    if (!mo_manifest_read(span(text), "app.yaml", &app, &err)) {
        printf("%s: %s\n", k->name, err.message);
        return false;
    }
    limits_fields limits = {app.functions->limits, app.functions->share};
    const char *from = k->section == SECTION_limits ? (char *)&limits : k->section == SECTION_timeouts ? (char *)&app.timeouts
                       : (char *)&app;
    bool wide = strstr(k->kind->name, "size") || strstr(k->kind->name, "time");
    *ret = wide ? mo_get64(from + k->offset) : mo_get32(from + k->offset);
    mo_app_release(&app);
    return true;
}

TEST(what_the_table_calls_initial_is_so)
{
    static const char *const numbers[] = {"number", "count", "workers", "size", "size_or_none", "time_us", "time_us_or_none", "time_ns",
                                          "log_format", "on_module_error", "isolation"};
    uint64_t with, without;
    int n = 0;
    for (const key *k = mo_manifest_keys; k < mo_manifest_keys + KEYS; k++) {
        char text[200];
        size_t i = 0;
        while (i < MO_COUNT(numbers) && strcmp(numbers[i], k->kind->name) != 0) i++;
        if (i == MO_COUNT(numbers)) continue;
        const char *format = k->section == SECTION_root ? "%s: %s\n" F : k->section == SECTION_limits ? "defaults: {limits: {%s: %s}}\n" F
                             : k->section == SECTION_timeouts ? "timeouts: {%s: %s}\n" F : "logs: {%s: %s}\n" F;
        snprintf(text, sizeof text, format, k->name, k->initial);
        if (expect(holds(text, k, &with) && holds(F, k, &without)) && !expect_u64(with, without)) printf("%s\n", text);
        n++;
    }
    expect(n >= 20);
}

TEST(the_schema_is_printed_whole)
{
    FILE *null = fopen("/dev/null", "w");
    require(null);
    expect(mo_manifest_print_schema(null) && ftell(null) != 0);
    fclose(null);
}

static char *repeat(const char *head, const char *part, size_t n, const char *tail, size_t *retlen)
{
    size_t len = strlen(part), at = strlen(head);
    char *text = malloc(at + n * len + strlen(tail) + 1);
    if (!text) abort();
    strcpy(text, head);
    for (size_t i = 0; i < n; i++, at += len) memcpy(text + at, part, len);
    strcpy(text + at, tail);
    *retlen = at + strlen(tail);
    return text;
}

static void refuses_repeated(const char *head, const char *part, size_t n, const char *tail, const char *words)
{
    size_t len;
    char *text = repeat(head, part, n, tail, &len);
    refuses_bytes((mo_span){(uint8_t *)text, len}, words, (int)n);
    free(text);
}

/* --- what is refused ----------------------------------------------------------------------------- */

TEST(values)
{
    refuses("functions: {hello: {module: a, limits: {\n\nmemory: lots}}}",
            "app.yaml:3: functions.hello.limits.memory: want a size such as 128m, or none, have \"lots\"");
    refuses("slots: 0\n" F, "app.yaml:1: slots: want at least 1, have \"0\"");
    refuses("slots: 10001\n" F, "app.yaml:1: slots: want at most 10000, have \"10001\"");
    refuses("slots: 1.5\n" F, "app.yaml:1: slots: want a whole number, have \"1.5\"");
    refuses("slots: -1\n" F, "app.yaml:1: slots: want a whole number, have \"-1\"");
    refuses("slots: 99999999999999999999999\n" F, "app.yaml:1: slots: want a whole number, have \"99999999999999999999999\"");
    refuses("workers: many\n" F, "app.yaml:1: workers: want a whole number or auto, have \"many\"");
    refuses("slice: 2\n" F, "app.yaml:1: slice: want a time such as 30s or 2ms, have \"2\"");
    refuses("slice: 10us\n" F, "app.yaml:1: slice: want at least 100us, have \"10us\"");
    refuses("slice: 1m\n" F, "app.yaml:1: slice: want at most 1s, have \"1m\"");
    refuses("slice: 2.ms\n" F, "app.yaml:1: slice: want a time such as 30s or 2ms, have \"2.ms\"");
    refuses("timeouts: {drain: 99999999999h}\n" F, "app.yaml:1: timeouts.drain: want a time such as 30s or 2ms, have \"99999999999h\"");
    refuses("defaults: {limits: {memory: 1k}}\n" F, "app.yaml:1: defaults.limits.memory: want at least 64k, have \"1k\"");
    refuses("defaults: {limits: {memory: 128MB}}\n" F, "app.yaml:1: defaults.limits.memory: want a size such as 128m, or none, have \"128MB\"");
    refuses("defaults: {limits: {body: 99999999999999g}}\n" F, "app.yaml:1: defaults.limits.body: want a size such as 128m, or none, have \"99999999999999g\"");
    refuses("defaults: {limits: {timeout: none}}\n" F, "app.yaml:1: defaults.limits.timeout: want a time such as 30s or 2ms, have \"none\"");
    refuses("defaults: {limits: {timeout: [1s]}}\n" F, "app.yaml:1: defaults.limits.timeout: want a time such as 30s or 2ms, have a list");
    refuses("defaults: {limits: {timeout: }}\n" F, "app.yaml:1: defaults.limits.timeout: want a time such as 30s or 2ms, have nothing");
    refuses("tenants: {a: {isolate: yes}}\n" F, "app.yaml:1: tenants.a.isolate: want true or false, have \"yes\"");
    refuses("tenants: {a: {isolate: 'true'}}\n" F, "app.yaml:1: tenants.a.isolate: want true or false, have \"true\"");
    refuses("isolation: on\n" F, "app.yaml:1: isolation: want auto, strict or off, have \"on\"");
    refuses("logs: {format: xml}\n" F, "app.yaml:1: logs.format: want json or combined, have \"xml\"");
    refuses("on_module_error: ignore\n" F, "app.yaml:1: on_module_error: want refuse or skip, have \"ignore\"");
}

TEST(addresses)
{
    static const char words[] = "app.yaml:1: listen: want an address and a port, such as 127.0.0.1:8080 or [::1]:8080, or a list of them, have ";
    const char *const bad[] = {"8080", "localhost", "127.0.0.1:99999", "127.0.0.1:", "example.org:80", "::1:80", "[::1]", "127.0.0.1:80x"};
    for (size_t i = 0; i < MO_COUNT(bad); i++) {
        char text[200], want[200];
        snprintf(text, sizeof text, "listen: [\"%s\"]\n" F, bad[i]);
        snprintf(want, sizeof want, "%s\"%s\"", words, bad[i]);
        refuses(text, want);
    }
    refuses("listen: []\n" F, "app.yaml:1: listen: want an address and a port, such as 127.0.0.1:8080 or [::1]:8080, or a list of them, have a list");
    refuses("listen: [1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1]\n" F, "app.yaml:1: listen: want at most 16 addresses, have 17");
    refuses("listen: ['1.1.1.1:1', '1.1.1.1:1']\n" F, "app.yaml:1: listen: 1.1.1.1:1 is listened at already");
    refuses("admin: 127.0.0.1:8080\n" F, "app.yaml:1: admin: 127.0.0.1:8080 is listened at already");
    refuses("proxies: [10.0.0.0/33]\n" F, "app.yaml:1: proxies: want an address or a network, such as 10.0.0.0/8 or ::1, have \"10.0.0.0/33\"");
    refuses("proxies: [10.0.0.1/8]\n" F, "app.yaml:1: proxies: want an address or a network, such as 10.0.0.0/8 or ::1, have \"10.0.0.1/8\"");
    refuses("proxies: [a]\n" F, "app.yaml:1: proxies: want an address or a network, such as 10.0.0.0/8 or ::1, have \"a\"");
    refuses("proxies: 10.0.0.0/8\n" F, "app.yaml:1: proxies: want a list of addresses or networks, such as 10.0.0.0/8 or ::1, have \"10.0.0.0/8\"");
}

TEST(keys)
{
    refuses("listne: x\n" F, "app.yaml:1: there is no key listne; did you mean listen?");
    refuses("functions:\n  f:\n    modul: x\n", "app.yaml:3: functions.f: there is no key modul; did you mean module?");
    refuses("timeouts: {somethingelse: 1s}\n" F, "app.yaml:1: timeouts: there is no key somethingelse; there are idle, header, body, queue, drain");
    refuses(F "\n\n" F, "app.yaml:4: functions: is there twice, first in line 1");
    refuses("functions:\n  f: {module: a}\n  f: {module: b}\n", "app.yaml:3: f: is there twice, first in line 2");
    refuses("functions: {f: {}}", "app.yaml:1: functions.f.module: is missing; want a path");
    refuses("functions:\n  f:\n", "app.yaml:2: functions.f.module: is missing; want a path");
    refuses("routes: [{path: /}]\n" F, "app.yaml:1: routes[0].function: is missing; want the name of a function");
    refuses("listen: 127.0.0.1:1\n", "app.yaml:1: functions: is missing; want a mapping of names to functions");
    refuses("", "app.yaml:1: functions: is missing; want a mapping of names to functions");
    refuses("functions:\n", "app.yaml:1: functions: want a mapping of names to functions, have nothing");
    refuses("functions: {}\n", "app.yaml:1: functions: want a mapping of names to functions, have a mapping");
    refuses("functions: [a]\n", "app.yaml:1: functions: want a mapping of names to functions, have a list");
    refuses("hello\n", "app.yaml:1: want a mapping: a manifest, have \"hello\"");
    refuses("- a\n", "app.yaml:1: want a mapping: a manifest, have a list");
    refuses("functions: {f: hello.wasm}\n", "app.yaml:1: functions.f: want a mapping: a function, have \"hello.wasm\"");
    refuses("? [a]\n: b\n", "app.yaml:1: want a name before the colon, have a list");
    refuses("<<: {}\n" F, "app.yaml:1: there is no key <<; there are listen, admin, control, user, isolation, workers, slots, slice, "
                          "on_module_error, timeouts, proxies, logs, tenants, defaults, functions, routes");
}

TEST(names_and_what_they_refer_to)
{
    refuses("functions: {'a b': {module: a}}\n", "app.yaml:1: functions.a b: want a name of at most 64 letters, digits, dots, underscores and "
                                                 "hyphens, a letter or digit first");
    refuses("functions: {'': {module: a}}\n", "app.yaml:1: functions.: want a name of at most 64 letters, digits, dots, underscores and "
                                              "hyphens, a letter or digit first");
    refuses("functions: {f: {module: f, tenant: acne}}\ntenants: {acme: }\n",
            "app.yaml:1: functions.f.tenant: there is no tenant \"acne\"; did you mean acme?");
    refuses("routes: [{path: /, function: g}]\n" F, "app.yaml:1: routes[0].function: there is no function \"g\"");
    refuses("routes: [{path: /, function: hellp}]\nfunctions: {hello: {module: f}}",
            "app.yaml:1: routes[0].function: there is no function \"hellp\"; did you mean hello?");
    refuses("functions: {f: {module: ''}}\n", "app.yaml:1: functions.f.module: want a path, have \"\"");
    refuses("functions: {f: {module: f, env: {A: }}}\n", "app.yaml:1: functions.f.env.A: want a text, have nothing");
    refuses("functions: {f: {module: f, env: {'A=': b}}}\n", "app.yaml:1: functions.f.env: want the name of a variable, have \"A=\"");
    refuses("functions: {f: {module: f, env: [A]}}\n", "app.yaml:1: functions.f.env: want a mapping of names to texts, have a list");
    refuses("functions: {f: {module: f, args: one}}\n", "app.yaml:1: functions.f.args: want a list of texts, have \"one\"");
    refuses("functions: {f: {module: f, args: [[a]]}}\n", "app.yaml:1: functions.f.args: want a text, have a list");
    refuses("functions: {f: {module: f, folders: [/tmp]}}\n",
            "app.yaml:1: functions.f.folders[0]: want a mapping with host, guest and writable, have \"/tmp\"");
    refuses("functions: {f: {module: f, folders: [{host: a}, {guest: b}]}}\n", "app.yaml:1: functions.f.folders[1].host: is missing; want a path");
}

TEST(folders_are_told_apart)
{
    refuses("functions:\n  f:\n    module: f\n    folders:\n      - {host: a, guest: /d}\n      - {host: b, guest: /d}\n",
            "app.yaml:6: functions.f.folders: the program finds the folder of line 5 in the same place");
    refuses_repeated("functions: {f: {module: f, folders: [", "{host: a},", 65, "]}}\n", "app.yaml:1: functions.f.folders: more than 64 folders");
}

TEST(a_tenant_allows_no_more)
{
    refuses("tenants:\n  t:\n    limits: {memory: 64m}\nfunctions:\n  f:\n    module: f\n    tenant: t\n    limits: {memory: 65m}\n",
            "app.yaml:8: functions.f.limits.memory: want at most 64m, as line 3 says of the tenant t, have 65m");
    refuses("tenants: {default: {limits: {output: 1m}}}\nfunctions: {f: {module: f, limits: {output: none}}}\n",
            "app.yaml:2: functions.f.limits.output: want at most 1m, as line 1 says of the tenant default, have none");
}

TEST(routes)
{
#define R(words) "routes: [{function: f, " words "}]\n" F
    refuses(R("host: a"), "app.yaml:1: routes[0]: want either path or prefix, have neither");
    refuses(R("path: /, prefix: /"), "app.yaml:1: routes[0]: want either path or prefix, have both");
    refuses(R("path: a"), "app.yaml:1: routes[0].path: want a path of a URL, such as /hello, have \"a\"");
    refuses(R("path: /a/*"), "app.yaml:1: routes[0].path: want a path without *; a prefix is said as `prefix: /a`, have \"/a/*\"");
    refuses(R("path: /a?b"), "app.yaml:1: routes[0].path: want a path without a query and without control characters, have \"/a?b\"");
    refuses(R("path: \"/a\\n\""), "app.yaml:1: routes[0].path: want a path without a query and without control characters, have \"/a?\"");
    refuses(R("path: /a%20b"), "app.yaml:1: routes[0].path: want a decoded path, without % and two digits, have \"/a%20b\"");
    refuses(R("path: /, host: 'a:80'"),
            "app.yaml:1: routes[0].host: want a host such as example.org or *.example.org, without a port, or a list of them, have \"a:80\"");
    refuses(R("path: /, host: '*'"),
            "app.yaml:1: routes[0].host: want a host such as example.org or *.example.org, without a port, or a list of them, have \"*\"");
    refuses(R("path: /, host: 'a.*.b'"),
            "app.yaml:1: routes[0].host: want a host such as example.org or *.example.org, without a port, or a list of them, have \"a.*.b\"");
    refuses(R("path: /, host: '[::1]:80'"),
            "app.yaml:1: routes[0].host: want a host such as example.org or *.example.org, without a port, or a list of them, have \"[::1]:80\"");
    refuses(R("path: /, host: '[127.0.0.1]'"),
            "app.yaml:1: routes[0].host: want a host such as example.org or *.example.org, without a port, or a list of them, have \"[127.0.0.1]\"");
    refuses(R("path: /, host: []"),
            "app.yaml:1: routes[0].host: want a host such as example.org or *.example.org, without a port, or a list of them, have a list");
    refuses(R("path: /, method: get"), "app.yaml:1: routes[0].method: want a method such as GET, or a list of them, have \"get\"");
    refuses(R("path: /, method: [GET, 'A B']"), "app.yaml:1: routes[0].method: want a method such as GET, or a list of them, have \"A B\"");
    refuses(F "routes:\n  - {path: /a, function: f}\n  - {path: /b, function: f}\n  - {path: /a, function: f}\n",
            "app.yaml:5: routes: any method any host/a: the same requests as that of line 3");
    refuses(F "routes:\n  - {path: /a, host: [A.org, a.org.], function: f}\n",
            "app.yaml:3: routes: any method a.org/a: the same requests as that of line 3");
    refuses(F "routes: {a: b}", "app.yaml:2: routes: want a list of routes, have a mapping");
}

TEST(what_is_not_yaml)
{
    refuses("a: b: c\n", "app.yaml:1: not YAML: mapping values are not allowed in this context");
    refuses("functions:\n\tf: x\n", "app.yaml:2: want spaces to indent, have a tab");
    refuses("functions: {f: {module: a}\n", "app.yaml:2: not YAML: did not find expected ',' or '}', while parsing a flow mapping that began in line 1");
    refuses("a: 'b\n", "app.yaml:2: not YAML: found unexpected end of stream, while scanning a quoted scalar that began in line 1");
    refuses("a: b\n - c: d\n  x\n", "app.yaml:2: not YAML: mapping values are not allowed in this context");
    refuses(F "---\n" F, "app.yaml:2: want one document, have another");
    refuses("a: !foo b\n", "app.yaml:1: want a value without a tag, have !foo");
    refuses("a: !!str b\n", "app.yaml:1: want a value without a tag, have tag:yaml.org,2002:str");
    refuses("a: *b\n", "app.yaml:1: *b: there is no such anchor above");
    refuses("a: &a {b: *a}\n", "app.yaml:1: *a: there is no such anchor above");
    refuses("\n\n\xff\n", "app.yaml:3: want UTF-8, have other bytes");
    refuses("a: b\n\nc: \xc3\n", "app.yaml:3: want UTF-8, have other bytes");
    refuses_bytes((mo_span){(const uint8_t *)"\xff\xfe" "a\0:\0", 6}, "app.yaml:1: want UTF-8, have other bytes", __LINE__);
    refuses_bytes((mo_span){(const uint8_t *)"a: \n\0b", 6}, "app.yaml:2: not YAML: control characters are not allowed", __LINE__);
    refuses("user: \"a\\0b\"\n" F, "app.yaml:1: a text with a NUL inside");
}

/* --- large ones ------------------------------------------------------------------------------------- */

TEST(bombs)
{
    refuses("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
            "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
            "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
            "app.yaml:6: more than 2097152 values");
    refuses_repeated("a: ", "[", 17, "", "app.yaml:1: more than 16 levels");
    refuses_repeated("a: ", "[", 1000000, "", "app.yaml:1: more than 16 levels");
    refuses_repeated("", "- ", 1000000, "", "app.yaml:1: more than 16 levels");
    refuses_repeated("", "? ", 100000, "", "app.yaml:1: want a name before the colon, have a mapping");
    refuses_repeated("a: [", "b,", 3000000, "]\n", "app.yaml:1: more than 2097152 values");
    refuses_repeated("a: [", "&a b,", 300, "]\n", "app.yaml:1: more than 256 anchors");
    refuses_repeated("#", "x", 16 << 20, "\n", "app.yaml: more than 16 MiB");
}

TEST(sixteen_mebibytes_are_read)
{
    size_t len;
    mo_app app;
    mote_error err = {0};
    char *text = repeat("#", "a comment that is long enough to be one\n# and", (16 << 20) / 50, "\n" F, &len);
    expect(mo_manifest_read((mo_span){(uint8_t *)text, len}, "app.yaml", &app, &err));
    mo_app_release(&app);
    free(text);
    text = repeat("functions: {f: {module: f, env: {A: \"", "0123456789abcdef", (16 << 20) / 16 - 10, "\"}}}\n", &len);
    if (expect(mo_manifest_read((mo_span){(uint8_t *)text, len}, "app.yaml", &app, &err)))
        expect(strlen(app.functions->variables->value) > 16000000);
    mo_app_release(&app);
    free(text);
}

TEST(ten_thousand_functions)
{
    enum { MANY = 10000 };
    mo_buffer b = {0};
    char line[200];
    mo_buffer_put(&b, "functions:\n", 11);
    for (int i = 0; i < MANY; i++)
        mo_buffer_put(&b, line, (size_t)snprintf(line, sizeof line, "  function%d:\n    module: m%d.wasm\n    limits: {memory: 32m}\n", i, i));
    mo_buffer_put(&b, "routes:\n", 8);
    for (int i = 0; i < MANY; i++)
        mo_buffer_put(&b, line, (size_t)snprintf(line, sizeof line, "  - {prefix: /f%d, function: function%d}\n", i, MANY - 1 - i));
    mo_app app;
    mote_error err = {0};
    require(!b.failed);
    clock_t begin = clock();
    if (expect(mo_manifest_read((mo_span){b.at, b.len}, "app.yaml", &app, &err))) {
        printf("10,000 functions and routes: %.0f ms\n", (double)(clock() - begin) * 1e3 / CLOCKS_PER_SEC);
        expect_u64(app.nfunctions, MANY);
        expect_u64(app.routes[7].function, MANY - 8);
        expect(mo_arena_mark(&app.arena) < MANY * 1024);
        mo_app_release(&app);
    } else {
        printf("%s\n", err.message);
    }
    mo_buffer_put(&b, "  - {prefix: /f77, function: function1}\n", 40);
    refuses_bytes((mo_span){b.at, b.len}, "app.yaml:40003: routes: any method any host/f77 and below: the same requests as that of line 30080", __LINE__);
    mo_buffer_free(&b);
}

TEST(each_allocation_may_fail)
{
    uint64_t live = mo_alloc_live(), n = 0;
    for (bool done = false; !done && n < 1000; n++) {
        mote_error err = {0};
        mo_app app;
        mo_alloc_fail_at(n);
        done = mo_manifest_read(span(large), "app.yaml", &app, &err);
        mo_alloc_fail_at(UINT64_MAX);
        if (done) mo_app_release(&app);
        else expect(err.status == MOTE_NOMEM);
        if (!expect_u64(mo_alloc_live(), live)) break;
    }
    expect(n > 10 && n < 1000);
}

TEST(a_file)
{
    mo_app app;
    mote_error err = {0};
    expect(!mo_manifest_load("/nonexistent/app.yaml", &app, &err) && err.status == MOTE_IO);
}
