/* stack.c - guest stacks mapped, narrowed, opened and unmapped. */
#include "instance/stack.h"

#include "artifact/artifact.h"

#include <sys/mman.h>

bool mo_stack_map(uint64_t guest_bytes, mo_stack *ret, mote_error *err)
{
    if (guest_bytes < 65536 || guest_bytes > UINT64_C(1) << 36)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE,
                       "stack: %" PRIu64 " bytes wanted, 65536 to 2^36 possible", guest_bytes);
    size_t usable = mo_round_up(guest_bytes, MO_FILE_PAGE);
    mo_stack stack = {.len = MO_STACK_GUARD + usable};
    stack.base = mmap(NULL, stack.len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack.base == MAP_FAILED)
        return mo_fail_nomem(err);
    stack.low = stack.open = stack.base + MO_STACK_GUARD;
    stack.top = stack.base + stack.len;
    if (mprotect(stack.low, usable, PROT_READ | PROT_WRITE) != 0) {
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
    uint8_t *open = stack->top - MO_FILE_PAGE;
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
