/* route.c - routes as a tree of path segments, one tree per host, all in one hash table.
 *
 *   host "a.org" --> root --"api"--> node --"v1"--> node
 *                     |               |
 *                     below: "/"      exact "/api", prefix "/api", below "/api/"
 *
 * A step of a look-up is one probe by (node, segment); it ends where the tree does, so that
 * the path's length bounds it and not the number of routes. Each node has three lists of
 * routes that differ in their method only. Text stays in the app. */
#include "serve/app/route.h"

#include <stdlib.h>

enum { MOST_METHODS = 64, LONGEST_HOST = 255 };
#define NONE UINT32_MAX

/* Parents of hosts' roots. */
#define BY_NAME (UINT32_MAX - 1)
#define BELOW_NAME (UINT32_MAX - 2)

typedef enum place { EXACT, PREFIX, BELOW, PLACES } place; /* "/a"; "/a" and what is below; "/a/" and what is below */

typedef struct node {
    const char *text; /* of this step: a segment, or a host */
    uint32_t len, parent;
    uint32_t first[PLACES]; /* routes; NONE: there is none */
} node;

struct mo_routes {
    const mo_app_route *routes;
    const char *path; /* of the manifest */
    node *nodes;
    uint32_t *slots; /* index of a node, or NONE */
    uint32_t *next;  /* of each route: another one of its list */
    uint64_t seed;
    uint32_t nnodes, mask, any; /* any: the root for all hosts, or NONE */
    bool below; /* some hosts begin with "*." */
};

/* --- nodes -------------------------------------------------------------------------- */

static uint32_t *find_slot(const mo_routes *r, uint32_t parent, const char *text, size_t len)
{
    uint32_t at = (uint32_t)mo_hash64(text, len, r->seed + parent) & r->mask;
    for (;; at = (at + 1) & r->mask) {
        uint32_t *slot = &r->slots[at];
        if (*slot == NONE)
            return slot;
        const node *n = &r->nodes[*slot];
        if (n->parent == parent && n->len == len && memcmp(n->text, text, len) == 0)
            return slot;
    }
}

static uint32_t find(const mo_routes *r, uint32_t parent, const char *text, size_t len)
{
    return *find_slot(r, parent, text, len);
}

static uint32_t new_node(mo_routes *r, uint32_t parent, const char *text, size_t len)
{
    r->nodes[r->nnodes] = (node){.text = text, .len = (uint32_t)len, .parent = parent, .first = {NONE, NONE, NONE}};
    return r->nnodes++;
}

static uint32_t find_or_make(mo_routes *r, uint32_t parent, const char *text, size_t len)
{
    uint32_t *slot = find_slot(r, parent, text, len);
    if (*slot == NONE)
        *slot = new_node(r, parent, text, len);
    return *slot;
}

/* --- making it ------------------------------------------------------------------------ */

static uint32_t root_for(mo_routes *r, const char *host)
{
    if (!host) {
        if (r->any == NONE)
            r->any = new_node(r, NONE, "", 0);
        return r->any;
    }
    bool below = strncmp(host, "*.", 2) == 0;
    const char *name = below ? host + 2 : host;
    r->below |= below;
    return find_or_make(r, below ? BELOW_NAME : BY_NAME, name, strlen(name));
}

/* The node of path, and what of it the route serves. */
static uint32_t node_for(mo_routes *r, const mo_app_route *route, place *ret)
{
    uint32_t at = root_for(r, route->host);
    const char *text = route->path;
    size_t len = strlen(text);
    *ret = !route->prefix ? EXACT : text[len - 1] == '/' ? BELOW : PREFIX;
    if (*ret == BELOW)
        len--;
    for (const char *end = text + len; text < end;) {
        const char *from = ++text;
        text = memchr(from, '/', (size_t)(end - from));
        text = text ? text : end;
        at = find_or_make(r, at, from, (size_t)(text - from));
    }
    return at;
}

static bool same_method(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool refuse(const mo_routes *r, uint32_t index, uint32_t other, const char *why, mote_error *err)
{
    const mo_app_route *route = &r->routes[index];
    const char *method = route->method ? route->method : "any method", *host = route->host ? route->host : "any host";
    uint32_t line = r->routes[other].line;
    return mo_fail(err, MOTE_MISUSE, route->line, "%.80s:%u: routes: %.10s %.40s%.60s%s: %s that of line %u", r->path ? r->path : "words",
                   route->line, method, host, route->path, route->prefix ? " and below" : "", why, line);
}

static bool add(mo_routes *r, uint32_t index, mote_error *err)
{
    place where;
    uint32_t at = node_for(r, &r->routes[index], &where), n = 0;
    uint32_t *last = &r->nodes[at].first[where];
    for (; *last != NONE; last = &r->next[*last], n++)
        if (same_method(r->routes[*last].method, r->routes[index].method))
            return refuse(r, index, *last, "the same requests as", err);
        else if (n + 1 == MOST_METHODS)
            return refuse(r, index, *last, "one method too many beside", err);
    r->next[index] = NONE;
    *last = index;
    return true;
}

/* A node for each host and for each segment, at most. */
static size_t count_nodes(const mo_app *app)
{
    size_t n = 2;
    for (uint32_t i = 0; i < app->nroutes; i++) {
        n++;
        for (const char *p = app->routes[i].path; *p; p++)
            n += *p == '/';
    }
    return n;
}

static bool fill(mo_routes *r, const mo_app *app, mote_error *err)
{
    size_t most = count_nodes(app), slots = 16;
    while (slots < 2 * most)
        slots *= 2;
    if (slots > UINT32_MAX / 2)
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "routes: too many segments of paths");
    r->nodes = mo_calloc(most, sizeof *r->nodes);
    r->slots = mo_alloc(slots * sizeof *r->slots);
    r->next = mo_calloc(app->nroutes + 1, sizeof *r->next);
    if (!r->nodes || !r->slots || !r->next)
        return mo_fail_nomem(err);
    memset(r->slots, 0xff, slots * sizeof *r->slots);
    r->mask = (uint32_t)slots - 1;
    for (uint32_t i = 0; i < app->nroutes; i++)
        if (!add(r, i, err))
            return false;
    return true;
}

