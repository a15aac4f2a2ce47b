/* places.c - each machine instruction that may fault has the place, in the Wasm body, of
 * the access that it makes. Instruction selection folds a load into what uses it, and the
 * result has the user's place; a user that cannot fault itself has no need of its own. */
#include "code/llvm/shard.h"

#define LOOK_BACK 3 /* users of users: a load, masked, then extended, becomes one extending load */

static bool is_pure(LLVMValueRef v)
{
    switch (LLVMGetInstructionOpcode(v)) {
    case LLVMAdd: case LLVMSub: case LLVMMul: case LLVMAnd: case LLVMOr: case LLVMXor: case LLVMShl: case LLVMLShr: case LLVMAShr:
    case LLVMFAdd: case LLVMFSub: case LLVMFMul: case LLVMFDiv: case LLVMFNeg:
    case LLVMTrunc: case LLVMZExt: case LLVMSExt: case LLVMFPToUI: case LLVMFPToSI: case LLVMUIToFP: case LLVMSIToFP:
    case LLVMFPTrunc: case LLVMFPExt: case LLVMBitCast: case LLVMFreeze:
    case LLVMICmp: case LLVMFCmp: case LLVMSelect:
    case LLVMExtractElement: case LLVMInsertElement: case LLVMShuffleVector:
        return true;
    case LLVMCall: /* fabs and the like; what copies memory returns nothing */
        return LLVMGetIntrinsicID(LLVMGetCalledValue(v)) && LLVMGetTypeKind(LLVMTypeOf(v)) != LLVMVoidTypeKind;
    default:
        return false;
    }
}

/* The last load among what v is made of, by place; NULL if there is none. */
static LLVMValueRef load_in(LLVMValueRef v, int look_back)
{
    LLVMValueRef last = NULL;
    if (!LLVMIsAInstruction(v) || LLVMIsALoadInst(v))
        return LLVMIsALoadInst(v);
    if (look_back == 0 || !is_pure(v))
        return NULL;
    for (unsigned i = 0, n = (unsigned)LLVMGetNumOperands(v); i < n; i++) {
        LLVMValueRef load = load_in(LLVMGetOperand(v, i), look_back - 1);
        if (load && (!last || LLVMGetDebugLocLine(load) > LLVMGetDebugLocLine(last)))
            last = load;
    }
    return last;
}

/* The load with which v may become one instruction. */
static LLVMValueRef folded(LLVMValueRef v)
{
    LLVMOpcode op = LLVMGetInstructionOpcode(v);
    if (op == LLVMBr)
        return LLVMIsConditional(v) ? load_in(LLVMGetCondition(v), LOOK_BACK) : NULL;
    if (op != LLVMStore)
        return load_in(v, LOOK_BACK);
    LLVMValueRef load = load_in(LLVMGetOperand(v, 0), LOOK_BACK); /* x = x + 1 */
    return load && LLVMGetOperand(load, 0) == LLVMGetOperand(v, 1) ? load : NULL;
}

static bool is_logic(LLVMValueRef v)
{
    LLVMOpcode op = LLVMIsABinaryOperator(v) ? LLVMGetInstructionOpcode(v) : (LLVMOpcode)0;
    return op == LLVMAnd || op == LLVMOr || op == LLVMXor;
}

static LLVMValueRef widened(mo_shard *s, LLVMValueRef v, LLVMTypeRef type, LLVMValueRef place, int look_back)
{
    if (look_back && is_logic(v) && load_in(v, look_back)) {
        LLVMValueRef left = widened(s, LLVMGetOperand(v, 0), type, place, look_back - 1);
        LLVMValueRef right = widened(s, LLVMGetOperand(v, 1), type, place, look_back - 1);
        return LLVMBuildBinOp(s->b, LLVMGetInstructionOpcode(v), left, right, "");
    }
    LLVMSetCurrentDebugLocation2(s->b, LLVMInstructionGetDebugLoc(LLVMIsALoadInst(v) ? v : place));
    return LLVMBuildZExt(s->b, v, type, "");
}

/* An extension of a load that was masked or the like: LLVM 19 makes an extending load of it
 * that has no place at all. Extended first and masked then, it keeps it. What is left of
 * the narrow operations nobody uses. 32 bits need no extending load. */
static LLVMValueRef widen_first(mo_shard *s, LLVMValueRef v)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    if (!LLVMIsAZExtInst(v) || LLVMGetTypeKind(type) != LLVMIntegerTypeKind || LLVMGetIntTypeWidth(type) > 64)
        return v;
    LLVMValueRef logic = LLVMGetOperand(v, 0);
    if (LLVMGetIntTypeWidth(LLVMTypeOf(logic)) >= 32 || !is_logic(logic) || !load_in(logic, LOOK_BACK))
        return v;
    LLVMPositionBuilderBefore(s->b, v);
    LLVMValueRef wide = widened(s, logic, type, v, LOOK_BACK);
    LLVMReplaceAllUsesWith(v, wide);
    LLVMInstructionEraseFromParent(v);
    return wide;
}

void mo_keep_places(mo_shard *s)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(s->llvm); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef v = LLVMGetFirstInstruction(b); v; v = LLVMGetNextInstruction(v)) {
                v = widen_first(s, v);
                LLVMValueRef load = LLVMIsALoadInst(v) ? NULL : folded(v);
                if (load)
                    LLVMInstructionSetDebugLoc(v, LLVMInstructionGetDebugLoc(load));
            }
}
