/* simd.h - v128 inside the LLVM compiler: shapes, and the edges of the operand stack,
 * where every v128 is <2 x i64>. */
#ifndef MO_CODE_LLVM_SIMD_H
#define MO_CODE_LLVM_SIMD_H

#include "code/llvm/emit.h"

typedef enum mo_shape { MO_I8X16, MO_I16X8, MO_I32X4, MO_I64X2, MO_F32X4, MO_F64X2, MO_SHAPES } mo_shape;

LLVMTypeRef mo_lane_type(mo_emit *e, mo_shape shape);
unsigned mo_lane_count(mo_shape shape);
LLVMTypeRef mo_lanes_type(mo_emit *e, mo_shape shape);

/* Pops a v128 and sees it as shape. */
LLVMValueRef mo_pop_lanes(mo_emit *e, mo_shape shape);
/* Pushes any vector of 128 bits. */
void mo_push_lanes(mo_emit *e, LLVMValueRef v);

/* v in every lane of a vector of n lanes. */
LLVMValueRef mo_splat(mo_emit *e, LLVMValueRef v, unsigned n);
LLVMValueRef mo_splat_int(mo_emit *e, mo_shape shape, uint64_t v);
/* n lanes of a and b joined, from first on, every step-th one. */
LLVMValueRef mo_stride(mo_emit *e, LLVMValueRef a, LLVMValueRef b, unsigned first, unsigned step, unsigned n);
/* i1 per lane -> all ones or all zeros per lane of shape (an integer shape). */
LLVMValueRef mo_mask(mo_emit *e, LLVMValueRef bits, mo_shape shape);

/* --- instructions of the target (simd_x86_64.c) ------------------------ */

/* Each gives NULL where the target has no such instruction; the caller then says it
 * in IR that every target knows. */
LLVMValueRef mo_native_swizzle(mo_emit *e, LLVMValueRef v, LLVMValueRef index);         /* i8x16.relaxed_swizzle */
LLVMValueRef mo_native_narrow(mo_emit *e, mo_shape to, bool is_signed, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef mo_native_dot(mo_emit *e, LLVMValueRef a, LLVMValueRef b);                 /* i32x4.dot_i16x8_s */
LLVMValueRef mo_native_dot_bytes(mo_emit *e, LLVMValueRef u, LLVMValueRef s);           /* unsigned by signed, i16 sums saturate */
LLVMValueRef mo_native_dot_bytes_add(mo_emit *e, LLVMValueRef u, LLVMValueRef s, LLVMValueRef sum);
LLVMValueRef mo_native_q15mulr(mo_emit *e, LLVMValueRef a, LLVMValueRef b);             /* -1 * -1 is -1 */
LLVMValueRef mo_native_trunc_sat(mo_emit *e, bool is_signed, LLVMValueRef v);           /* f32x4 or f64x2 -> i32x4 */
LLVMValueRef mo_native_trunc_relaxed(mo_emit *e, bool is_signed, LLVMValueRef v);
bool mo_native_bit_select(mo_emit *e); /* v128.bitselect is one instruction */
bool mo_native_fma(mo_emit *e);        /* so are f32x4 and f64x2 multiply-add, rounded once */

#endif
