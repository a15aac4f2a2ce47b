/* x86_64.S - into guest code and out of it.
 *   mo_enter, mo_enter_fast  host -> guest, on the guest's stack
 *   mo_host_call_*  guest -> host function
 *   mo_stub_*       guest -> helper; one per HELPER of abi.def
 *   mo_try_call     guest -> guest, able to catch
 * abi.h states the guest's convention: context in r10, arguments as in C, results in
 * rax rdx rcx r8 and xmm0-3.
 *
 * Guest code has a stack of its own. Whatever of the host it calls runs on the stack that
 * the call came from, below the innermost entry's frame (run->entry), and leaves
 * nothing on the guest's but the frame that backtraces go through.
 *
 * Interruption: the handler abandons a call whose program counter is in guest code,
 * between the labels *_guest and *_guest_end of the entries, or between
 * mo_asm_guest and mo_asm_guest_end; elsewhere it sets run->interrupt, which is
 * looked at on the way into guest code, in these ranges. So no interrupt is lost
 * between the look and the guest.
 *
 * Preemption: likewise; but a call that is going to go on leaves its state on the host's stack,
 * below run->entry: in these ranges nothing that counts is there. */

#include "call/x86_64.h"

        .text
        .p2align 6
        .globl  mo_asm_begin
        .hidden mo_asm_begin
mo_asm_begin:

/* A function that other objects of libmote see. */
#define GLOBAL(name) .globl name; .hidden name; .type name, @function; .p2align 4; name:
#define LABEL(name) .globl name; .hidden name; name:
#define END(name) .size name, . - name

/* --- host to guest ------------------------------------------------------- */

        .macro SAVE
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        push    %rbx
        .cfi_offset %rbx, -24
        push    %r12
        .cfi_offset %r12, -32
        push    %r13
        .cfi_offset %r13, -40
        push    %r14
        .cfi_offset %r14, -48
        push    %r15
        .cfi_offset %r15, -56
        .endm

        .macro RESTORE
        mov     -40(%rbp), %r15
        mov     -32(%rbp), %r14
        mov     -24(%rbp), %r13
        mov     -16(%rbp), %r12
        mov     -8(%rbp), %rbx
        leave
        .cfi_remember_state
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_restore_state
        .endm

/* rdi image, rsi code, rdx context, rcx run, r8 stack. The frame keeps what the ABI of
 * the host wants back, and the run's handler, entry and host_frame: a nested call is a
 * barrier to exceptions. */
GLOBAL(mo_enter)
        SAVE
        pushq   RUN_HANDLER(%rcx)
        pushq   RUN_ENTRY(%rcx)
        pushq   RUN_HOST_FRAME(%rcx)
        push    %rdi
        push    %rdi                    /* room for MXCSR */
        pushq   $ENTRY_IS_FULL
        push    %rdi                    /* rsp is a multiple of 16 */
        stmxcsr ENTRY_MXCSR(%rbp)
        mov     %rcx, %rbx
        mov     %rsi, %rax
        mov     %rdx, %r10
        mov     %rdi, %r11
        movq    $0, RUN_HANDLER(%rbx)
        movq    $0, RUN_HOST_FRAME(%rbx)
        mov     %rsp, RUN_ENTRY(%rbx)
        mov     %r8, %rsp
        mov     ENTRY_MXCSR(%rbp), %ecx
        and     $MXCSR_MODES, %ecx
        cmp     $MXCSR_DEFAULT, %ecx
        je      1f
        movl    $MXCSR_DEFAULT, -8(%rsp)
        ldmxcsr -8(%rsp)
1:      movups  IMAGE_VECS(%r11), %xmm0
        movups  IMAGE_VECS+16(%r11), %xmm1
        movups  IMAGE_VECS+32(%r11), %xmm2
        movups  IMAGE_VECS+48(%r11), %xmm3
        movups  IMAGE_VECS+64(%r11), %xmm4
        movups  IMAGE_VECS+80(%r11), %xmm5
        movups  IMAGE_VECS+96(%r11), %xmm6
        movups  IMAGE_VECS+112(%r11), %xmm7
        mov     0(%r11), %rdi
        mov     8(%r11), %rsi
        mov     16(%r11), %rdx
        mov     24(%r11), %rcx
        mov     32(%r11), %r8
        mov     40(%r11), %r9
