/* pool.c - programs, and their instances lent and taken back.
 *
 *    IDLE --mote_pool_acquire--> LENT --mote_pool_release--> reset --> IDLE
 *
 * What always holds:
 *   1  an idle instance is as mo_reset_run left it, but a stale one: that was used once, and is
 *      reset when it is used again, for it may be evicted before; its store is as it was
 *      made, but for what the instance itself takes;
 *   2  pool->n = instances idle and lent, at most limits.instances;
 *   3  a program without an instance is asleep; of the artifacts of those that fell asleep first
 *      no page is mapped any more;
 *   4  an instance that cannot be reset, or whose store was given things of the host's,
 *      is freed and not lent again. */
#include "call/call.h"

#include "instance/reset.h"
#include "mote/engine.h"
#include "mote/pool.h"
#include "mote/store.h"

#include <time.h>

typedef struct mo_pooled {
    mote_program *program;
    struct mo_pooled *next, *prev; /* in the program's idle or lent list */
    struct mo_pooled *newer, *older; /* of the pool's idle ones */
    mote_store *store;
    mote_instance *instance;
    mo_reset *reset;
    size_t arena_mark;             /* of the store as it was when the instance was new */
    bool lent;
    bool stale;                    /* idle, and to be reset when it is used again */
    struct counted *counted; /* per imported function, if its calls are counted */
    uint64_t host_calls;
    uint64_t wall_ns, cpu_ns; /* at acquire; when released, what passed since */
    uint64_t memory_bytes, calls; /* of a loan that is over */
} mo_pooled;

/* A host function as the linker offered it. */
struct counted {
    mo_pooled *pooled;
    void *callback, *data;
};

enum { SPARE_STORES = 4, MOST_ASLEEP = 2048 };

struct mote_program {
    mote_pool *pool;
    mote_program *next;
    mote_pool_limits limits; /* instances: the pool's count */
    mo_artifact *artifact;
    mote_linker *linker;
    mo_pristine *pristine;
    mo_open_set *known; /* per own memory: what instances of it learned */
    uint32_t nknown;
    bool has_start, asleep;
    mo_pooled *idle, *lent;
    mote_program *later, *sooner; /* of the pool's that fell asleep */
};

struct mote_pool {
    mote_engine *engine;
    mote_pool_limits limits;
    mote_program *programs;
    uint32_t n, nlent;
    mo_pooled *newest, *oldest;      /* idle ones */
    mote_store *spare[SPARE_STORES]; /* without an instance */
    uint32_t nspare;
    mote_program *last_asleep, *first_asleep;
    uint32_t nasleep;
    int thread;
};

