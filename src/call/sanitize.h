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

#ifdef MO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* The switch to the guest's stack stays "in progress" until the way back: the
 * sanitizer accepts both stacks meanwhile, and makes no fake frames there. */
static inline void mo_sanitize_enter(mote_store *store, void **ret)
{
    size_t usable = (size_t)(store->stack.top - store->stack.low);
    __sanitizer_start_switch_fiber(ret, store->stack.low, usable);
}
static inline void mo_sanitize_leave(mote_store *store, void *host, bool failed)
{
    const void *bottom;
    size_t size;
    if (failed) /* abandoned frames leave their red zones behind */
        __asan_unpoison_memory_region(store->stack.low, (size_t)(store->stack.top - store->stack.low));
    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    __sanitizer_start_switch_fiber(NULL, bottom, size);
    __sanitizer_finish_switch_fiber(host, NULL, NULL);
}
#elif defined(MO_TSAN)
#include <sanitizer/tsan_interface.h>

static inline void mo_sanitize_enter(mote_store *store, void **ret)
{
    *ret = __tsan_get_current_fiber();
    if (!store->fiber)
        store->fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(store->fiber, 0);
}
static inline void mo_sanitize_leave(mote_store *store, void *host, bool failed)
{
    __tsan_switch_to_fiber(host, 0);
    if (failed) { /* it believes that the abandoned functions still run */
        __tsan_destroy_fiber(store->fiber);
        store->fiber = NULL;
    }
}
#else
static inline void mo_sanitize_enter(mote_store *store, void **ret) { (void)store, (void)ret; }
static inline void mo_sanitize_leave(mote_store *store, void *host, bool failed)
{
    (void)store, (void)host, (void)failed;
}
#endif

#endif
