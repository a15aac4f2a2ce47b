/* sanitize.h - what the sanitizers have to be told of stack switches. */
#ifndef MO_CALL_SANITIZE_H
#define MO_CALL_SANITIZE_H

#include "base/sanitize.h"
#include "instance/store.h"

/* Do the functions below do anything? Then no call may go without them. */
#if defined(MO_ASAN) || defined(MO_TSAN)
#define MO_STACK_ANNOUNCED 1
#else
#define MO_STACK_ANNOUNCED 0
#endif

/* Of a fiber, or unused. */
typedef struct mo_fiber_facts {
    const void *low, *host_low;
    size_t size, host_size;
    void *own, *host; /* the sanitizer's names */
} mo_fiber_facts;

/* Kept in the activation's C frame, from the way in to the way out. */
typedef struct mo_switch {
    void *host;               /* the sanitizer's name for what was left */
    const mote_store *outer;  /* whose stack was left, or NULL: the thread's own */
    const void *old_bottom;   /* the one that outer's activation had left */
    size_t old_size;
} mo_switch;

#ifdef MO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static inline size_t mo_sanitize_size(const mote_store *store)
{
    return (size_t)(store->stack.top - store->stack.low);
}

/* From a guest's stack, which a switch is in progress to, back to the thread's own. */
static inline void mo_sanitize_back(const void **retbottom, size_t *retsize)
{
    __sanitizer_finish_switch_fiber(NULL, retbottom, retsize);
    __sanitizer_start_switch_fiber(NULL, *retbottom, *retsize);
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
}

/* The switch to the guest's stack stays "in progress" until the way back: the
 * sanitizer accepts both stacks meanwhile, and makes no fake frames: host functions run on
 * the thread's own. Only one can be in progress: that to outer's is ended here and begun
 * again on the way back. */
static inline void mo_sanitize_enter(mote_store *store, mo_switch *s)
{
    if (s->outer)
        mo_sanitize_back(&s->old_bottom, &s->old_size);
    __sanitizer_start_switch_fiber(&s->host, store->stack.low, mo_sanitize_size(store));
}
static inline void mo_sanitize_leave(mote_store *store, mo_switch *s, bool failed)
{
    const void *bottom;
    size_t size;
    (void)store, (void)failed;
    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    __sanitizer_start_switch_fiber(NULL, bottom, size);
    __sanitizer_finish_switch_fiber(s->host, NULL, NULL);
    if (s->outer)
        __sanitizer_start_switch_fiber(NULL, s->outer->stack.low, mo_sanitize_size(s->outer));
}
/* A host function of a guest on that stack leaves the thread's own, and comes back. */
static inline void mo_sanitize_pause(void)
{
    const void *bottom;
    size_t size;
    mo_sanitize_back(&bottom, &size);
}
static inline void mo_sanitize_unpause(const mote_store *store)
{
    __sanitizer_start_switch_fiber(NULL, store->stack.low, mo_sanitize_size(store));
}

/* Nothing is on that part of a stack. */
static inline void mo_sanitize_clean(const void *at, size_t size) { __asan_unpoison_memory_region(at, size); }

static inline void mo_sanitize_fiber_new(mo_fiber_facts *f, const void *low, size_t size)
{
    *f = (mo_fiber_facts){.low = low, .size = size};
}
static inline void mo_sanitize_fiber_free(mo_fiber_facts *f) { __asan_unpoison_memory_region(f->low, f->size); }
static inline void mo_sanitize_fiber_enter(mo_fiber_facts *f) { __sanitizer_start_switch_fiber(&f->host, f->low, f->size); }
static inline void mo_sanitize_fiber_entered(mo_fiber_facts *f)
{
    __sanitizer_finish_switch_fiber(f->own, &f->host_low, &f->host_size);
}
static inline void mo_sanitize_fiber_leave(mo_fiber_facts *f)
{
    __sanitizer_start_switch_fiber(&f->own, f->host_low, f->host_size);
}
static inline void mo_sanitize_fiber_left(mo_fiber_facts *f) { __sanitizer_finish_switch_fiber(f->host, NULL, NULL); }
#elif defined(MO_TSAN)
#include <sanitizer/tsan_interface.h>

static inline void mo_sanitize_enter(mote_store *store, mo_switch *s)
{
    s->host = __tsan_get_current_fiber();
    if (!store->fiber)
        store->fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(store->fiber, 0);
}
static inline void mo_sanitize_leave(mote_store *store, mo_switch *s, bool failed)
{
    __tsan_switch_to_fiber(s->host, 0);
    if (failed && !mo_store_runs(store)) { /* it believes that the abandoned functions still run */
        __tsan_destroy_fiber(store->fiber);
        store->fiber = NULL;
    }
}
static inline void mo_sanitize_release(mote_store *store)
{
    if (store->fiber)
        __tsan_destroy_fiber(store->fiber);
}

/* It may be parked in a guest's call: then what it leaves is that guest's stack. */
static inline void mo_sanitize_fiber_new(mo_fiber_facts *f, const void *low, size_t size)
{
    *f = (mo_fiber_facts){.low = low, .size = size, .own = __tsan_create_fiber(0)};
}
static inline void mo_sanitize_fiber_free(mo_fiber_facts *f) { __tsan_destroy_fiber(f->own); }
static inline void mo_sanitize_fiber_enter(mo_fiber_facts *f)
{
    f->host = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->own, 0);
}
static inline void mo_sanitize_fiber_entered(mo_fiber_facts *f) { (void)f; }
static inline void mo_sanitize_fiber_leave(mo_fiber_facts *f)
{
    f->own = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->host, 0);
}
static inline void mo_sanitize_fiber_left(mo_fiber_facts *f) { (void)f; }
#else
static inline void mo_sanitize_enter(mote_store *store, mo_switch *s) { (void)store, (void)s; }
static inline void mo_sanitize_leave(mote_store *store, mo_switch *s, bool failed)
{
    (void)store, (void)s, (void)failed;
}
#endif
#ifndef MO_ASAN
static inline void mo_sanitize_clean(const void *at, size_t size) { (void)at, (void)size; }
static inline void mo_sanitize_pause(void) {}
static inline void mo_sanitize_unpause(const mote_store *store) { (void)store; }
#endif
#if !MO_STACK_ANNOUNCED
static inline void mo_sanitize_fiber_new(mo_fiber_facts *f, const void *low, size_t size)
{
    *f = (mo_fiber_facts){.low = low, .size = size};
}
static inline void mo_sanitize_fiber_free(mo_fiber_facts *f) { (void)f; }
static inline void mo_sanitize_fiber_enter(mo_fiber_facts *f) { (void)f; }
static inline void mo_sanitize_fiber_entered(mo_fiber_facts *f) { (void)f; }
static inline void mo_sanitize_fiber_leave(mo_fiber_facts *f) { (void)f; }
static inline void mo_sanitize_fiber_left(mo_fiber_facts *f) { (void)f; }
#endif
#ifndef MO_TSAN
static inline void mo_sanitize_release(mote_store *store) { (void)store; }
#endif

#endif
