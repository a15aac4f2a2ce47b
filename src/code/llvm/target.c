/* target.c - the name that --target-cpu takes -> what LLVM is told and what the
 * artifact needs of the processor that runs it. */
#include "code/cpu.h"
#include "code/llvm/compile.h"

#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>

#include <stdio.h>

#define BIT(name) (UINT64_C(1) << MO_CPU_##name)

static const uint64_t v2 = BIT(SSE3) | BIT(SSSE3) | BIT(SSE41) | BIT(SSE42) | BIT(POPCNT) | BIT(CX16);
static const uint64_t v3 = BIT(AVX) | BIT(AVX2) | BIT(BMI1) | BIT(BMI2) | BIT(F16C) | BIT(FMA) | BIT(LZCNT) | BIT(MOVBE);
static const uint64_t v4 = BIT(AVX512F) | BIT(AVX512BW) | BIT(AVX512CD) | BIT(AVX512DQ) | BIT(AVX512VL);

/* Gathered table look-ups lose against single loads wherever measured (docs/compiler.md). */
static const char tuning[] = ",+prefer-no-gather,+prefer-no-scatter";

/* LLVM chains a sum of products through VNNI's accumulator, each waiting for the one
 * before: slower than multiply and add wherever measured. */
static void drop_feature(char *features, const char *name)
{
    char *at = strstr(features, name);
    if (at)
        *at = '-';
}

static bool set(mo_target *ret, const char *cpu, const char *features, uint64_t needs, mote_error *err)
{
    size_t size = strlen(features) + sizeof tuning;
    ret->features = mo_alloc(size);
    if (!ret->features)
        return mo_fail_nomem(err);
    snprintf(ret->features, size, "%s%s", features, *features ? tuning : tuning + 1);
    drop_feature(ret->features, "+avx512vnni");
    drop_feature(ret->features, "+avxvnni,");
    snprintf(ret->cpu, sizeof ret->cpu, "%s", cpu);
    ret->needs = needs;
    return true;
}

bool mo_target_resolve(const char *name, uint64_t here, mo_target *ret, mote_error *err)
{
    if (strcmp(name, "x86-64-v2") == 0)
        return set(ret, name, "", v2, err);
    if (strcmp(name, "x86-64-v3") == 0)
        return set(ret, name, "", v2 | v3, err);
    if (strcmp(name, "x86-64-v4") == 0)
        return set(ret, name, "", v2 | v3 | v4, err);
    if (strcmp(name, "native") != 0)
        return mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE,
                       "target '%s': want native, x86-64-v2, x86-64-v3 or x86-64-v4", name);
    if ((here & v2) != v2)
        return mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "this processor lacks SSE4.2; mote needs x86-64-v2");
    char *cpu = LLVMGetHostCPUName(), *features = LLVMGetHostCPUFeatures();
    bool ok = set(ret, cpu, features, here, err);
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    return ok;
}

void mo_target_free(mo_target *target)
{
    mo_free(target->features);
    *target = (mo_target){0};
}
