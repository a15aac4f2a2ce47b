/* simd_x86_64.c - what x86-64 does in one instruction and LLVM does not find, or
 * loses when it rearranges sums, from IR that says the same.
 * SSE4.2 is the least that mote compiles for. */
#include "code/llvm/simd.h"

/* The x86-64 level that brings a feature; 5: none, only a named processor does. */
static unsigned level_of(const char *feature)
{
    static const char *const levels[] = {"sse4.1", "fma", "avx512vl"};
    for (unsigned i = 0; i < MO_COUNT(levels); i++)
        if (strcmp(feature, levels[i]) == 0)
            return i + 2;
    return 5;
}

static bool has(mo_emit *e, const char *feature)
{
    const mo_job *job = e->shard->job;
    static const char family[] = "x86-64-v";
    size_t len = sizeof family - 1;
    if (strncmp(job->cpu, family, len) == 0 && (unsigned)(job->cpu[len] - '0') >= level_of(feature))
        return true;
    size_t n = strlen(feature); /* "+a,-b,+c" */
    for (const char *at = strstr(job->features, feature); at; at = strstr(at + n, feature))
        if (at > job->features && at[-1] == '+' && (at[n] == ',' || !at[n]))
            return true;
    return false;
}

static bool is_x86(mo_emit *e) { return has(e, "sse4.1"); }

/* Args are any vectors of the right size: LLVM's versions differ in lanes here and there. */
static LLVMValueRef call(mo_emit *e, const char *name, LLVMValueRef *args, uint32_t n)
{
    LLVMTypeRef params[4];
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMGetParamTypes(LLVMIntrinsicGetType(e->shard->context, id, NULL, 0), params);
    for (uint32_t i = 0; i < n; i++)
        args[i] = LLVMBuildBitCast(e->b, args[i], params[i], "");
    return mo_intrinsic(e, name, NULL, 0, args, n);
}
static LLVMValueRef call1(mo_emit *e, const char *name, LLVMValueRef a) { return call(e, name, &a, 1); }
static LLVMValueRef call2(mo_emit *e, const char *name, LLVMValueRef a, LLVMValueRef b)
{
    return call(e, name, (LLVMValueRef[]){a, b}, 2);
}

/* --- integers ---------------------------------------------------------- */

LLVMValueRef mo_native_swizzle(mo_emit *e, LLVMValueRef v, LLVMValueRef index)
{
    return is_x86(e) ? call2(e, "llvm.x86.ssse3.pshuf.b.128", v, index) : NULL;
}

LLVMValueRef mo_native_narrow(mo_emit *e, mo_shape to, bool is_signed, LLVMValueRef a, LLVMValueRef b)
{
    if (!is_x86(e))
        return NULL;
    if (to == MO_I8X16)
        return call2(e, is_signed ? "llvm.x86.sse2.packsswb.128" : "llvm.x86.sse2.packuswb.128", a, b);
    return call2(e, is_signed ? "llvm.x86.sse2.packssdw.128" : "llvm.x86.sse41.packusdw", a, b);
}

LLVMValueRef mo_native_dot(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return is_x86(e) ? call2(e, "llvm.x86.sse2.pmadd.wd", a, b) : NULL;
}

LLVMValueRef mo_native_dot_bytes(mo_emit *e, LLVMValueRef u, LLVMValueRef s)
{
    return is_x86(e) ? call2(e, "llvm.x86.ssse3.pmadd.ub.sw.128", u, s) : NULL;
}

LLVMValueRef mo_native_dot_bytes_add(mo_emit *e, LLVMValueRef u, LLVMValueRef s, LLVMValueRef sum)
{
    if (!is_x86(e))
        return NULL;
    if (has(e, "avxvnni") || (has(e, "avx512vnni") && has(e, "avx512vl")))
        return call(e, "llvm.x86.avx512.vpdpbusd.128", (LLVMValueRef[]){sum, u, s}, 3);
    LLVMValueRef pairs = mo_native_dot_bytes(e, u, s);
    return LLVMBuildAdd(e->b, mo_native_dot(e, pairs, mo_splat_int(e, MO_I16X8, 1)), sum, "");
}

LLVMValueRef mo_native_q15mulr(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return is_x86(e) ? call2(e, "llvm.x86.ssse3.pmul.hr.sw.128", a, b) : NULL;
}

bool mo_native_bit_select(mo_emit *e) { return has(e, "avx512vl"); }
bool mo_native_fma(mo_emit *e) { return has(e, "fma"); }

/* --- float to integer -------------------------------------------------- */

/* cvttps2dq and cvttpd2dq give 0x80000000 for NaN and whatever does not fit, their
 * unsigned kin 0xffffffff; the latter's upper result lanes are 0. */

static LLVMValueRef truncate(mo_emit *e, LLVMValueRef v)
{
    bool is_f32 = LLVMGetElementType(LLVMTypeOf(v)) == e->shard->f32;
    return call1(e, is_f32 ? "llvm.x86.sse2.cvttps2dq" : "llvm.x86.sse2.cvttpd2dq", v);
}