LABEL(mo_enter_guest)
        cmpw    $0, RUN_INTERRUPT(%rbx)
        jne     enter_interrupted
        call    *%rax
LABEL(mo_enter_guest_end)
        mov     ENTRY_IMAGE(%rbp), %r11
        mov     %rax, 0(%r11)
        mov     %rdx, 8(%r11)
        mov     %rcx, 16(%r11)
        mov     %r8, 24(%r11)
        movups  %xmm0, IMAGE_VECS(%r11)
        movups  %xmm1, IMAGE_VECS+16(%r11)
        movups  %xmm2, IMAGE_VECS+32(%r11)
        movups  %xmm3, IMAGE_VECS+48(%r11)
        xor     %eax, %eax
leave_full:                             /* eax status, rbx run, rbp the frame */
        mov     ENTRY_HANDLER(%rbp), %rcx
        mov     ENTRY_ENTRY(%rbp), %rdx
        mov     ENTRY_HOST_FRAME(%rbp), %rsi
        mov     %rcx, RUN_HANDLER(%rbx)
        mov     %rdx, RUN_ENTRY(%rbx)
        mov     %rsi, RUN_HOST_FRAME(%rbx)
        mov     ENTRY_MXCSR(%rbp), %ecx
        and     $MXCSR_MODES, %ecx
        cmp     $MXCSR_DEFAULT, %ecx
        je      1f
        ldmxcsr ENTRY_MXCSR(%rbp)
1:      RESTORE
        .cfi_endproc
END(mo_enter)

/* Floating-point modes, asked by arithmetic, for reading MXCSR takes 15 cycles on some
 * processors: with other than the default modes one of these four sums differs.
 * 1 + 2^-30 (up), 1 - 2^-30 (down, to zero), a sum below the normal numbers (flush),
 * a term below them (denormals are zero). */
        .section .rodata.cst16, "aM", @progbits, 16
        .p2align 4
fp_left: .long  0x3f800000, 0x3f800000, 0x00c00000, 0x00400000
fp_right: .long 0x30800000, 0xb0800000, 0x80800000, 0x00800000
fp_sums: .long  0x3f800000, 0x3f800000, 0x00400000, 0x00c00000
        .text

/* rdi values, rsi code, rdx context, rcx run, r8 stack, r9d counts. The run's handler is
 * NULL and stays so, and of an outermost call's host_frame nothing is to be kept. */
GLOBAL(mo_enter_fast)
        SAVE
        push    %rdi
        mov     %rcx, %rbx
        mov     %r9d, %ecx
        shr     $8, %ecx
        push    %rcx
        mov     %rsi, %rax
        mov     %rdx, %r10
        mov     %rdi, %r11
        lea     -FAST_SIZE(%rbp), %rcx
        mov     %rcx, RUN_ENTRY(%rbx)
        mov     %r8, %rsp
        movaps  fp_left(%rip), %xmm0
        addps   fp_right(%rip), %xmm0
        pcmpeqd fp_sums(%rip), %xmm0
        movmskps %xmm0, %ecx
        cmp     $15, %ecx
        jne     fp_modes_differ
fp_modes_set:
        movzbl  %r9b, %r9d
        test    %r9d, %r9d
        je      mo_enter_fast_guest
        mov     0(%r11), %rdi
        cmp     $2, %r9d
        jb      mo_enter_fast_guest
        mov     16(%r11), %rsi
        je      mo_enter_fast_guest
        mov     32(%r11), %rdx
        cmp     $4, %r9d
        jb      mo_enter_fast_guest
        mov     48(%r11), %rcx
        je      mo_enter_fast_guest
        mov     64(%r11), %r8
        cmp     $6, %r9d
        jb      mo_enter_fast_guest
        mov     80(%r11), %r9
LABEL(mo_enter_fast_guest)
        cmpw    $0, RUN_INTERRUPT(%rbx)
        jne     enter_interrupted
        call    *%rax