mote_pool_limits mote_pool_limits_default(void)
{
    return (mote_pool_limits){
        .instances = 64,
        .resident_bytes = UINT64_C(16) << 20,
        .store = mote_limits_default(),
        .fuel = INT64_MAX,
    };
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- lists ----------------------------------------------------------------- */

static void push(mo_pooled **list, mo_pooled *p)
{
    p->prev = NULL;
    p->next = *list;
    if (*list)
        (*list)->prev = p;
    *list = p;
}

static void unlink_pooled(mo_pooled **list, mo_pooled *p)
{
    if (p->prev)
        p->prev->next = p->next;
    else
        *list = p->next;
    if (p->next)
        p->next->prev = p->prev;
}

static void push_idle(mo_pooled *p)
{
    mote_pool *pool = p->program->pool;
    push(&p->program->idle, p);
    p->newer = NULL;
    p->older = pool->newest;
    if (p->older)
        p->older->newer = p;
    else
        pool->oldest = p;
    pool->newest = p;
}

static void unlink_idle(mo_pooled *p)
{
    mote_pool *pool = p->program->pool;
    unlink_pooled(&p->program->idle, p);
    *(p->newer ? &p->newer->older : &pool->newest) = p->older;
    *(p->older ? &p->older->newer : &pool->oldest) = p->newer;
}

/* --- instances ---------------------------------------------------------------- */

static void free_store(mote_pool *pool, mote_store *store)
{
    store->pooled = NULL;
    mo_timer_release(store);
    if (pool->nspare < SPARE_STORES && mo_store_renew(store, &store->limits))
        pool->spare[pool->nspare++] = store;
    else
        mote_store_free(store);
    pool->n--;
}

static mote_status take_store(mote_pool *pool, const mote_limits *limits, mote_store **ret, mote_error *err)
{
    mote_error e = {0};
    *ret = pool->nspare ? pool->spare[--pool->nspare] : NULL;
    if (*ret && mo_store_renew(*ret, limits))
        return MOTE_OK;
    mote_store_free(*ret);
    mote_status status = mote_store_new(pool->engine, limits, NULL, ret, err);
    if (status || mo_stack_narrow(&(*ret)->stack, &e))
        return status;
    mote_store_free(*ret);
    return mo_told(&e, err);
}

static void free_pooled(mo_pooled *p)
{
    p->program->pool->nlent -= p->lent;
    mo_free(p->counted);
    mo_reset_free(p->reset);
    if (p->store)
        free_store(p->program->pool, p->store);
    mo_free(p);
}

static mote_status count_call(mote_caller *caller, const struct counted *c)
{
    uint64_t limit = c->pooled->program->limits.host_calls;
    if (mo_likely(++c->pooled->host_calls <= limit))
        return MOTE_OK;
    return mote_caller_trap(caller, MOTE_TRAP_HOST, "host calls: call %" PRIu64 " wanted, limit is %" PRIu64,
                            c->pooled->host_calls, limit);
}

static mote_status call_counted_raw(mote_caller *caller, void *data, mote_raw *values)
{
    const struct counted *c = data;
    mote_raw_callback *callback;
    memcpy(&callback, &c->callback, sizeof callback);
    mote_status status = count_call(caller, c);
    return status ? status : callback(caller, c->data, values);
}

static mote_status call_counted(mote_caller *caller, void *data, const mote_value *args, mote_value *results)
{
    const struct counted *c = data;
    mote_callback *callback;
    memcpy(&callback, &c->callback, sizeof callback);
    mote_status status = count_call(caller, c);
    return status ? status : callback(caller, c->data, args, results);
}

/* A pool's imports are host functions all; the instance has copies of them. */
static bool count_host_calls(mo_pooled *p, mote_error *err)
{
    uint32_t n = mo_instance_meta(p->instance)->nimported_funcs;
    mote_raw_callback *raw = call_counted_raw;
    mote_callback *checked = call_counted;
    p->counted = mo_calloc(n, sizeof *p->counted);
    if (!p->counted)
        return mo_fail_nomem(err);
    for (uint32_t i = 0; i < n; i++) {
        mote_caller *host = &p->instance->hosts[i];
        p->counted[i] = (struct counted){p, host->callback, host->data};
        host->data = &p->counted[i];
        if (host->raw)
            memcpy(&host->callback, &raw, sizeof raw);
        else
            memcpy(&host->callback, &checked, sizeof checked);
    }
    return true;
}

static bool track(mo_pooled *p, mote_error *err)
{
    mote_program *program = p->program;
    if (!program->pristine && !(program->pristine = mo_pristine_new(p->instance)))
        return mo_fail_nomem(err);
    return mo_reset_new(p->instance, program->pristine, program->known, program->limits.resident_bytes,
                        &p->reset, err);
}

static mote_status make_pooled(mote_program *program, mo_pooled **ret, mote_error *err)
{
    mote_pool *pool = program->pool;
    mote_error e = {0};
    mo_pooled *p = mo_calloc(1, sizeof *p);
    if (!p)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    p->program = program;
    mote_status status = take_store(pool, &program->limits.store, &p->store, err);
    if (status) {
        mo_free(p);
        return status;
    }
    pool->n++;
    p->store->pooled = p;
    mo_limit_ticks(p->store, program->limits.timeout_us);
    mo_limit_cpu(p->store, program->limits.cpu_us);
    status = mo_linker_make(program->linker, p->store, (mote_artifact *)program->artifact, &p->instance, err);
    if (!status && (!track(p, &e) || (program->limits.host_calls && !count_host_calls(p, &e))))
        status = mo_told(&e, err);
    if (status) {
        free_pooled(p);
        return status;
    }
    p->arena_mark = mo_arena_mark(&p->store->arena);
    *ret = p;
    return MOTE_OK;
}

static void wake(mote_program *p)
{
    mote_pool *pool = p->pool;
    if (!p->asleep)
        return;
    *(p->later ? &p->later->sooner : &pool->last_asleep) = p->sooner;
    *(p->sooner ? &p->sooner->later : &pool->first_asleep) = p->later;
    p->asleep = false;
    pool->nasleep--;
}

/* It may be called again soon: not its own pages go, but those of who fell asleep long ago. */
static void fall_asleep(mote_program *p)
{
    mote_pool *pool = p->pool;
    if (p->idle || p->lent)
        return;
    p->later = NULL;
    p->sooner = pool->last_asleep;
    *(p->sooner ? &p->sooner->later : &pool->first_asleep) = p;
    pool->last_asleep = p;
    p->asleep = true;
    if (++pool->nasleep <= MOST_ASLEEP)
        return;
    mo_artifact_rest(pool->first_asleep->artifact);
    wake(pool->first_asleep);
}

/* Frees the idle instance that was used longest ago. */
static bool evict(mote_pool *pool)
{
    mo_pooled *p = pool->oldest;
    if (!p)
        return false;
    mote_program *program = p->program;
    unlink_idle(p);
    free_pooled(p);
    fall_asleep(program);
    return true;
}

/* --- pools and programs ---------------------------------------------------------- */

static mote_status check_limits(const mote_pool_limits *l, mote_error *err)
{
    if (l->instances == 0)
        return mo_tell(err, MOTE_LIMIT, "pool: no instances wanted, at least 1 is needed");
    if (l->instances > (UINT64_C(1) << 47) / (MO_STACK_GUARD + l->store.stack_bytes % (UINT64_C(1) << 47)))
        return mo_tell(err, MOTE_LIMIT, "pool: %" PRIu32 " instances wanted, there are no addresses for their stacks",
                       l->instances);
    if (l->fuel < 0)
        return mo_tell(err, MOTE_LIMIT, "pool: %" PRId64 " fuel wanted, 0 and up is possible", l->fuel);
    if (l->timeout_us > UINT64_C(1) << 50)
        return mo_tell(err, MOTE_LIMIT, "pool: timeout of %" PRIu64 " us wanted, limit is 2^50", l->timeout_us);
    if (l->cpu_us > UINT64_C(1) << 50)
        return mo_tell(err, MOTE_LIMIT, "pool: processor time of %" PRIu64 " us wanted, limit is 2^50", l->cpu_us);
    return MOTE_OK;
}

mote_status mote_pool_new(mote_engine *engine, const mote_pool_limits *limits, mote_pool **ret, mote_error *err)
{
    const mote_pool_limits l = limits ? *limits : mote_pool_limits_default();
    mote_status status = check_limits(&l, err);
    if (status)
        return status;
    if (!mo_thread_here.ready && !mo_thread_start())
        return mo_tell(err, MOTE_NOMEM, "thread: no memory for its signal stack");
    mote_pool *pool = mo_calloc(1, sizeof *pool);
    if (!pool)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    *pool = (mote_pool){.engine = engine, .limits = l, .thread = mo_thread_here.id};
    mote_engine_ref(engine);
    *ret = pool;
    return MOTE_OK;
}

void mote_pool_free(mote_pool *pool)
{
    if (!pool)
        return;
    while (pool->programs)
        mote_program_free(pool->programs);
    while (pool->nspare)
        mote_store_free(pool->spare[--pool->nspare]);
    mote_engine_unref(pool->engine);
    mo_free(pool);
}

mote_status mote_program_new(mote_pool *pool, mote_artifact *artifact, mote_linker *linker, mote_program **ret,
                             mote_error *err)
{
    return mote_program_new_limited(pool, artifact, linker, &pool->limits, ret, err);
}

mote_status mote_program_new_limited(mote_pool *pool, mote_artifact *artifact, mote_linker *linker,
                                     const mote_pool_limits *limits, mote_program **ret, mote_error *err)
{
    mote_pool_limits l = *limits;
    l.instances = pool->limits.instances;
    mote_status status = check_limits(&l, err);
    if (status)
        return status;
    mo_artifact *a = (mo_artifact *)artifact;
    const char *why = mo_reset_impossible(a);
    if (why)
        return mo_tell(err, MOTE_UNSUPPORTED, "pool: this module's instances cannot be reset: %s", why);
    uint32_t n = a->meta->nmemories - a->meta->nimported_memories;
    mote_program *program = mo_calloc(1, sizeof *program + n * sizeof *program->known);
    if (!program)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    *program = (mote_program){.pool = pool, .next = pool->programs, .limits = l, .artifact = a, .linker = linker,
                              .nknown = n, .known = (mo_open_set *)(program + 1), .has_start = a->meta->start != UINT32_MAX};
    mo_artifact_ref(a);
    pool->programs = program;
    mo_pooled *first;
    if (pool->n == pool->limits.instances && !evict(pool))
        status = mo_tell(err, MOTE_LIMIT, "pool: all %" PRIu32 " instances are lent", pool->limits.instances);
    if (!status)
        status = make_pooled(program, &first, err);
    if (status) {
        mote_program_free(program);
        return status;
    }
    push_idle(first);
    *ret = program;
    return MOTE_OK;
}

static void free_list(mo_pooled **list)
{
    while (*list) {
        mo_pooled *p = *list;
        *list = p->next;
        free_pooled(p);
    }
}

void mote_program_free(mote_program *program)
{
    if (!program)
        return;
    for (mote_program **link = &program->pool->programs; *link; link = &(*link)->next)
        if (*link == program) {
            *link = program->next;
            break;
        }
    while (program->idle) {
        mo_pooled *p = program->idle;
        unlink_idle(p);
        free_pooled(p);
    }
    free_list(&program->lent);
    wake(program);
    mo_pristine_free(program->pristine);
    mo_artifact_unref(program->artifact);
    mo_free(program);
}

/* --- acquire and release ------------------------------------------------------------ */

static mote_status make_room_and_instance(mote_program *program, mo_pooled **ret, mote_error *err)
{
    mote_pool *pool = program->pool;
    wake(program);
    if (pool->n == pool->limits.instances && !evict(pool))
        return mo_tell(err, MOTE_LIMIT, "pool: all %" PRIu32 " instances are lent", pool->limits.instances);
    return make_pooled(program, ret, err);
}

/* Clocks now, as differences from what p holds. */
static void read_clocks(mo_pooled *p)
{
    p->wall_ns = read_clock(CLOCK_MONOTONIC) - p->wall_ns;
    p->cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID) - p->cpu_ns;
}

