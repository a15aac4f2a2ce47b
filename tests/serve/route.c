/* route.c - look-ups, against the words of route.h and against a slow reference. */
#include "serve/app/route.h"

#include "base/test.h"

#include <stdlib.h>
#include <time.h>

static mo_span span(const char *text) { return (mo_span){(const uint8_t *)text, strlen(text)}; }

static mo_app app_of(mo_app_route *routes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        routes[i].line = 10 + i;
    return (mo_app){.path = "app.yaml", .routes = routes, .nroutes = n};
}
#define APP(...) app_of((mo_app_route[]){__VA_ARGS__}, sizeof((mo_app_route[]){__VA_ARGS__}) / sizeof(mo_app_route))

enum { NOTHING = -1, NO_METHOD = -2 };

static int find(const mo_routes *r, const char *host, const char *method, const char *path)
{
    uint32_t at = 99999999;
    mo_route_found f = mo_route_find(r, span(host), span(method), span(path), &at);
    return f == MO_ROUTE_FOUND ? (int)at : f == MO_ROUTE_NONE ? NOTHING : NO_METHOD;
}

/* What a GET of path at host "h" finds among routes. */
#define FINDS(app, host, method, path, want)                      \
    do {                                                          \
        mo_app a_ = app;                                          \
        mo_routes *r_ = mo_routes_new(&a_, NULL);                 \
        if (expect(r_)) expect_u64(find(r_, host, method, path), want); \
        mo_routes_free(r_);                                       \
    } while (0)

TEST(exact_paths)
{
    FINDS(APP({.path = "/a"}, {.path = "/a/"}, {.path = "/"}), "h", "GET", "/a", 0);
    FINDS(APP({.path = "/a"}, {.path = "/a/"}, {.path = "/"}), "h", "GET", "/a/", 1);
    FINDS(APP({.path = "/a"}, {.path = "/a/"}, {.path = "/"}), "h", "GET", "/", 2);
    FINDS(APP({.path = "/a"}, {.path = "/a/"}, {.path = "/"}), "h", "GET", "/b", NOTHING);
    FINDS(APP({.path = "/a"}, {.path = "/a/"}, {.path = "/"}), "h", "GET", "/a/b", NOTHING);
    FINDS(APP({.path = "/a"}, {.path = "/a/"}, {.path = "/"}), "h", "GET", "//", NOTHING);
    FINDS(APP({.path = "/a//b"}), "h", "GET", "/a//b", 0);
    FINDS(APP({.path = "/a//b"}), "h", "GET", "/a/b", NOTHING);
}

TEST(a_prefix_ends_at_a_slash)
{
    FINDS(APP({.path = "/a", .prefix = true}), "h", "GET", "/a", 0);
    FINDS(APP({.path = "/a", .prefix = true}), "h", "GET", "/a/", 0);
    FINDS(APP({.path = "/a", .prefix = true}), "h", "GET", "/a/b/c", 0);
    FINDS(APP({.path = "/a", .prefix = true}), "h", "GET", "/ab", NOTHING);
    FINDS(APP({.path = "/a/", .prefix = true}), "h", "GET", "/a", NOTHING);
    FINDS(APP({.path = "/a/", .prefix = true}), "h", "GET", "/a/", 0);
    FINDS(APP({.path = "/", .prefix = true}), "h", "GET", "/anything/at/all", 0);
    FINDS(APP({.path = "/", .prefix = true}), "h", "OPTIONS", "*", NOTHING);
    FINDS(APP({.path = "/", .prefix = true}), "h", "GET", "", NOTHING);
}

TEST(the_longest_prefix_wins_and_an_exact_path_before_it)
{
#define PATHS {.path = "/", .prefix = true}, {.path = "/a", .prefix = true}, {.path = "/a/b", .prefix = true}, \
              {.path = "/a/b"}, {.path = "/a/b/", .prefix = true}
    FINDS(APP(PATHS), "h", "GET", "/x", 0);
    FINDS(APP(PATHS), "h", "GET", "/a/x", 1);
    FINDS(APP(PATHS), "h", "GET", "/a/b", 3);
    FINDS(APP(PATHS), "h", "GET", "/a/b/x", 4);
    FINDS(APP(PATHS), "h", "GET", "/a/bc", 1);
}

