/* stack.h - guest stacks. Guest code runs on a stack of its store's own, nothing else does:
 *
 *   base          low            open            top
 *    +-------------+--------------+---------------+----------+
 *    | guard: none | none for now | guest frames  | the host's
 *    +-------------+--------------+---------------+----------+
 *                                        page ----|--
 *
 * Above it lies what the host keeps with it, the store: what is often used of it shares the
 * first frames' page, so that a stack and its store are one mapping and mostly one page.
 * Guest code touches every page of its frames, so it meets the guard. A stack that is to be
 * wiped after each use is narrow at first, a page: below `open` a fault opens what is
 * needed, for good. Other stacks are open down to low.
 * The kernel never writes to a guest stack, so a page that is not open cannot surprise it. */
#ifndef MO_INSTANCE_STACK_H
#define MO_INSTANCE_STACK_H

#include "code/abi.h"

typedef struct mo_stack {
    uint8_t *base;
    size_t len;
    uint8_t *low, *open, *top;
} mo_stack;

#define MO_STACK_GUARD ((size_t)1 << 20)

/* With `above` zero bytes from top on, of which the first `shared`, less than a page, lie in
 * the page of the first frames. top is aligned for any type. */
bool mo_stack_map(uint64_t guest_bytes, size_t above, size_t shared, mo_stack *ret, mote_error *err);
void mo_stack_unmap(mo_stack *stack);
static inline bool mo_stack_has(const mo_stack *stack, const void *p)
{
    return (const uint8_t *)p >= stack->low && (const uint8_t *)p < stack->top;
}

/* May it be read? */
static inline bool mo_stack_is_open(const mo_stack *stack, const void *p)
{
    return mo_stack_has(stack, p) && (const uint8_t *)p >= stack->open;
}

/* Closes all but the page of the first frames of a stack that nothing was on yet. */
bool mo_stack_narrow(mo_stack *stack, mote_error *err);
/* Opens the stack down to where `at` lies, if that is between low and open.
 * Async-signal-safe. */
bool mo_stack_open(mo_stack *stack, const void *at);
/* All that was open is zero again. */
static inline void mo_stack_wipe(mo_stack *stack) { memset(stack->open, 0, (size_t)(stack->top - stack->open)); }

#endif