static inline void start_measuring(mo_pooled *p)
{
    p->host_calls = p->wall_ns = p->cpu_ns = 0;
    if (mo_unlikely(p->program->limits.measure_time))
        read_clocks(p);
}

static inline void stop_measuring(mo_pooled *p)
{
    p->calls = mo_store_call(p->store) - p->reset->calls_before;
    p->memory_bytes = p->store->used.memory_bytes;
    if (mo_unlikely(p->program->limits.measure_time))
        read_clocks(p);
}

/* One that is as new, or NULL. */
static inline mo_pooled *take_idle(mote_program *program)
{
    mo_pooled *p = program->idle;
    if (mo_unlikely(!p))
        return NULL;
    unlink_idle(p);
    if (mo_likely(!p->stale))
        return p;
    p->stale = false;
    if (mo_reset_run(p->reset))
        return p;
    free_pooled(p);
    return NULL;
}

mote_status mote_pool_acquire(mote_program *program, mote_instance **ret, mote_error *err)
{
    mo_pooled *p = take_idle(program);
    mote_status status = MOTE_OK;
    if (mo_unlikely(!p) && (status = make_room_and_instance(program, &p, err)))
        return status;
    p->lent = true;
    program->pool->nlent++;
    push(&program->lent, p);
    p->store->run.fuel = program->limits.fuel;
    p->store->cpu_used_ns = 0;
    p->reset->calls_before = mo_store_call(p->store);
    start_measuring(p);
    if (mo_unlikely(program->has_start) && (status = mo_instance_start(p->instance, err))) {
        mote_pool_release(p->instance, NULL);
        return status;
    }
    *ret = p->instance;
    return MOTE_OK;
}

