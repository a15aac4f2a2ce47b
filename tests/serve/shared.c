/* What workers count: limits that hold over all of them and over their deaths, totals that never
 * go backwards over deaths and reloads, little memory for functions that nobody calls. */
#include "base/test.h"
#include "serve/record/shared_map.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static mo_app app_of(uint32_t nfunctions, uint32_t ntenants, mo_app_share of_function, mo_app_share of_tenant)
{
    mo_app app = {.nfunctions = nfunctions, .ntenants = ntenants};
    app.functions = calloc(nfunctions, sizeof *app.functions);
    app.tenants = calloc(ntenants, sizeof *app.tenants);
    for (uint32_t i = 0; i < ntenants; i++) {
        char *name = malloc(16);
        snprintf(name, 16, "t%u", i);
        app.tenants[i] = (mo_app_tenant){.name = name, .share = of_tenant};
    }
    for (uint32_t i = 0; i < nfunctions; i++) {
        char *name = malloc(16);
        snprintf(name, 16, "f%u", i);
        app.functions[i] = (mo_app_function){.name = name, .tenant = i % ntenants, .share = of_function};
    }
    return app;
}

static void release(mo_app *app)
{
    for (uint32_t i = 0; i < app->nfunctions; i++) free((void *)(uintptr_t)app->functions[i].name);
    for (uint32_t i = 0; i < app->ntenants; i++) free((void *)(uintptr_t)app->tenants[i].name);
    free(app->functions);
    free(app->tenants);
}

/* A generation of a server that had none before. */
static mo_shared *shared_new(const mo_app *app, uint32_t nworkers)
{
    mo_counts *all = mo_counts_new(NULL);
    return all ? mo_shared_new(all, app, 0, nworkers, NULL) : NULL;
}

static void shared_free(mo_shared *s)
{
    mo_counts *all = s->all;
    mo_shared_free(s);
    mo_counts_free(all);
}

static const mo_app_share any = {MO_NO_SHARE, MO_NO_SHARE};
#define SHARE(requests, queue) ((mo_app_share){requests, queue})

/* What mo_shared_each() tells of one name; NULL, NULL: of all together. */
typedef struct wanted {
    const char *tenant, *function;
    mo_totals sum;
    unsigned lines;
} wanted;

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static void add_up(void *data, const mo_totals *t)
{
    wanted *w = data;
    if (w->tenant && (!same(w->tenant, t->tenant) || !same(w->function, t->function))) return;
    w->lines++;
    for (size_t i = 0; i < 5; i++) w->sum.classes[i] += t->classes[i];
    for (size_t i = 0; i < MO_SHARED_BUCKETS; i++) w->sum.buckets[i] += t->buckets[i];
    w->sum.running += t->running;
    w->sum.queued += t->queued;
    w->sum.truncated += t->truncated;
    w->sum.wall_ns += t->wall_ns;
    w->sum.hits[MO_HIT_WALL] += t->hits[MO_HIT_WALL];
    w->sum.quarantined += t->quarantined;
}

static mo_totals sum(const mo_shared *s, const char *tenant, const char *function)
{
    wanted w = {.tenant = tenant, .function = function};
    expect(mo_shared_each(s, add_up, &w));
    return w.sum;
}

static uint64_t total(const mo_shared *s) { return sum(s, NULL, NULL).classes[0]; }
static void count(mo_shared *s, uint32_t worker, uint32_t function)
{
    mo_shared_count(s, worker, &(mo_tally){.function = function, .status = 200, .wall_ns = 70000, .start = MO_START_WARM});
}