LABEL(mo_enter_fast_guest_end)
        mov     FAST_VALUES(%rbp), %r11
        mov     FAST_NRESULTS(%rbp), %r9d
        test    %r9d, %r9d
        je      1f
        mov     %rax, 0(%r11)
        cmp     $2, %r9d
        jb      1f
        mov     %rdx, 16(%r11)
        je      1f
        mov     %rcx, 32(%r11)
        cmp     $4, %r9d
        jb      1f
        mov     %r8, 48(%r11)
1:      xor     %eax, %eax
leave_fast:                             /* eax status, rbx run, rbp the frame */
        cmpq    $0, RUN_HOST_FP(%rbx)
        jne     fp_modes_back
fp_modes_are_back:
        RESTORE
fp_modes_differ:
        stmxcsr -8(%rsp)
        mov     -8(%rsp), %ecx
        mov     %ecx, RUN_HOST_FP(%rbx)
        movl    $1, RUN_HOST_FP+4(%rbx)
        movl    $MXCSR_DEFAULT, -8(%rsp)
        ldmxcsr -8(%rsp)
        jmp     fp_modes_set
fp_modes_back:
        ldmxcsr RUN_HOST_FP(%rbx)
        movq    $0, RUN_HOST_FP(%rbx)
        jmp     fp_modes_are_back
        .cfi_endproc
END(mo_enter_fast)

enter_interrupted:
        mov     RUN_ENTRY(%rbx), %rsp
        movq    $0, RUN_HOST_FRAME(%rbx)
        mov     %rbx, %rdi
        call    mo_raise_interrupt

/* rdi run, esi status */
GLOBAL(mo_leave)
        mov     %rdi, %rbx
        mov     RUN_ENTRY(%rdi), %rsp
        mov     %esi, %eax
        lea     ENTRY_SIZE(%rsp), %rbp
        cmpq    $ENTRY_IS_FULL, ENTRY_KIND(%rsp)
        je      leave_full
        lea     FAST_SIZE(%rsp), %rbp
        movq    $0, RUN_HANDLER(%rbx)
        jmp     leave_fast
END(mo_leave)

/* --- host to system -------------------------------------------------------- */

/* rdi run, rsi number, rdx arguments. A signal that interrupts the system call finds the
 * program counter at the instruction again, for it is to be restarted (SA_RESTART), and
 * one that comes between the look and the instruction finds it there too. */
GLOBAL(mo_call_system)
        .cfi_startproc
        mov     %rsi, %rax
        mov     %rdi, %r11
        mov     %rdx, %rcx
        mov     0(%rcx), %rdi
        mov     8(%rcx), %rsi
        mov     16(%rcx), %rdx
        mov     24(%rcx), %r10
        mov     32(%rcx), %r8
        mov     40(%rcx), %r9
LABEL(mo_system_ready)
        cmpw    $0, RUN_INTERRUPT(%r11)
        jne     mo_system_interrupted
        syscall
LABEL(mo_system_done)
        ret
LABEL(mo_system_interrupted)
        mov     $-4, %rax               /* -EINTR */
        ret
        .cfi_endproc
END(mo_call_system)

LABEL(mo_asm_guest)

/* --- guest to host ------------------------------------------------------- */

/* r10 the host record. What the callback sees lies in this frame: its values or, in the
 * general form, a mo_image. -8(%rbp) keeps the run. */
        .macro HOST_ENTER size
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        sub     $\size, %rsp
        mov     CONTEXT_RUN(%r10), %r11
        mov     %r11, -8(%rbp)
        mov     %rbp, RUN_HOST_FRAME(%r11)
        .endm

        .macro HOST_LOOK
5:      mov     -8(%rbp), %r11
        test    %eax, %eax
        jne     host_failed
        cmpl    $0, RUN_INTERRUPT(%r11)
        jne     6f
        .endm

        .macro HOST_EXIT
        leave
        .cfi_remember_state
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_restore_state
6:      call    host_looks
        jmp     5b
        .cfi_endproc
        .endm

/* Integers only. An i32 that the callback wrote must be read as such: a wider load
 * would wait for the store. */
        .macro HOST_CALL nparams, wide
        .p2align 4
