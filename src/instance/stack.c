/* stack.c - guest stacks mapped, narrowed, opened and unmapped. */
#include "instance/stack.h"

#include "artifact/artifact.h"

#include <sys/mman.h>

bool mo_stack_map(uint64_t guest_bytes, size_t above, size_t shared, mo_stack *ret, mote_error *err)
{
    if (guest_bytes < 65536 || guest_bytes > UINT64_C(1) << 36)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE,
                       "stack: %" PRIu64 " bytes wanted, 65536 to 2^36 possible", guest_bytes);
    shared = mo_round_up(shared, 64);
    size_t usable = mo_round_up(guest_bytes + shared, MO_FILE_PAGE);
    size_t apart = above > shared ? mo_round_up(above - shared, MO_FILE_PAGE) : 0;
    mo_stack stack = {.len = MO_STACK_GUARD + usable + apart};
    stack.base = mmap(NULL, stack.len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack.base == MAP_FAILED)
        return mo_fail_nomem(err);
    stack.low = stack.open = stack.base + MO_STACK_GUARD;
    stack.top = stack.low + usable - shared;
    if (mprotect(stack.low, usable + apart, PROT_READ | PROT_WRITE) != 0) {
        munmap(stack.base, stack.len);
        return mo_fail_nomem(err);
    }
    stack.top[-1] = 0; /* every call's first page: now, not then */
    *ret = stack;
    return true;
}

void mo_stack_unmap(mo_stack *stack)
{
    if (stack->base)
        munmap(stack->base, stack->len);
    stack->base = NULL;
}

bool mo_stack_narrow(mo_stack *stack, mote_error *err)
{
    uint8_t *open = stack->low + (size_t)(stack->top - 1 - stack->low) / MO_FILE_PAGE * MO_FILE_PAGE;
    if (mprotect(stack->low, (size_t)(open - stack->low), PROT_NONE) != 0)
        return mo_fail_nomem(err);
    stack->open = open;
    return true;
}

bool mo_stack_open(mo_stack *stack, const void *at)
{
    if ((const uint8_t *)at < stack->low || (const uint8_t *)at >= stack->open)
        return false;
    uint8_t *from = stack->low + (size_t)((const uint8_t *)at - stack->low) / MO_FILE_PAGE * MO_FILE_PAGE;
    if (mprotect(from, (size_t)(stack->open - from), PROT_READ | PROT_WRITE) != 0)
        return false;
    stack->open = from;
    return true;
}
