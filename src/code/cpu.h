/* cpu.h - the processor features that compiled code may need, once. A bit each in
 * an artifact's header; LLVM's names. */
#ifndef MO_CODE_CPU_H
#define MO_CODE_CPU_H

/* CPU features that code may need; bits of mo_file_header.cpu. */
#define MO_CPU_FEATURES(X) \
    X(SSE3, "sse3") X(SSSE3, "ssse3") X(SSE41, "sse4.1") X(SSE42, "sse4.2") X(POPCNT, "popcnt") X(CX16, "cx16") \
    X(AVX, "avx") X(AVX2, "avx2") X(BMI1, "bmi1") X(BMI2, "bmi2") X(F16C, "f16c") X(FMA, "fma") X(LZCNT, "lzcnt") X(MOVBE, "movbe") \
    X(AVX512F, "avx512f") X(AVX512BW, "avx512bw") X(AVX512CD, "avx512cd") X(AVX512DQ, "avx512dq") X(AVX512VL, "avx512vl") \
    X(AVX512VBMI, "avx512vbmi") X(AVX512VBMI2, "avx512vbmi2") X(AVX512VNNI, "avx512vnni") X(AVX512BITALG, "avx512bitalg") \
    X(AVX512VPOPCNTDQ, "avx512vpopcntdq") X(AVX512IFMA, "avx512ifma") X(AVX512BF16, "avx512bf16") X(GFNI, "gfni") X(VAES, "vaes") \
    X(VPCLMULQDQ, "vpclmulqdq") X(AES, "aes") X(PCLMUL, "pclmul") X(SHA, "sha") X(ADX, "adx") X(FSGSBASE, "fsgsbase")
typedef enum mo_cpu_feature {
#define X(name, text) MO_CPU_##name,
    MO_CPU_FEATURES(X)
#undef X
} mo_cpu_feature;

#endif