TEST(hosts_by_name_before_those_below)
{
#define HOSTS {.path = "/", .prefix = true}, {.host = "*.a.org", .path = "/", .prefix = true},                  \
              {.host = "x.a.org", .path = "/", .prefix = true}, {.host = "*.b.a.org", .path = "/", .prefix = true}, \
              {.host = "[::1]", .path = "/", .prefix = true}, {.path = "/exact"}
    FINDS(APP(HOSTS), "c.org", "GET", "/", 0);
    FINDS(APP(HOSTS), "", "GET", "/", 0);
    FINDS(APP(HOSTS), "a.org", "GET", "/", 0);
    FINDS(APP(HOSTS), "y.a.org", "GET", "/", 1);
    FINDS(APP(HOSTS), "Y.A.Org:8080", "GET", "/", 1);
    FINDS(APP(HOSTS), "x.a.org", "GET", "/", 2);
    FINDS(APP(HOSTS), "x.a.org.:80", "GET", "/", 2);
    FINDS(APP(HOSTS), "x.x.a.org", "GET", "/", 1);
    FINDS(APP(HOSTS), "b.a.org", "GET", "/", 1);
    FINDS(APP(HOSTS), "c.b.a.org", "GET", "/", 3);
    FINDS(APP(HOSTS), "xa.org", "GET", "/", 0);
    FINDS(APP(HOSTS), ".a.org", "GET", "/", 0);
    FINDS(APP(HOSTS), "[::1]:8080", "GET", "/", 4);
    FINDS(APP(HOSTS), "x.a.org", "GET", "/exact", 2);
}

TEST(another_host_serves_what_this_one_does_not)
{
#define SOME {.path = "/", .prefix = true}, {.host = "a.org", .path = "/a"}, {.host = "a.org", .path = "/b", .method = "POST"}
    FINDS(APP(SOME), "a.org", "GET", "/a", 1);
    FINDS(APP(SOME), "a.org", "GET", "/c", 0);
    FINDS(APP(SOME), "a.org", "POST", "/b", 2);
    FINDS(APP(SOME), "a.org", "GET", "/b", 0);
}

TEST(methods_of_one_path)
{
#define METHODS {.path = "/a", .method = "GET"}, {.path = "/a"}, {.path = "/b", .method = "GET"}, {.path = "/b", .method = "POST"}, \
                {.path = "/c", .method = "HEAD"}, {.path = "/c", .method = "GET"}
    FINDS(APP(METHODS), "h", "GET", "/a", 0);
    FINDS(APP(METHODS), "h", "HEAD", "/a", 0);
    FINDS(APP(METHODS), "h", "PUT", "/a", 1);
    FINDS(APP(METHODS), "h", "get", "/a", 1);
    FINDS(APP(METHODS), "h", "HEAD", "/b", 2);
    FINDS(APP(METHODS), "h", "POST", "/b", 3);
    FINDS(APP(METHODS), "h", "PUT", "/b", NO_METHOD);
    FINDS(APP(METHODS), "h", "HEAD", "/c", 4);
    FINDS(APP(METHODS), "h", "GET", "/c", 5);
    FINDS(APP(METHODS), "h", "PUT", "/d", NOTHING);
}

TEST(the_methods_of_a_405)
{
    char text[64], little[9];
    mo_app app = APP({.path = "/b", .method = "GET"}, {.path = "/b", .method = "POST"}, {.path = "/", .prefix = true, .method = "POST"},
                     {.host = "x", .path = "/b", .method = "HEAD"}, {.path = "/b", .method = "POSTS"});
    mo_routes *r = mo_routes_new(&app, NULL);
    require(r);
    expect_u64(mo_route_allow(r, span("h"), span("/b"), text, sizeof text), 22);
    expect_text(text, "POST, GET, HEAD, POSTS");
    mo_route_allow(r, span("x"), span("/b"), text, sizeof text);
    expect_text(text, "HEAD, POST, GET, POSTS");
    mo_route_allow(r, span("x"), span("/b"), little, sizeof little);
    expect_text(little, "HEAD");
    expect_u64(mo_route_allow(r, span("x"), span("*"), text, sizeof text), 0);
    mo_routes_free(r);
}

static void conflicts(mo_app app, const char *words)
{
    mote_error err = {0};
    mo_routes *r = mo_routes_new(&app, &err);
    expect(!r);
    expect_text(err.message, words);
    mo_routes_free(r);
}