TEST(a_share_holds_over_all_workers)
{
    mo_app app = app_of(3, 1, SHARE(3, 1), SHARE(5, 2));
    mo_shared *s = shared_new(&app, 4);
    require(s);
    expect(mo_shared_enter(s, 0, 0) && mo_shared_enter(s, 1, 0) && mo_shared_enter(s, 2, 0));
    expect(!mo_shared_enter(s, 3, 0) && !mo_shared_enter(s, 0, 0));
    expect(mo_shared_enter(s, 3, 1) && mo_shared_enter(s, 0, 2)); /* the tenant has five now */
    expect(!mo_shared_enter(s, 0, 2) && !mo_shared_enter(s, 1, 1));
    expect_u64(mo_shared_running(s, 1, 0), 1);
    expect_u64(mo_shared_running(s, 3, 0), 0);
    mo_shared_leave(s, 1, 0);
    expect(mo_shared_enter(s, 2, 1) && !mo_shared_enter(s, 2, 0));
    expect(mo_shared_queue(s, 0, 0) && !mo_shared_queue(s, 1, 0) && mo_shared_queue(s, 1, 1) && !mo_shared_queue(s, 1, 2));
    expect_u64(sum(s, "t0", "f0").running, 2);
    expect_u64(sum(s, NULL, NULL).running, 5);
    expect_u64(sum(s, NULL, NULL).queued, 2);
    mo_shared_bury(s, 2);
    expect_u64(sum(s, "t0", "f0").running, 1);
    expect_u64(sum(s, NULL, NULL).running, 3);
    expect(mo_shared_enter(s, 0, 0) && mo_shared_enter(s, 0, 0) && !mo_shared_enter(s, 0, 0));
    mo_shared_dequeue(s, 0, 0);
    expect(mo_shared_queue(s, 3, 0));
    shared_free(s);
    release(&app);
}

TEST(a_share_of_none_refuses_all_and_no_share_none)
{
    mo_app app = app_of(2, 2, SHARE(0, 0), any);
    app.functions[1].share = any;
    mo_shared *s = shared_new(&app, 1);
    require(s);
    expect(!mo_shared_enter(s, 0, 0) && !mo_shared_queue(s, 0, 0));
    for (int i = 0; i < 5000; i++) expect(mo_shared_enter(s, 0, 1) && mo_shared_queue(s, 0, 1));
    expect_u64(sum(s, "t1", "f1").running, 5000);
    shared_free(s);
    release(&app);
}

static bool rings(const mo_shared *s, uint32_t worker)
{
    struct pollfd p = {.fd = mo_shared_bell(s, worker), .events = POLLIN};
    uint64_t n;
    return poll(&p, 1, 0) == 1 && read(p.fd, &n, sizeof n) == sizeof n;
}

TEST(who_waits_hears_of_what_others_left)
{
    mo_app app = app_of(3, 1, SHARE(1, 9), any);
    mo_shared *s = shared_new(&app, 3);
    require(s);
    expect(mo_shared_enter(s, 0, 0) && mo_shared_enter(s, 0, 1) && !mo_shared_enter(s, 1, 0));
    expect(mo_shared_queue(s, 1, 0) && !mo_shared_enter(s, 1, 0) && !rings(s, 1));
    mo_shared_leave(s, 0, 1); /* nobody waits for that */
    expect(!rings(s, 1));
    mo_shared_leave(s, 0, 0);
    expect(rings(s, 1) && !rings(s, 1) && !rings(s, 2) && !rings(s, 0));
    expect(mo_shared_enter(s, 1, 0));
    mo_shared_dequeue(s, 1, 0);
    mo_shared_bury(s, 1);
    expect(rings(s, 0) && rings(s, 2));
    shared_free(s);
    release(&app);
}

/* A tenant with a share: who waits for another function of it may go on. */
TEST(who_waits_for_its_tenant_hears_too)
{
    mo_app app = app_of(2, 1, SHARE(9, 9), SHARE(1, 9));
    mo_shared *s = shared_new(&app, 2);
    require(s);
    expect(mo_shared_enter(s, 0, 0) && !mo_shared_enter(s, 1, 1) && mo_shared_queue(s, 1, 1));
    mo_shared_leave(s, 0, 0);
    expect(rings(s, 1));
    shared_free(s);
    release(&app);
}

/* --- many processes ------------------------------------------------------------------- */

typedef struct arena {
    _Atomic int inside[2]; /* of each function; those who died inside are taken off by the test */
    _Atomic int most[2], both;
    _Atomic uint64_t done, refused;
    _Atomic int holds[8]; /* of a worker: 1 + function, while it is inside */
} arena;

static void see_most(arena *a, int f)
{
    int now = atomic_fetch_add(&a->inside[f], 1) + 1, most = atomic_load(&a->most[f]);
    while (now > most && !atomic_compare_exchange_weak(&a->most[f], &most, now)) {}
    int sum = atomic_fetch_add(&a->both, 1) + 1;
    if (sum > 3) atomic_store(&a->most[f], 100);
}

