/* support_x86_64.c - memcpy, memmove and memset for loops that LLVM recognised.
 * They belong to the artifact, for compiled code calls nothing outside but helpers;
 * they know nothing of contexts, touch only what their arguments say, and keep a
 * frame, so that a fault in them has a backtrace. The same bytes in each artifact. */
#include "code/llvm/support.h"

#define BEGIN(name) \
    ".text\n.p2align 4\n.weak " name "\n.hidden " name "\n.type " name ",@function\n" name ":\n" \
    "push %rbp\nmov %rsp,%rbp\nmov %rdi,%rax\n"
#define END(name) "9: pop %rbp\nret\n.size " name ",.-" name "\n"

/* rdi to, sil byte, rdx n. Two stores that may overlap cover each small size. */
static const char set_text[] =
    BEGIN("memset")
    "movzbl %sil,%esi\n"
    "movabs $0x0101010101010101,%r8\n"
    "imul %rsi,%r8\n"
    "cmp $16,%rdx\njb 3f\n"
    "movq %r8,%xmm0\npunpcklqdq %xmm0,%xmm0\n"
    "movdqu %xmm0,(%rdi)\nmovdqu %xmm0,-16(%rdi,%rdx)\n"
    "cmp $32,%rdx\njbe 9f\n"
    "cmp $2048,%rdx\nja 2f\n"
    "lea -32(%rdi,%rdx),%rcx\n" /* the last 16 are stored already */
    "1: add $16,%rdi\nmovdqu %xmm0,(%rdi)\ncmp %rcx,%rdi\njb 1b\njmp 9f\n"
    "2: mov %rax,%r9\nmov %esi,%eax\nmov %rdx,%rcx\nrep stosb\nmov %r9,%rax\njmp 9f\n"
    "3: cmp $8,%rdx\njb 4f\nmov %r8,(%rdi)\nmov %r8,-8(%rdi,%rdx)\njmp 9f\n"
    "4: cmp $4,%rdx\njb 5f\nmov %r8d,(%rdi)\nmov %r8d,-4(%rdi,%rdx)\njmp 9f\n"
    "5: test %rdx,%rdx\nje 9f\nmov %r8b,(%rdi)\nmov %r8b,-1(%rdi,%rdx)\n"
    "cmp $2,%rdx\njbe 9f\nmov %r8b,1(%rdi)\n"
    END("memset");

/* rdi to, rsi from, rdx n. What the loop does not reach is loaded before it starts,
 * so overlap in either direction is right. */
#define MOVE(name) \
    BEGIN(name) \
    "cmp $16,%rdx\njb 5f\n" \
    "movdqu (%rsi),%xmm2\nmovdqu -16(%rsi,%rdx),%xmm3\n" \
    "cmp $32,%rdx\njbe 4f\n" \
    "mov %rdi,%rcx\nsub %rsi,%rcx\ncmp %rdx,%rcx\njb 2f\n" \
    "cmp $4096,%rdx\njb 0f\n" \
    "neg %rcx\ncmp $4096,%rcx\njb 0f\n" \
    "mov %rdx,%rcx\nrep movsb\njmp 9f\n" \
    "0: lea -16(%rdi,%rdx),%rcx\nsub %rdi,%rsi\nadd $16,%rdi\n" \
    "1: movdqu (%rsi,%rdi),%xmm0\nmovdqu %xmm0,(%rdi)\nadd $16,%rdi\ncmp %rcx,%rdi\njb 1b\n" \
    "movdqu %xmm3,(%rcx)\nmovdqu %xmm2,(%rax)\njmp 9f\n" \
    "2: lea -16(%rdi,%rdx),%rcx\nsub %rdi,%rsi\nlea -16(%rcx),%r8\n" \
    "3: movdqu (%rsi,%r8),%xmm0\nmovdqu %xmm0,(%r8)\nsub $16,%r8\ncmp %rax,%r8\nja 3b\n" \
    "movdqu %xmm2,(%rax)\nmovdqu %xmm3,(%rcx)\njmp 9f\n" \
    "4: movdqu %xmm2,(%rdi)\nmovdqu %xmm3,-16(%rdi,%rdx)\njmp 9f\n" \
    "5: cmp $8,%rdx\njb 6f\nmov (%rsi),%rcx\nmov -8(%rsi,%rdx),%r8\nmov %rcx,(%rdi)\nmov %r8,-8(%rdi,%rdx)\njmp 9f\n" \
    "6: cmp $4,%rdx\njb 7f\nmov (%rsi),%ecx\nmov -4(%rsi,%rdx),%r8d\nmov %ecx,(%rdi)\nmov %r8d,-4(%rdi,%rdx)\njmp 9f\n" \
    "7: test %rdx,%rdx\nje 9f\nmovzbl (%rsi),%ecx\nmovzbl -1(%rsi,%rdx),%r8d\nmov %rdx,%r9\nshr $1,%r9\n" \
    "movzbl (%rsi,%r9),%r10d\nmov %cl,(%rdi)\nmov %r10b,(%rdi,%r9)\nmov %r8b,-1(%rdi,%rdx)\n" \
    END(name)

static const char copy_text[] = MOVE("memcpy");
static const char move_text[] = MOVE("memmove");

static bool declares(LLVMModuleRef m, const char *a, const char *b)
{
    return LLVMGetNamedFunction(m, a) || LLVMGetNamedFunction(m, b);
}

void mo_support_add(LLVMModuleRef m)
{
    if (declares(m, "llvm.memset.p0.i64", "memset"))
        LLVMAppendModuleInlineAsm(m, set_text, sizeof set_text - 1);
    if (declares(m, "llvm.memcpy.p0.p0.i64", "memcpy"))
        LLVMAppendModuleInlineAsm(m, copy_text, sizeof copy_text - 1);
    if (declares(m, "llvm.memmove.p0.p0.i64", "memmove"))
        LLVMAppendModuleInlineAsm(m, move_text, sizeof move_text - 1);
}