TEST(conflicts_name_both_lines)
{
    conflicts(APP({.path = "/a"}, {.path = "/b"}, {.path = "/a"}),
              "app.yaml:12: routes: any method any host/a: the same requests as that of line 10");
    conflicts(APP({.host = "*.x", .path = "/a", .prefix = true, .method = "GET"}, {.path = "/b"}, {.host = "*.x", .path = "/a", .prefix = true, .method = "GET"}),
              "app.yaml:12: routes: GET *.x/a and below: the same requests as that of line 10");
    mo_app fine = APP({.path = "/a"}, {.path = "/a", .prefix = true}, {.path = "/a/", .prefix = true}, {.path = "/a/"},
                      {.path = "/a", .method = "GET"}, {.host = "x", .path = "/a"}, {.host = "*.x", .path = "/a"});
    mo_routes *r = mo_routes_new(&fine, NULL);
    expect(r);
    mo_routes_free(r);
}

TEST(too_many_methods_are_refused)
{
    static mo_app_route routes[100];
    static char names[100][8];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "M%d", i);
        routes[i] = (mo_app_route){.path = "/", .method = names[i]};
    }
    mo_app app = app_of(routes, 64);
    mo_routes *r = mo_routes_new(&app, NULL);
    expect(r);
    mo_routes_free(r);
    conflicts(app_of(routes, 100), "app.yaml:74: routes: M64 any host/: one method too many beside that of line 73");
}

TEST(no_memory)
{
    mo_app app = APP({.path = "/a"}, {.host = "x", .path = "/a/b/c"});
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0; n < 100; n++) {
        mote_error err = {0};
        mo_alloc_fail_at(n);
        mo_routes *r = mo_routes_new(&app, &err);
        mo_alloc_fail_at(UINT64_MAX);
        mo_routes_free(r);
        expect_u64(mo_alloc_live(), live);
        if (r) return;
        expect(err.status == MOTE_NOMEM);
    }
    test_failed(__FILE__, __LINE__, "an end");
}

/* --- against a reference ---------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

static uint32_t any_of(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

static const char *const hosts[] = {NULL, "a.org", "b.a.org", "*.a.org", "*.b.a.org", "*.org", "c.b.a.org", "org"};
static const char *const asked_hosts[] = {"", "a.org", "b.a.org", "x.a.org", "x.b.a.org", "c.b.a.org", "org", "x.org", "net"};
static const char *const methods[] = {NULL, NULL, "GET", "POST", "HEAD"};
static const char *const asked_methods[] = {"GET", "POST", "HEAD", "PUT"};

static void any_path(char *ret, uint32_t nnames)
{
    uint32_t n = any_of(5);
    *ret = '\0';
    for (uint32_t i = 0; i < n; i++)
        ret += any_of(6) ? sprintf(ret, "/s%u", any_of(nnames)) : sprintf(ret, "/");
    if (n == 0 || !any_of(4))
        strcpy(ret, "/");
}

static bool host_fits(const char *pattern, const char *host)
{
    if (!pattern) return true;
    if (pattern[0] != '*') return strcmp(pattern, host) == 0;
    size_t n = strlen(pattern + 1), have = strlen(host);
    return have > n && strcmp(host + have - n, pattern + 1) == 0;
}

static bool path_fits(const mo_app_route *r, const char *path)
{
    size_t n = strlen(r->path);
    if (!r->prefix) return strcmp(r->path, path) == 0;
    return strncmp(r->path, path, n) == 0 && (r->path[n - 1] == '/' || path[n] == '/' || path[n] == '\0');
}

static bool method_fits(const mo_app_route *r, const char *method)
{
    return !r->method || strcmp(r->method, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

/* Larger: more specific. */
static uint64_t rank(const mo_app_route *r, const char *method)
{
    uint64_t host = !r->host ? 0 : r->host[0] == '*' ? strlen(r->host) : 1000;
    uint64_t path = r->prefix ? strlen(r->path) : 1000;
    uint64_t how = !r->method ? 0 : strcmp(r->method, method) == 0 ? 2 : 1;
    return host << 32 | path << 8 | how;
}

static int find_slowly(const mo_app *app, const char *host, const char *method, const char *path)
{
    int best = NOTHING;
    for (uint32_t i = 0; i < app->nroutes; i++) {
        const mo_app_route *r = &app->routes[i];
        if (!host_fits(r->host, host) || !path_fits(r, path)) continue;
        if (!method_fits(r, method)) {
            if (best == NOTHING) best = NO_METHOD;
        } else if (best < 0 || rank(r, method) > rank(&app->routes[best], method)) {
            best = (int)i;
        }
    }
    return best;
}

