/* cpu_x86_64.c - what this x86-64 processor can do and the kernel lets it do.
 * The C library asked the processor when the process started; asking again costs
 * several microseconds a leaf in a virtual machine. */
#include "artifact/artifact.h"

#if defined(__x86_64__)

#include <stdatomic.h>
#include <sys/auxv.h>

#define HWCAP2_FSGSBASE 2 /* the kernel has enabled the instructions */

typedef struct leaf { uint32_t eax, ebx, ecx, edx; } leaf;

#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>

static leaf one(unsigned index)
{
    const unsigned *on = __x86_get_cpuid_feature_leaf(index)->active_array; /* what may be used */
    return (leaf){on[cpuid_register_index_eax], on[cpuid_register_index_ebx], on[cpuid_register_index_ecx], on[cpuid_register_index_edx]};
}
#define LEAF_1 one(CPUID_INDEX_1)
#define LEAF_7 one(CPUID_INDEX_7)
#define LEAF_7_1 one(CPUID_INDEX_7_ECX_1)
#define LEAF_80000001 one(CPUID_INDEX_80000001)

static uint32_t saved_registers(void)
{
    return UINT32_MAX; /* the library looked */
}

#else
#include <cpuid.h>

static leaf one(uint32_t n, uint32_t sub)
{
    leaf l = {0, 0, 0, 0};
    if (__get_cpuid_max(n & 0x80000000u, NULL) >= n) __cpuid_count(n, sub, l.eax, l.ebx, l.ecx, l.edx);
    return l;
}
#define LEAF_1 one(1, 0)
#define LEAF_7 one(7, 0)
#define LEAF_7_1 one(7, 1)
#define LEAF_80000001 one(0x80000001u, 0)

/* Which register files the kernel saves. */
static uint32_t saved_registers(void)
{
    uint32_t low = 0, high;
    if (LEAF_1.ecx >> 27 & 1) __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

static uint64_t ask(void)
{
    leaf l1 = LEAF_1, l7 = LEAF_7, l71 = LEAF_7_1, lx = LEAF_80000001;
    uint32_t saved = saved_registers();
    bool avx = (saved & 6) == 6, avx512 = (saved & 0xe6) == 0xe6;
    uint64_t found = 0;
#define HAVE(feature, word, bit, allowed) if ((allowed) && ((word) >> (bit) & 1)) found |= UINT64_C(1) << MO_CPU_##feature;
    HAVE(SSE3, l1.ecx, 0, 1) HAVE(PCLMUL, l1.ecx, 1, 1) HAVE(SSSE3, l1.ecx, 9, 1) HAVE(FMA, l1.ecx, 12, avx)
    HAVE(CX16, l1.ecx, 13, 1) HAVE(SSE41, l1.ecx, 19, 1) HAVE(SSE42, l1.ecx, 20, 1) HAVE(MOVBE, l1.ecx, 22, 1)
    HAVE(POPCNT, l1.ecx, 23, 1) HAVE(AES, l1.ecx, 25, 1) HAVE(AVX, l1.ecx, 28, avx) HAVE(F16C, l1.ecx, 29, avx)
    HAVE(BMI1, l7.ebx, 3, 1) HAVE(AVX2, l7.ebx, 5, avx) HAVE(BMI2, l7.ebx, 8, 1)
    HAVE(AVX512F, l7.ebx, 16, avx512) HAVE(AVX512DQ, l7.ebx, 17, avx512) HAVE(ADX, l7.ebx, 19, 1)
    HAVE(AVX512IFMA, l7.ebx, 21, avx512) HAVE(AVX512CD, l7.ebx, 28, avx512) HAVE(SHA, l7.ebx, 29, 1)
    HAVE(AVX512BW, l7.ebx, 30, avx512) HAVE(AVX512VL, l7.ebx, 31, avx512)
    HAVE(AVX512VBMI, l7.ecx, 1, avx512) HAVE(AVX512VBMI2, l7.ecx, 6, avx512) HAVE(GFNI, l7.ecx, 8, 1)
    HAVE(VAES, l7.ecx, 9, avx) HAVE(VPCLMULQDQ, l7.ecx, 10, avx) HAVE(AVX512VNNI, l7.ecx, 11, avx512)
    HAVE(AVX512BITALG, l7.ecx, 12, avx512) HAVE(AVX512VPOPCNTDQ, l7.ecx, 14, avx512)
    HAVE(AVX512BF16, l71.eax, 5, avx512) HAVE(LZCNT, lx.ecx, 5, 1)
#undef HAVE
    if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) found |= UINT64_C(1) << MO_CPU_FSGSBASE;
    return found;
}

uint64_t mo_cpu_here(void)
{
    static _Atomic uint64_t known; /* 0: not asked yet; every x86-64 has something */
    uint64_t found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found) return found;
    found = ask();
    atomic_store_explicit(&known, found, memory_order_relaxed);
    return found;
}

#endif