static void work(mo_shared *s, arena *a, uint32_t me, int turns)
{
    for (int i = 0; turns < 0 || i < turns; i++) {
        uint32_t f = (uint32_t)(i + (int)me) % 2;
        if (!mo_shared_enter(s, me, f)) {
            atomic_fetch_add(&a->refused, 1);
            if (i % 64 == 0) sched_yield();
            continue;
        }
        see_most(a, (int)f);
        for (volatile int k = 0; k < 50; k++) {}
        atomic_fetch_sub(&a->both, 1);
        atomic_fetch_sub(&a->inside[f], 1);
        mo_shared_leave(s, me, f);
        count(s, me, f);
        atomic_fetch_add(&a->done, 1);
    }
}

TEST(limits_are_exact_between_processes)
{
    enum { WORKERS = 4, TURNS = 30000 };
    mo_app app = app_of(2, 1, SHARE(2, 0), SHARE(3, 0));
    mo_shared *s = shared_new(&app, WORKERS);
    arena *a = mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(s && a != MAP_FAILED);
    for (uint32_t i = 0; i < WORKERS; i++)
        if (fork() == 0) {
            work(s, a, i, TURNS);
            _exit(0);
        }
    for (int i = 0, status; i < WORKERS; i++) expect(wait(&status) > 0 && status == 0);
    expect(atomic_load(&a->most[0]) <= 2 && atomic_load(&a->most[1]) <= 2);
    expect(atomic_load(&a->done) > 0);
    expect_u64(total(s), atomic_load(&a->done));
    expect_u64(sum(s, NULL, NULL).running, 0);
    munmap(a, sizeof *a);
    shared_free(s);
    release(&app);
}

/* Killed wherever they are, again and again: what they held comes back, no more and no less. */
TEST(the_dead_give_back_what_they_held)
{
    enum { DEATHS = 150 };
    mo_app app = app_of(2, 1, SHARE(2, 0), SHARE(3, 0));
    mo_shared *s = shared_new(&app, 3);
    arena *a = mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t before = 0;
    require(s && a != MAP_FAILED);
    for (int i = 0; i < DEATHS; i++) {
        pid_t pids[2];
        for (uint32_t k = 0; k < 2; k++)
            if ((pids[k] = fork()) == 0) {
                for (;;) {
                    uint32_t f = (uint32_t)i % 2;
                    if (mo_shared_enter(s, k, f)) mo_shared_leave(s, k, f);
                    if (mo_shared_queue(s, k, f)) mo_shared_dequeue(s, k, f);
                    count(s, k, f);
                }
            }
        usleep((useconds_t)(500 + i * 37 % 1500));
        for (int k = 0; k < 2; k++) {
            kill(pids[k], SIGKILL);
            waitpid(pids[k], NULL, 0);
            mo_shared_bury(s, (uint32_t)k);
        }
        expect_u64(sum(s, NULL, NULL).running, 0);
        expect(total(s) >= before);
        before = total(s);
        expect(mo_shared_enter(s, 2, 0) && mo_shared_enter(s, 2, 0) && !mo_shared_enter(s, 2, 0) && mo_shared_enter(s, 2, 1) &&
               !mo_shared_enter(s, 2, 1));
        mo_shared_bury(s, 2);
    }
    munmap(a, sizeof *a);
    shared_free(s);
    release(&app);
}

/* --- counts ---------------------------------------------------------------------------- */