mo_host_call_\nparams\()_\wide\():
        HOST_ENTER HOST_VALUES_FRAME
        .if \nparams > 0
        mov     %rdi, 0(%rsp)
        .endif
        .if \nparams > 1
        mov     %rsi, 16(%rsp)
        .endif
        .if \nparams > 2
        mov     %rdx, 32(%rsp)
        .endif
        .if \nparams > 3
        mov     %rcx, 48(%rsp)
        .endif
        .if \nparams > 4
        mov     %r8, 64(%rsp)
        .endif
        .if \nparams > 5
        mov     %r9, 80(%rsp)
        .endif
        .if \nparams > 6
        mov     RUN_XFER(%r11), %rax
        mov     %rax, 96(%rsp)
        .endif
        .if \nparams > 7
        mov     RUN_XFER+16(%r11), %rax
        mov     %rax, 112(%rsp)
        .endif
        .if \nparams > 8
        mov     RUN_XFER+32(%r11), %rax
        mov     %rax, 128(%rsp)
        .endif
        mov     %r10, %rdi
        mov     HOST_DATA(%r10), %rsi
        mov     %rsp, %rdx
        mov     RUN_ENTRY(%r11), %rsp
        call    *HOST_CALLBACK(%r10)
        HOST_LOOK
        .if \wide
        mov     -HOST_VALUES_FRAME(%rbp), %rax
        mov     16-HOST_VALUES_FRAME(%rbp), %rdx
        mov     32-HOST_VALUES_FRAME(%rbp), %rcx
        mov     48-HOST_VALUES_FRAME(%rbp), %r8
        .else
        mov     -HOST_VALUES_FRAME(%rbp), %eax
        .endif
        HOST_EXIT
        .endm

        .irp    nparams, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
        HOST_CALL \nparams, 0
        HOST_CALL \nparams, 1
        .endr

GLOBAL(mo_host_call_all)
        HOST_ENTER HOST_IMAGE_FRAME
        mov     %rdi, 0(%rsp)
        mov     %rsi, 8(%rsp)
        mov     %rdx, 16(%rsp)
        mov     %rcx, 24(%rsp)
        mov     %r8, 32(%rsp)
        mov     %r9, 40(%rsp)
        movups  %xmm0, IMAGE_VECS(%rsp)
        movups  %xmm1, IMAGE_VECS+16(%rsp)
        movups  %xmm2, IMAGE_VECS+32(%rsp)
        movups  %xmm3, IMAGE_VECS+48(%rsp)
        movups  %xmm4, IMAGE_VECS+64(%rsp)
        movups  %xmm5, IMAGE_VECS+80(%rsp)
        movups  %xmm6, IMAGE_VECS+96(%rsp)
        movups  %xmm7, IMAGE_VECS+112(%rsp)
        mov     %r10, %rdi
        mov     %rsp, %rsi
        mov     RUN_ENTRY(%r11), %rsp
        call    mo_host_marshal
        HOST_LOOK
        mov     -HOST_IMAGE_FRAME(%rbp), %rax
        mov     8-HOST_IMAGE_FRAME(%rbp), %rdx
        mov     16-HOST_IMAGE_FRAME(%rbp), %rcx
        mov     24-HOST_IMAGE_FRAME(%rbp), %r8
        movups  IMAGE_VECS-HOST_IMAGE_FRAME(%rbp), %xmm0
        movups  IMAGE_VECS+16-HOST_IMAGE_FRAME(%rbp), %xmm1
        movups  IMAGE_VECS+32-HOST_IMAGE_FRAME(%rbp), %xmm2
        movups  IMAGE_VECS+48-HOST_IMAGE_FRAME(%rbp), %xmm3
        HOST_EXIT
END(mo_host_call_all)

host_failed:                            /* on the host's stack */
        mov     %r11, %rdi
        mov     %eax, %esi
        call    mo_host_failed

/* --- guest to helper ----------------------------------------------------- */

/* rdi context and up to five more; the result in rax. */
        .macro STUB name
        .type   mo_stub_\name, @function
        .p2align 4
mo_stub_\name:
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        mov     CONTEXT_RUN(%rdi), %r11
        push    %r11
        mov     %rbp, RUN_HOST_FRAME(%r11)
        mov     RUN_ENTRY(%r11), %rsp
        call    mo_helper_\name
        jmp     stub_out
        .cfi_endproc
        .size   mo_stub_\name, . - mo_stub_\name
        .endm

