/* fiber_x86_64.S - from one host stack to another.
 * Not in x86_64.S: a fault here is not the guest's doing, and nothing here may be abandoned. */

        .text

/* rdi: where the stack pointer is kept of what is left; rsi: that of what goes on. Keeps
 * what the ABI of the host wants back but the floating-point modes. */
        .globl  mo_fiber_switch
        .hidden mo_fiber_switch
        .type   mo_fiber_switch, @function
        .p2align 4
mo_fiber_switch:
        .cfi_startproc
        push    %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        push    %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        push    %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        push    %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        push    %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        push    %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        mov     %rsp, (%rdi)
        mov     %rsi, %rsp
        pop     %r15
        .cfi_adjust_cfa_offset -8
        pop     %r14
        .cfi_adjust_cfa_offset -8
        pop     %r13
        .cfi_adjust_cfa_offset -8
        pop     %r12
        .cfi_adjust_cfa_offset -8
        pop     %rbx
        .cfi_adjust_cfa_offset -8
        pop     %rbp
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
        .size   mo_fiber_switch, . - mo_fiber_switch

/* Where a new fiber begins: r12 the function, r13 its argument. It does not return. */
        .globl  mo_fiber_begin
        .hidden mo_fiber_begin
        .type   mo_fiber_begin, @function
        .p2align 4
mo_fiber_begin:
        .cfi_startproc
        .cfi_undefined %rip
        mov     %r13, %rdi
        call    *%r12
        ud2
        .cfi_endproc
        .size   mo_fiber_begin, . - mo_fiber_begin

        .section .note.GNU-stack, "", @progbits