/* Has the embedder put things into the store that its reset knows nothing of? */
static bool has_guests_of_its_own(const mo_pooled *p)
{
    const mote_store *s = p->store;
    return mo_arena_mark(&s->arena) != p->arena_mark || s->instances != p->instance || p->instance->next ||
           s->finalizers || s->tables || s->globals;
}

static void reset_store(mote_store *store)
{
    if (store->exceptions.map)
        mo_exceptions_release(&store->exceptions);
    mo_stack_wipe(&store->stack);
    mote_store_clear(store);
    store->data = NULL;
    store->wasi = NULL;
    store->limited = false;
    store->run.handler = NULL;
    store->run.exception = NULL;
    store->run.host_frame = NULL;
}

mote_status mote_pool_release(mote_instance *instance, mote_error *err)
{
    uint64_t pages;
    return mo_pool_release(instance, &pages, err);
}

bool mo_program_is_warm(const mote_program *program) { return program->idle; }

void mo_pool_count(const mote_pool *pool, uint32_t *retlent, uint32_t *retidle)
{
    *retlent = pool->nlent;
    *retidle = pool->n - pool->nlent;
}

mote_status mo_pool_release(mote_instance *instance, uint64_t *retpages, mote_error *err)
{
    mo_pooled *p = instance->store->pooled;
    *retpages = 0;
    if (!p || !p->lent || p->instance != instance)
        return mo_tell(err, MOTE_MISUSE, "pool: this instance is not lent");
    if (p->program->pool->thread != mo_thread_here.id)
        return mo_tell(err, MOTE_MISUSE, "pool: it is another thread's");
    if (mo_store_runs(p->store))
        return mo_tell(err, MOTE_MISUSE, "pool: a call runs in this instance");
    mote_program *program = p->program;
    stop_measuring(p);
    unlink_pooled(&program->lent, p);
    p->lent = false;
    program->pool->nlent--;
    p->stale = mo_unlikely(mo_reset_may_wait(p->reset));
    if (mo_unlikely(has_guests_of_its_own(p) || (!p->stale && !mo_reset_run(p->reset)))) {
        free_pooled(p);
        return MOTE_OK;
    }
    if (mo_unlikely(p->reset->learned))
        mo_reset_teach(p->reset, program->known);
    reset_store(p->store);
    *retpages = p->stale ? 0 : p->reset->pages_now;
    push_idle(p);
    return MOTE_OK;
}

