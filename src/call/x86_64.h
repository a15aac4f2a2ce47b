/* x86_64.h - the processor's side of calls: what x86_64.S and the C around it share.
 * Offsets are spelled out for the assembler; enter.c asserts each of them. */
#ifndef MO_CALL_X86_64_H
#define MO_CALL_X86_64_H

#define CONTEXT_RUN 8
#define HOST_CALLBACK 40
#define HOST_DATA 48
#define RUN_HANDLER 16
#define RUN_INTERRUPT 32
#define RUN_HOST_FP 40
#define RUN_ENTRY 56
#define RUN_HOST_FRAME 64
#define RUN_XFER 72
#define IMAGE_VECS 48

/* run->entry is where the frame of the innermost mo_enter or mo_enter_fast ends, a
 * multiple of 16. The word ENTRY_KIND bytes above it tells which: ENTRY_IS_FULL, or the
 * latter's number of results. */
#define ENTRY_KIND 8
#define ENTRY_IS_FULL -1

/* A frame of mo_enter, from its rbp: what it keeps of the run and of the caller. */
#define ENTRY_HANDLER -48
#define ENTRY_ENTRY -56
#define ENTRY_HOST_FRAME -64
#define ENTRY_IMAGE -72
#define ENTRY_MXCSR -80
#define ENTRY_SIZE 96

/* The two forms of a host call's frame, from its rbp down: the values of as many integers
 * as there can be, or a mo_image; and the run. With what is around them: */
#define HOST_VALUES_FRAME 160
#define HOST_IMAGE_FRAME 192
#define HOST_CALL_FRAME 256

/* A frame of mo_enter_fast. */
#define FAST_VALUES -48
#define FAST_NRESULTS -56
#define FAST_SIZE 64

/* Set in run->host_fp beside the MXCSR that it holds. */
#define HOST_FP_SET 0x100000000

/* Rounding to nearest, no flushing, all exceptions masked; the flags do not count. */
#define MXCSR_DEFAULT 0x1f80
#define MXCSR_MODES 0xffc0

#ifndef __ASSEMBLER__

#include "instance/instance.h"

#include <ucontext.h>

/* The registers that carry arguments and results. */
typedef struct mo_image {
    uint64_t ints[MO_INT_ARGS];
    uint8_t vecs[MO_VEC_ARGS][16];
} mo_image;

/* Calls code on stack with the image's registers, and
 * brings its results back in the image. 0, MOTE_TRAP, MOTE_EXCEPTION or MOTE_EXIT. */
int mo_enter(mo_image *image, const void *code, mo_context *context, mo_run *run, void *stack);
/* The same for an outermost call of nparams integers to nresults integers in values.
 * counts: nparams | nresults << 8, both within the registers. */
int mo_enter_fast(mote_raw *values, const void *code, mo_context *context, mo_run *run, void *stack,
                  uint32_t counts);
/* Ends the innermost of these with that status. */
_Noreturn void mo_leave(mo_run *run, int status);
/* Resumes the innermost mo_try_call of run; run->exception says why. */
_Noreturn void mo_resume(mo_run *run);

/* A system call that may block, from a host function: its result, or -errno. -EINTR as
 * soon as run's call is to end, without having done anything. */
int64_t mo_call_system(mo_run *run, long number, const uint64_t args[6]);

/* Leaves this stack, noting where it was, and goes on where the other was left. */
void mo_fiber_switch(void **retsp, void *sp);
/* For a stack that nothing was on yet: going on there calls function(data), which must not
 * return. top: 16-byte aligned. */
void *mo_fiber_first(void *top, void (*function)(void *data), void *data);

/* Code addresses of host functions. By the number of integer parameters, of which some
 * may come in the run's xfer, then by whether there are results other than one i32; the
 * last serves all signatures. */
#define MO_HOST_INT_ARGS 9
extern const void *const mo_host_calls[MO_HOST_INT_ARGS + 1][2];
extern const uint8_t mo_host_call_all[];
/* By mo_helper; then mo_try_call. */
extern const void *const mo_helper_stubs[MO_HELPERS + 1];

/* Is pc in x86_64.S, where a fault in the stack's guard is the guest's doing? */
bool mo_asm_has(const void *pc);
/* Is pc the return address of a call that mo_enter made? */
bool mo_asm_is_enter(const void *pc);
/* Is pc in a part of x86_64.S that may be abandoned as guest code may? */
bool mo_asm_is_guest(const void *pc);

/* Is pc in mo_call_system, with the system call not done? */
bool mo_asm_is_system(const void *pc);
/* Is pc in mo_preempted, between its look and the guest? */
bool mo_asm_is_resuming(const void *pc);

/* The trap code of the trap instruction at pc, or MO_TRAP_NONE. */
uint32_t mo_asm_trap_code(const void *pc);

/* An entry's frame, and the host call that it is nested in (NULL: outermost). */
void **mo_entry_host_frame(void *entry);
void *mo_entry_above(void *entry);

static inline const void *mo_signal_pc(const ucontext_t *uc) { return (const void *)uc->uc_mcontext.gregs[REG_RIP]; }
static inline void **mo_signal_frame(const ucontext_t *uc) { return (void **)uc->uc_mcontext.gregs[REG_RBP]; }
/* Was it a store that faulted? */
static inline bool mo_signal_is_write(const ucontext_t *uc) { return uc->uc_mcontext.gregs[REG_ERR] & 2; }
/* Makes the interrupted code go on as mo_leave(run, status). */
void mo_signal_leave(ucontext_t *uc, mo_run *run, int status);
/* Makes the interrupted mo_call_system return -EINTR. */
void mo_signal_end_system(ucontext_t *uc);
/* Makes the interrupted mo_preempted end the call. */
void mo_signal_end_resuming(ucontext_t *uc);
/* Lays the interrupted state on the host's stack, all registers with it, and makes
 * mo_preempted go on there. False: that would go below low. */
bool mo_signal_preempt(ucontext_t *uc, mo_run *run, uintptr_t low);
/* The host had unmasked a floating-point exception: masks it until the call ends.
 * False: that is not what happened. */
bool mo_signal_mask_fp(ucontext_t *uc, mo_run *run);

#endif
#endif