static bool is_there(const mo_app *app, const mo_app_route *r)
{
    for (uint32_t i = 0; i < app->nroutes; i++) {
        const mo_app_route *o = &app->routes[i];
        if (o->host == r->host && o->prefix == r->prefix && strcmp(o->path, r->path) == 0 &&
            (o->method == r->method || (o->method && r->method && strcmp(o->method, r->method) == 0)))
            return true;
    }
    return false;
}

/* Of n names of segments; fewer names, more overlap. */
static void make_routes(mo_app *app, char (*paths)[40], uint32_t n, uint32_t nnames, bool unique)
{
    app->nroutes = 0;
    for (uint32_t tries = 0; app->nroutes < n && tries < 4 * n; tries++) {
        mo_app_route *r = &app->routes[app->nroutes];
        any_path(paths[app->nroutes], nnames);
        *r = (mo_app_route){.host = hosts[any_of(8)], .method = methods[any_of(5)], .path = paths[app->nroutes], .prefix = any_of(2)};
        if (!unique || !is_there(app, r)) app->nroutes++;
    }
}

static bool agree(const mo_routes *r, const mo_app *app, uint32_t nnames)
{
    char path[40];
    const char *host = asked_hosts[any_of(9)], *method = asked_methods[any_of(4)];
    any_path(path, nnames);
    int have = find(r, host, method, path), want = find_slowly(app, host, method, path);
    if (have == want) return true;
    printf("%s %s %s: have %d, want %d\n", method, host, path, have, want);
    return false;
}

TEST(random_routes_are_found_as_the_reference_finds_them)
{
    static mo_app_route routes[3000];
    static char paths[3001][40];
    for (uint32_t round = 0; round < 60; round++) {
        mo_app app = {.routes = routes};
        uint32_t nnames = 1 + any_of(round < 50 ? 4 : 40);
        make_routes(&app, paths, round < 50 ? 1 + any_of(60) : 3000, nnames, true);
        mo_routes *r = mo_routes_new(&app, NULL);
        require(r);
        for (int i = 0; i < 2000; i++)
            if (!expect(agree(r, &app, nnames))) break;
        mo_routes_free(r);
    }
}

TEST(random_conflicts_are_found)
{
    static mo_app_route routes[40];
    static char paths[41][40];
    for (uint32_t round = 0; round < 3000; round++) {
        mo_app app = {.routes = routes}, seen = {.routes = routes};
        make_routes(&app, paths, 1 + any_of(12), 2, false);
        bool good = true;
        for (; good && seen.nroutes < app.nroutes; seen.nroutes++)
            good = !is_there(&seen, &routes[seen.nroutes]);
        mo_routes *r = mo_routes_new(&app, NULL);
        expect(!r == !good);
        mo_routes_free(r);
    }
}

/* --- how quick ------------------------------------------------------------------------------ */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

TEST(a_lookup_takes_no_memory_and_about_as_long_for_many_routes)
{
    enum { MANY = 10000, TIMES = 200000 };
    static mo_app_route routes[MANY];
    static char paths[MANY][40];
    for (int i = 0; i < MANY; i++) {
        snprintf(paths[i], sizeof paths[i], "/tenant%d/function%d", i / 200, i);
        routes[i] = (mo_app_route){.path = paths[i], .prefix = true};
    }
    for (uint32_t n = 10; n <= MANY; n *= 10) {
        mo_app app = app_of(routes, n);
        mo_routes *r = mo_routes_new(&app, NULL);
        require(r);
        mo_alloc_fail_at(0);
        double begin = seconds();
        for (int i = 0; i < TIMES; i++) {
            uint32_t at = any_of(n), found = n;
            mo_route_find(r, span("a.example.org:8080"), span("GET"), span(paths[at]), &found);
            if (found != at) expect_u64(found, at);
        }
        printf("%u routes: %.0f ns a look-up\n", n, (seconds() - begin) * 1e9 / TIMES);
        void *none = mo_alloc(1); /* the one that was to fail is still to come */
        expect(!none);
        mo_free(none);
        mo_alloc_fail_at(UINT64_MAX);
        mo_routes_free(r);
    }
}