mo_routes *mo_routes_new(const mo_app *app, mote_error *err)
{
    mo_routes *r = mo_calloc(1, sizeof *r);
    if (!r) {
        mo_fail_nomem(err);
        return NULL;
    }
    *r = (mo_routes){.routes = app->routes, .path = app->path, .seed = mo_hash_seed(), .any = NONE};
    if (fill(r, app, err))
        return r;
    mo_routes_free(r);
    return NULL;
}

void mo_routes_free(mo_routes *r)
{
    if (!r)
        return;
    mo_free(r->nodes);
    mo_free(r->slots);
    mo_free(r->next);
    mo_free(r);
}

/* --- looking up ------------------------------------------------------------------------ */

typedef struct search {
    const mo_routes *routes;
    mo_span method, path;
    bool head;
    void (*see)(struct search *s, uint32_t first); /* a list whose paths fit; each later one is more specific */
    bool known;     /* something fitted but for its method */
    uint32_t found; /* the most specific route, or NONE */
    char *allowed;  /* of mo_route_allow */
    size_t len, size;
} search;

/* Of routes that differ in their methods. */
static void choose(search *s, uint32_t first)
{
    uint32_t get = NONE, any = NONE;
    s->known |= first != NONE;
    for (uint32_t i = first; i != NONE; i = s->routes->next[i]) {
        const char *method = s->routes->routes[i].method;
        if (!method)
            any = i;
        else if (mo_span_is(s->method, method)) {
            s->found = i;
            return;
        } else if (s->head && strcmp(method, "GET") == 0)
            get = i;
    }
    if (get != NONE || any != NONE)
        s->found = get != NONE ? get : any;
}

static void walk(search *s, uint32_t at)
{
    const char *text = (const char *)s->path.at, *end = text + s->path.len;
    while (at != NONE) {
        const node *n = &s->routes->nodes[at];
        s->see(s, n->first[PREFIX]);
        if (text == end) {
            s->see(s, n->first[EXACT]);
            return;
        }
        s->see(s, n->first[BELOW]);
        const char *from = text + 1;
        text = memchr(from, '/', (size_t)(end - from));
        text = text ? text : end;
        at = find(s->routes, at, from, (size_t)(text - from));
    }
}

/* The name in small letters, without port and last dot; its length, 0: there is none, or too much of it. */
static size_t host_name(mo_span host, char ret[LONGEST_HOST])
{
    size_t len = 0;
    bool bracket = host.len && host.at[0] == '[';
    for (; len < host.len && (bracket || host.at[len] != ':'); len++) {
        if (len == LONGEST_HOST)
            return 0;
        uint8_t c = host.at[len];
        ret[len] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        bracket &= c != ']';
    }
    return len && ret[len - 1] == '.' ? len - 1 : len;
}

/* From the most specific host to the least; enough: stops at the first that has something. */
static void walk_hosts(search *s, mo_span host, bool enough)
{
    char name[LONGEST_HOST];
    const mo_routes *r = s->routes;
    size_t len = host_name(host, name);
    if (s->path.len == 0 || s->path.at[0] != '/')
        return;
    if (len)
        walk(s, find(r, BY_NAME, name, len));
    for (size_t i = 1; r->below && i + 1 < len && !(enough && s->found != NONE); i++)
        if (name[i] == '.')
            walk(s, find(r, BELOW_NAME, name + i + 1, len - i - 1));
    if (!(enough && s->found != NONE))
        walk(s, r->any);
}

mo_route_found mo_route_find(const mo_routes *routes, mo_span host, mo_span method, mo_span path, uint32_t *ret)
{
    search s = {.routes = routes, .method = method, .path = path, .see = choose, .found = NONE};
    s.head = mo_span_is(method, "HEAD");
    walk_hosts(&s, host, true);
    if (s.found == NONE)
        return s.known ? MO_ROUTE_NO_METHOD : MO_ROUTE_NONE;
    *ret = s.found;
    return MO_ROUTE_FOUND;
}

/* --- the field Allow --------------------------------------------------------------------- */

static bool has_word(const search *s, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = s->allowed; (p = strstr(p, word)) != NULL; p += n)
        if ((p == s->allowed || p[-1] == ' ') && (p[n] == ',' || p[n] == '\0'))
            return true;
    return false;
}

static void allow(search *s, const char *method)
{
    size_t n = strlen(method), comma = s->len ? 2 : 0;
    if (has_word(s, method) || s->len + comma + n >= s->size)
        return;
    memcpy(s->allowed + s->len, ", ", comma);
    memcpy(s->allowed + s->len + comma, method, n + 1);
    s->len += comma + n;
}

static void gather(search *s, uint32_t first)
{
    for (uint32_t i = first; i != NONE; i = s->routes->next[i]) {
        const char *method = s->routes->routes[i].method;
        if (!method)
            continue;
        allow(s, method);
        if (strcmp(method, "GET") == 0)
            allow(s, "HEAD");
    }
}

size_t mo_route_allow(const mo_routes *routes, mo_span host, mo_span path, char *ret, size_t size)
{
    search s = {.routes = routes, .path = path, .see = gather, .found = NONE, .allowed = ret, .size = size};
    ret[0] = '\0';
    walk_hosts(&s, host, false);
    return s.len;
}
