/* float.h - float arithmetic that makes signalling NaNs quiet, as Wasm demands and
 * LLVM's default rules do not (float.c). Operands: f32, f64 or vectors of them. */
#ifndef MO_CODE_LLVM_FLOAT_H
#define MO_CODE_LLVM_FLOAT_H

#include "code/llvm/emit.h"

/* LLVMFAdd, LLVMFSub, LLVMFMul or LLVMFDiv. */
LLVMValueRef mo_float_binary(mo_emit *e, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b);
/* Wasm 3.0, "fmin" and "fmax": a NaN if either is one, -0 below +0. Branch-free. */
LLVMValueRef mo_float_min(mo_emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef mo_float_max(mo_emit *e, LLVMValueRef a, LLVMValueRef b);
/* v of f64 rounded to type; what was widened just before is really rounded. */
LLVMValueRef mo_float_demote(mo_emit *e, LLVMValueRef v, LLVMTypeRef type);

#endif