#define EACH_HELPER(name) STUB name;
#include "call/helper_names.h"

        .p2align 4
stub_out:
        .cfi_startproc
        .cfi_def_cfa %rbp, 16
        .cfi_offset %rbp, -16
        mov     -8(%rbp), %r11
        cmpl    $0, RUN_INTERRUPT(%r11)
        jne     1f
        leave
        .cfi_remember_state
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_restore_state
1:      call    host_looks
        jmp     stub_out
        .cfi_endproc

/* --- guest to guest, able to catch --------------------------------------- */

/* r13 the callee's code, r10 its context; all argument registers pass through, and so
 * do all results. The frame that run->handler points to keeps what mo_resume needs. */
GLOBAL(mo_try_call)
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        push    %rbx
        .cfi_offset %rbx, -24
        push    %r12
        .cfi_offset %r12, -32
        push    %r13
        .cfi_offset %r13, -40
        push    %r14
        .cfi_offset %r14, -48
        push    %r15
        .cfi_offset %r15, -56
        mov     CONTEXT_RUN(%r10), %r11
        pushq   RUN_HANDLER(%r11)
        push    %r11
        push    %r11
        mov     %rbp, RUN_HANDLER(%r11)
        call    *%r13
try_out:
        mov     -56(%rbp), %r11
        mov     -48(%rbp), %r10
        mov     %r10, RUN_HANDLER(%r11)
        mov     -40(%rbp), %r15
        mov     -32(%rbp), %r14
        mov     -24(%rbp), %r13
        mov     -16(%rbp), %r12
        mov     -8(%rbp), %rbx
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
END(mo_try_call)

/* rdi run */
GLOBAL(mo_resume)
        mov     RUN_HANDLER(%rdi), %rbp
        lea     -64(%rbp), %rsp
        jmp     try_out
END(mo_resume)

LABEL(mo_asm_guest_end)

/* --- ended or preempted -------------------------------------------------- */

/* On the way back from the host, on its stack: r11 the run, of which interrupt or preempt
 * is set. Keeps rax. What is on this stack below run->entry is not the guest's, so this
 * is no part of mo_asm_guest. */
host_looks:
        push    %rax
        mov     %r11, %rdi
        cmpw    $0, RUN_INTERRUPT(%r11)
        jne     1f
        call    mo_preempt_park
        pop     %rax
        ret
1:      call    mo_raise_interrupt

/* Where a guest goes on whose slice is over (mo_signal_preempt), on the host's stack: rbx
 * the run, rsp the state that was interrupted, as the kernel wants it back. As on every
 * way into guest code, the last look is one that the handler knows. */
GLOBAL(mo_preempted)
        .cfi_startproc
        .cfi_undefined %rip
        mov     %rbx, %rdi
        call    mo_preempt_park
LABEL(mo_preempt_ready)
        cmpw    $0, RUN_INTERRUPT(%rbx)
        jne     mo_preempt_interrupted
        mov     $15, %eax               /* rt_sigreturn */
        syscall
LABEL(mo_preempt_interrupted)
        mov     %rbx, %rdi
        mov     %rsp, %rsi
        call    mo_preempt_end
        .cfi_endproc
END(mo_preempted)

LABEL(mo_asm_end)

        .section .data.rel.ro, "aw"
        .p2align 3
        .globl  mo_helper_stubs
        .hidden mo_helper_stubs
        .type   mo_helper_stubs, @object
mo_helper_stubs:
#define EACH_HELPER(name) .quad mo_stub_##name;
#include "call/helper_names.h"
        .quad   mo_try_call
        .size   mo_helper_stubs, . - mo_helper_stubs

        .globl  mo_host_calls
        .hidden mo_host_calls
        .type   mo_host_calls, @object
mo_host_calls:
        .irp    nparams, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
        .quad   mo_host_call_\nparams\()_0, mo_host_call_\nparams\()_1
        .endr
        .size   mo_host_calls, . - mo_host_calls

        .section .note.GNU-stack, "", @progbits
