/* x86_64.c - program counters and signal frames, as x86_64.S lays them out. */
#include "call/x86_64.h"

extern const uint8_t mo_asm_begin[], mo_asm_end[];
extern const uint8_t mo_enter_guest[], mo_enter_guest_end[];
extern const uint8_t mo_enter_fast_guest[], mo_enter_fast_guest_end[];
extern const uint8_t mo_asm_guest[], mo_asm_guest_end[];
extern const uint8_t mo_system_ready[], mo_system_done[], mo_system_interrupted[];

static bool between(const void *pc, const uint8_t *from, const uint8_t *to)
{
    return (uintptr_t)pc >= (uintptr_t)from && (uintptr_t)pc < (uintptr_t)to;
}

bool mo_asm_has(const void *pc) { return between(pc, mo_asm_begin, mo_asm_end); }

bool mo_asm_is_enter(const void *pc) { return pc == mo_enter_guest_end || pc == mo_enter_fast_guest_end; }

bool mo_asm_is_guest(const void *pc)
{
    return between(pc, mo_enter_guest, mo_enter_guest_end) ||
           between(pc, mo_enter_fast_guest, mo_enter_fast_guest_end) ||
           between(pc, mo_asm_guest, mo_asm_guest_end);
}

bool mo_asm_is_system(const void *pc) { return between(pc, mo_system_ready, mo_system_done); }

uint32_t mo_asm_trap_code(const void *pc)
{
    static const uint8_t trap[] = {0x67, 0x0f, 0xb9, 0x80}; /* ud1 eax, [eax + code] */
    const uint8_t *code = pc;
    return memcmp(code, trap, sizeof trap) == 0 ? code[4] : MO_TRAP_NONE;
}

static bool is_fast(const void *entry)
{
    return *(const int64_t *)(const void *)((const uint8_t *)entry + ENTRY_KIND) != ENTRY_IS_FULL;
}

/* A field of a full frame; a fast one is outermost and has none. */
static void *field_of(void *entry, ptrdiff_t at)
{
    return entry && !is_fast(entry) ? *(void **)(void *)((uint8_t *)entry + ENTRY_SIZE + at) : NULL;
}

void **mo_entry_host_frame(void *entry) { return field_of(entry, ENTRY_HOST_FRAME); }
void *mo_entry_above(void *entry) { return field_of(entry, ENTRY_ENTRY); }

void mo_signal_leave(ucontext_t *uc, mo_run *run, int status)
{
    greg_t *r = uc->uc_mcontext.gregs;
    r[REG_RIP] = (greg_t)(uintptr_t)mo_leave;
    r[REG_RDI] = (greg_t)(uintptr_t)run;
    r[REG_RSI] = status;
    /* Off a stack that may be full. */
    r[REG_RSP] = (greg_t)((uintptr_t)run->entry - 128);
    r[REG_EFL] &= ~(greg_t)0x400; /* DF */
}

void mo_signal_end_system(ucontext_t *uc) { uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)mo_system_interrupted; }

/* mo_enter_fast does not look at the masks. */
bool mo_signal_mask_fp(ucontext_t *uc, mo_run *run)
{
    struct _libc_fpstate *fp = uc->uc_mcontext.fpregs;
    if (!fp || !is_fast(run->entry) || run->host_fp || (fp->mxcsr & MXCSR_MODES) == MXCSR_DEFAULT)
        return false;
    run->host_fp = HOST_FP_SET | fp->mxcsr;
    fp->mxcsr = MXCSR_DEFAULT;
    return true;
}

extern const uint8_t mo_fiber_begin[];

/* What mo_fiber_switch pops, from r15 to the return address. */
void *mo_fiber_first(void *top, void (*function)(void *data), void *data)
{
    uint64_t *sp = (uint64_t *)top - 9; /* aligned where mo_fiber_begin calls */
    memset(sp, 0, 9 * sizeof *sp);
    memcpy(&sp[2], &data, sizeof data);
    memcpy(&sp[3], &function, sizeof function);
    sp[6] = (uintptr_t)mo_fiber_begin;
    return sp;
}
