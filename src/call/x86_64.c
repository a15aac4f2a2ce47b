/* x86_64.c - program counters and signal frames, as x86_64.S lays them out. */
#include "call/x86_64.h"

#include "call/sanitize.h"

extern const uint8_t mo_asm_begin[], mo_asm_end[];
extern const uint8_t mo_enter_guest[], mo_enter_guest_end[];
extern const uint8_t mo_enter_fast_guest[], mo_enter_fast_guest_end[];
extern const uint8_t mo_asm_guest[], mo_asm_guest_end[];
extern const uint8_t mo_system_ready[], mo_system_done[], mo_system_interrupted[];
extern const uint8_t mo_preempted[], mo_preempt_ready[], mo_preempt_interrupted[];

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
bool mo_asm_is_resuming(const void *pc) { return between(pc, mo_preempt_ready, mo_preempt_interrupted); }

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
void mo_signal_end_resuming(ucontext_t *uc) { uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)mo_preempt_interrupted; }

/* What the kernel reads of a frame that it is to go back to: flags to mask, 8 bytes of it. */
#define KERNEL_CONTEXT (offsetof(ucontext_t, uc_sigmask) + 8)

/* Bytes of the floating-point and vector registers' state: in the unused end of its first 512
 * the kernel says how many there are, with its own mark behind them. */
static size_t fp_size(const void *fp)
{
    struct {
        uint32_t mark, size;
    } extended;
    memcpy(&extended, (const uint8_t *)fp + 464, sizeof extended);
    return extended.mark == 0x46505853 ? extended.size : 512;
}

/* The first 32 bytes: x87's control word, and MXCSR at 24. */
static void set_fp_modes(struct _libc_fpstate *fp)
{
    fp->cwd = 0x37f;
    fp->mxcsr = MXCSR_DEFAULT;
}

bool mo_signal_preempt(ucontext_t *uc, mo_run *run, uintptr_t low)
{
    greg_t *r = uc->uc_mcontext.gregs;
    void *fp = uc->uc_mcontext.fpregs;
    size_t fp_len = fp ? fp_size(fp) : 0;
    uintptr_t fp_at = ((uintptr_t)run->entry - fp_len) & ~(uintptr_t)63;
    uintptr_t at = (fp_at - KERNEL_CONTEXT) & ~(uintptr_t)15;
    if (!fp || (uintptr_t)run->entry < fp_len + KERNEL_CONTEXT + low || at < low)
        return false;
    mo_sanitize_clean((void *)at, (uintptr_t)run->entry - at);
    memcpy((void *)fp_at, fp, fp_len);
    memcpy((void *)at, uc, KERNEL_CONTEXT);
    uc = (ucontext_t *)at;
    uc->uc_mcontext.fpregs = (void *)fp_at;
    set_fp_modes(fp);
    r[REG_RIP] = (greg_t)(uintptr_t)mo_preempted;
    r[REG_RSP] = (greg_t)at;
    r[REG_RBX] = (greg_t)(uintptr_t)run;
    r[REG_EFL] &= ~(greg_t)0x400; /* DF */
    return true;
}

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