TEST(what_was_counted_is_told)
{
    mo_app app = app_of(2, 1, any, any);
    mo_shared *s = shared_new(&app, 2);
    require(s);
    mo_shared_count(s, 0, &(mo_tally){.function = 0, .status = 204, .wall_ns = 50000, .start = MO_START_COLD});
    mo_shared_count(s, 1, &(mo_tally){.function = 0, .status = 404, .wall_ns = 50001});
    mo_shared_count(s, 1, &(mo_tally){.function = 0, .status = 0, .truncated = true, .wall_ns = UINT64_C(99) << 32});
    mo_shared_count(s, 1, &(mo_tally){.function = MO_SHARED_NO_FUNCTION, .status = 404});
    mo_shared_hit(s, 1, 0, MO_HIT_WALL);
    mo_totals t = sum(s, "t0", "f0");
    expect(t.classes[0] == 1 && t.classes[2] == 1 && t.classes[4] == 1 && t.truncated == 1 && t.hits[MO_HIT_WALL] == 1);
    expect(t.buckets[0] == 1 && t.buckets[1] == 1 && t.buckets[MO_SHARED_BUCKETS - 1] == 1);
    expect_u64(sum(s, NULL, NULL).classes[2], 2);
    wanted unused = {.tenant = "t0", .function = "f1"};
    expect(mo_shared_each(s, add_up, &unused) && unused.lines == 0);
    mo_shared_add(s, 0, MO_VALUE_ACCEPTED, 2);
    mo_shared_add(s, 1, MO_VALUE_ACCEPTED, 3);
    mo_shared_set(s, 1, MO_VALUE_CONNECTIONS, 7);
    expect(mo_shared_sum(s, MO_VALUE_ACCEPTED) == 5 && mo_shared_sum(s, MO_VALUE_CONNECTIONS) == 7);
    mo_shared_bury(s, 1);
    expect(mo_shared_sum(s, MO_VALUE_ACCEPTED) == 5 && mo_shared_sum(s, MO_VALUE_CONNECTIONS) == 0);
    mo_shared_set_quarantined(s, 1, true);
    expect_u64(sum(s, NULL, NULL).quarantined, 1);
    expect(mo_shared_is_quarantined(s, 1) && !mo_shared_is_quarantined(s, 0));
    shared_free(s);
    release(&app);
}

TEST(names_are_bounded_and_the_sum_is_not)
{
    mo_app app = app_of(5000, 300, any, any);
    mo_shared *s = shared_new(&app, 2);
    require(s);
    for (uint32_t i = 0; i < 5000; i++) count(s, i % 2, i);
    wanted w = {.tenant = NULL};
    expect(mo_shared_each(s, add_up, &w) && w.lines <= 2 * MO_SHARED_NAMES + 2 && w.lines > MO_SHARED_NAMES);
    expect_u64(w.sum.classes[0], 5000);
    expect(sum(s, "t99", NULL).classes[0] > 0 && sum(s, "t100", NULL).classes[0] == 0);
    expect(sum(s, "t99", "f99").classes[0] == 1 && sum(s, "t100", "f100").classes[0] == 0);
    shared_free(s);
    release(&app);
}

/* --- reloads ------------------------------------------------------------------------------ */

TEST(a_reload_goes_on_with_the_totals)
{
    mo_app one = app_of(3, 1, SHARE(2, 0), any), two = app_of(2, 1, SHARE(2, 0), any), three = app_of(4, 2, SHARE(2, 0), any);
    mo_counts *all = mo_counts_new(NULL);
    mo_shared *a = mo_shared_new(all, &one, 0, 2, NULL);
    require(a);
    for (uint32_t i = 0; i < 3; i++) count(a, 0, i);
    mo_shared_add(a, MO_SHARED_SELF, MO_VALUE_RESTARTS, 3);
    expect(mo_shared_enter(a, 0, 0));
    mo_shared *b = mo_shared_new(all, &two, 1, 4, NULL); /* f2 is gone */
    require(b);
    expect_u64(total(b), 3);
    expect(mo_shared_enter(b, 2, 0) && !mo_shared_enter(b, 2, 0) && !mo_shared_enter(a, 0, 0)); /* limits hold over both */
    count(b, 2, 0);
    count(a, 0, 2); /* the old one's last requests */
    expect_u64(total(b), 5);
    expect_u64(sum(b, "t0", "f0").classes[0], 2);
    expect_u64(sum(b, "t0", NULL).classes[0], 2); /* f2's */
    mo_shared_free(a);
    mo_counts_drop(all, 0); /* without having buried its workers */
    expect_u64(total(b), 5);
    expect_u64(sum(b, "t0", NULL).classes[0], 2);
    expect_u64(sum(b, NULL, NULL).running, 1);
    expect(mo_shared_enter(b, 0, 0));
    mo_shared *c = mo_shared_new(all, &three, 0, 2, NULL); /* f2 is back, as a new function */
    require(c);
    mo_shared_free(b);
    mo_counts_drop(all, 1);
    expect_u64(total(c), 5);
    expect_u64(sum(c, "t0", "f2").classes[0], 0);
    expect_u64(mo_shared_sum(c, MO_VALUE_RESTARTS), 3);
    mo_shared_free(c);
    mo_counts_drop(all, 0);
    expect_u64(atomic_load(&all->header.nnamed[0]) + atomic_load(&all->header.nnamed[1]), 0);
    mo_counts_free(all);
    release(&one);
    release(&two);
    release(&three);
}