/* --- usage ----------------------------------------------------------------------------- */

static const mo_pooled *pooled_of(const mote_instance *instance)
{
    const mo_pooled *p = instance->store->pooled;
    return p && p->instance == instance ? p : NULL;
}

static mote_usage usage_of_pooled(mo_pooled now)
{
    if (now.lent)
        stop_measuring(&now);
    return (mote_usage){
        .calls = (now.calls + 1) / 2,
        .memory_bytes = now.memory_bytes,
        .pages_copied = now.reset->pages_now,
        .host_calls = now.host_calls,
        .wall_ns = now.wall_ns,
        .cpu_ns = now.cpu_ns,
    };
}

mote_status mote_instance_usage(const mote_instance *instance, mote_usage *ret, mote_error *err)
{
    const mo_pooled *p = pooled_of(instance);
    const mo_reset *kept = instance->kept;
    if (!p && !kept)
        return mo_tell(err, MOTE_MISUSE, "usage: this instance is neither a pool's nor kept");
    *ret = p ? usage_of_pooled(*p) : (mote_usage){
        .calls = (mo_store_call(instance->store) - kept->calls_before + 1) / 2,
        .memory_bytes = instance->store->used.memory_bytes,
        .pages_copied = kept->pages_now,
    };
    return MOTE_OK;
}

/* --- one instance ------------------------------------------------------------------------ */

mote_status mote_instance_keep(mote_instance *instance, mote_error *err)
{
    mote_error e = {0};
    const char *why = mo_reset_impossible(instance->artifact);
    if (pooled_of(instance) || instance->kept)
        return mo_tell(err, MOTE_MISUSE, "keep: this instance is a pool's, or kept already");
    if (why)
        return mo_tell(err, MOTE_UNSUPPORTED, "keep: this instance cannot be reset: %s", why);
    mo_pristine *pristine = mo_pristine_new(instance);
    if (!pristine)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    if (!mo_reset_new(instance, pristine, NULL, mote_pool_limits_default().resident_bytes, &instance->kept, &e)) {
        mo_pristine_free(pristine);
        return mo_told(&e, err);
    }
    instance->kept->owns_pristine = true;
    instance->kept->calls_before = mo_store_call(instance->store);
    return MOTE_OK;
}

mote_status mote_instance_reset(mote_instance *instance, mote_error *err)
{
    if (!instance->kept)
        return mo_tell(err, MOTE_MISUSE, "reset: this instance was not kept");
    if (mo_store_runs(instance->store))
        return mo_tell(err, MOTE_MISUSE, "reset: a call runs in this instance");
    if (!mo_reset_run(instance->kept))
        return mo_tell(err, MOTE_NOMEM, "reset: the system refused");
    instance->kept->learned = false;
    instance->kept->calls_before = mo_store_call(instance->store);
    return MOTE_OK;
}
