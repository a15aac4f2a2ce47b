/* sanitize.h - what the sanitizers have to be told of stack switches. */
#ifndef MO_CALL_SANITIZE_H
#define MO_CALL_SANITIZE_H

#include "instance/store.h"

#if defined(__SANITIZE_ADDRESS__)
#define MO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MO_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define MO_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MO_TSAN 1
#endif
#endif

/* Do the functions below do anything? Then no call may go without them. */
#if defined(MO_ASAN) || defined(MO_TSAN)
#define MO_STACK_ANNOUNCED 1
#else
#define MO_STACK_ANNOUNCED 0
#endif

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
#else
static inline void mo_sanitize_enter(mote_store *store, mo_switch *s) { (void)store, (void)s; }
static inline void mo_sanitize_leave(mote_store *store, mo_switch *s, bool failed)
{
    (void)store, (void)s, (void)failed;
}
#endif
#ifndef MO_TSAN
static inline void mo_sanitize_release(mote_store *store) { (void)store; }
#endif

#endif