/* Deployments whose names change each time: rows and areas are given back, totals stay. */
TEST(many_reloads_with_other_names)
{
    enum { N = 3000 };
    static mo_app apps[N];
    mo_counts *all = mo_counts_new(NULL);
    mo_shared *s = NULL;
    for (uint32_t i = 0; i < N; i++) {
        apps[i] = app_of(2, 1, any, any);
        snprintf((char *)(uintptr_t)apps[i].functions[0].name, 16, "v%u", i);
        mo_shared *next = mo_shared_new(all, &apps[i], i % 3, 2, NULL);
        require(next);
        mo_shared_free(s);
        if (i) mo_counts_drop(all, (i - 1) % 3);
        s = next;
        count(s, 0, 0);
        if (i % 100 == 0) expect_u64(total(s), i + 1);
    }
    expect_u64(total(s), N);
    expect_u64(sum(s, "t0", "v2999").classes[0], 1);
    expect(atomic_load(&all->header.nrows) < 16 && atomic_load(&all->header.nareas) < 16);
    shared_free(s);
    for (int i = 0; i < N; i++) release(&apps[i]);
}

TEST(more_than_there_is_room_for_is_refused)
{
    mo_app app = app_of(MO_SHARED_ROWS, 1, any, any), few = app_of(1, 1, any, any);
    mote_error err = {0};
    mo_counts *all = mo_counts_new(NULL);
    expect(!mo_shared_new(all, &app, 0, 1, &err) && err.status == MOTE_LIMIT);
    mo_counts_drop(all, 0);
    mo_error_clear(&err);
    expect(!mo_shared_new(all, &few, 1, MO_SHARED_AREAS, &err) && err.status == MOTE_LIMIT);
    mo_counts_drop(all, 1);
    mo_shared *s = mo_shared_new(all, &few, 2, 100, &err);
    expect(s && mo_shared_enter(s, 99, 0));
    mo_shared_free(s);
    mo_counts_free(all);
    release(&app);
    release(&few);
}

/* Over and over, while others read: the sum never goes back. */
TEST(readers_see_no_step_back_while_rows_move)
{
    enum { TURNS = 400 };
    mo_app one = app_of(40, 4, any, any), two = app_of(1, 1, any, any);
    mo_counts *all = mo_counts_new(NULL);
    mo_shared *reader = mo_shared_new(all, &two, 3, 1, NULL);
    require(reader);
    pid_t pid = fork();
    if (pid == 0) {
        for (uint32_t i = 0; i < TURNS; i++) {
            mo_shared *s = mo_shared_new(all, &one, i % 2, 1, NULL);
            for (uint32_t f = 0; f < 40; f++) count(s, 0, f);
            mo_shared_free(s);
            mo_counts_drop(all, i % 2);
        }
        _exit(0);
    }
    uint64_t before = 0, now = 0;
    bool good = true;
    for (int status = 1; waitpid(pid, &status, WNOHANG) == 0; before = now) good &= (now = total(reader)) >= before;
    expect(good);
    expect_u64(total(reader), TURNS * 40);
    shared_free(reader);
    release(&one);
    release(&two);
}

/* --- memory ------------------------------------------------------------------------------- */

static uint64_t resident(void)
{
    unsigned long long size, pages;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%llu %llu", &size, &pages) != 2) pages = 0;
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

TEST(functions_take_little_memory)
{
    enum { N = 10000 };
    mo_app app = app_of(N, 50, SHARE(256, 1024), any);
    uint64_t before = resident();
    mo_shared *s = shared_new(&app, 2);
    require(s);
    expect(mo_shared_each(s, add_up, &(wanted){.tenant = NULL}));
    uint64_t idle = resident();
    for (uint32_t i = 0; i < N; i++) {
        expect(mo_shared_enter(s, i % 2, i));
        mo_shared_leave(s, i % 2, i);
        count(s, 0, i);
        count(s, 1, i);
    }
    expect(mo_shared_each(s, add_up, &(wanted){.tenant = NULL}));
    uint64_t called = resident();
    printf("bytes a function: %llu not called, %llu called in both workers\n", (unsigned long long)(idle - before) / N,
           (unsigned long long)(called - before) / N);
#if !defined(__SANITIZE_ADDRESS__)
    expect(idle - before < N * 512 && called - before < N * 1500);
#endif
    shared_free(s);
    release(&app);
}