static LLVMValueRef truncate_unsigned(mo_emit *e, LLVMValueRef v)
{
    bool is_f32 = LLVMGetElementType(LLVMTypeOf(v)) == e->shard->f32;
    const char *name = is_f32 ? "llvm.x86.avx512.mask.cvttps2udq.128" : "llvm.x86.avx512.mask.cvttpd2udq.128";
    LLVMValueRef all = LLVMConstInt(e->shard->i8, 0xff, false);
    return call(e, name, (LLVMValueRef[]){v, mo_splat_int(e, MO_I32X4, 0), all}, 3);
}

/* minps, maxps and kin: a if it wins, otherwise b, NaN or not. */
static LLVMValueRef min(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->b, LLVMBuildFCmp(e->b, LLVMRealOLT, a, b, ""), a, b, "");
}
static LLVMValueRef max(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->b, LLVMBuildFCmp(e->b, LLVMRealOGT, a, b, ""), a, b, "");
}

static LLVMValueRef all_lanes(mo_emit *e, LLVMTypeRef type, double v)
{
    return mo_splat(e, LLVMConstReal(LLVMGetElementType(type), v), LLVMGetVectorSize(type));
}

static LLVMValueRef f32_signed(mo_emit *e, LLVMValueRef v)
{
    LLVMValueRef limit = all_lanes(e, LLVMTypeOf(v), 0x1p31);
    LLVMValueRef above = mo_mask(e, LLVMBuildFCmp(e->b, LLVMRealOGE, v, limit, ""), MO_I32X4);
    LLVMValueRef number = mo_mask(e, LLVMBuildFCmp(e->b, LLVMRealORD, v, v, ""), MO_I32X4);
    LLVMValueRef r = LLVMBuildXor(e->b, truncate(e, v), above, ""); /* 0x80000000 -> 0x7fffffff */
    return LLVMBuildAnd(e->b, r, number, "");
}

/* From 2^31 on the first truncation is 0x80000000 and the second what is above it. */
static LLVMValueRef f32_unsigned(mo_emit *e, LLVMValueRef v)
{
    LLVMValueRef limit = all_lanes(e, LLVMTypeOf(v), 0x1p31);
    v = max(e, v, LLVMConstNull(LLVMTypeOf(v)));
    LLVMValueRef rest = LLVMBuildFSub(e->b, v, limit, "");
    LLVMValueRef above = mo_mask(e, LLVMBuildFCmp(e->b, LLVMRealOGE, rest, limit, ""), MO_I32X4);
    LLVMValueRef high = LLVMBuildXor(e->b, truncate(e, rest), above, "");
    high = mo_intrinsic2(e, "llvm.smax", high, mo_splat_int(e, MO_I32X4, 0));
    return LLVMBuildAdd(e->b, truncate(e, v), high, "");
}

static LLVMValueRef f64_signed(mo_emit *e, LLVMValueRef v)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    LLVMValueRef number = LLVMBuildFCmp(e->b, LLVMRealORD, v, v, "");
    LLVMValueRef limit = LLVMBuildSelect(e->b, number, all_lanes(e, type, 0x7fffffff), LLVMConstNull(type), "");
    return truncate(e, min(e, v, limit)); /* NaN: the limit, 0 */
}

/* The low half of an integer's double plus 2^52 is the integer. */
static LLVMValueRef f64_unsigned(mo_emit *e, LLVMValueRef v)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    v = max(e, v, LLVMConstNull(type));
    v = mo_intrinsic1(e, "llvm.trunc", min(e, v, all_lanes(e, type, 0xffffffff)));
    v = LLVMBuildFAdd(e->b, v, all_lanes(e, type, 0x1p52), "");
    v = LLVMBuildBitCast(e->b, v, mo_lanes_type(e, MO_I32X4), "");
    LLVMValueRef zero = mo_splat_int(e, MO_I32X4, 0);
    return mo_stride(e, v, zero, 0, 2, 4);
}

LLVMValueRef mo_native_trunc_sat(mo_emit *e, bool is_signed, LLVMValueRef v)
{
    if (!is_x86(e))
        return NULL;
    bool is_f32 = LLVMGetElementType(LLVMTypeOf(v)) == e->shard->f32;
    if (is_signed)
        return is_f32 ? f32_signed(e, v) : f64_signed(e, v);
    if (has(e, "avx512vl"))
        return truncate_unsigned(e, max(e, v, LLVMConstNull(LLVMTypeOf(v))));
    return is_f32 ? f32_unsigned(e, v) : f64_unsigned(e, v);
}

LLVMValueRef mo_native_trunc_relaxed(mo_emit *e, bool is_signed, LLVMValueRef v)
{
    if (is_signed && is_x86(e))
        return truncate(e, v);
    if (!is_signed && has(e, "avx512vl"))
        return truncate_unsigned(e, v);
    return NULL;
}
