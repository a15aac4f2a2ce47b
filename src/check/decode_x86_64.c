/* decode_x86_64.c - bytes -> steps. What is not on the list is refused: no system
 * call, no port, no segment or control register, no clock, no change of rounding,
 * nothing that Zydis does not know. */
#include "check/step.h"

#include <Zydis/Zydis.h>

#include <stdio.h>

/* --- the list ------------------------------------------------------------ */

/* Instructions that only compute, move, or transfer control as flow_x86_64.c follows it. */
static const uint8_t categories[ZYDIS_CATEGORY_MAX_VALUE + 1] = {
#define YES(name) [ZYDIS_CATEGORY_##name] = 1,
    YES(ADOX_ADCX) YES(AES) YES(AVX) YES(AVX2) YES(AVX2GATHER) YES(AVX512) YES(AVX512_BITALG) YES(AVX512_VBMI)
    YES(BINARY) YES(BITBYTE) YES(BLEND) YES(BMI1) YES(BMI2) YES(BROADCAST) YES(CALL) YES(CMOV) YES(COMPRESS)
    YES(COND_BR) YES(CONFLICT) YES(CONVERT) YES(DATAXFER) YES(EXPAND) YES(FMA4) YES(FP16) YES(GATHER) YES(GFNI)
    YES(IFMA) YES(KMASK) YES(LOGICAL) YES(LOGICAL_FP) YES(LZCNT) YES(NOP) YES(PCLMULQDQ) YES(POP) YES(PREFETCH)
    YES(PUSH) YES(RET) YES(ROTATE) YES(SCATTER) YES(SEMAPHORE) YES(SETCC) YES(SHA) YES(SHIFT) YES(SSE) YES(STRINGOP)
    YES(STTNI) YES(TBM) YES(UNCOND_BR) YES(VAES) YES(VBMI2) YES(VFMA) YES(VPCLMULQDQ) YES(WIDENOP) YES(XOP)
#undef YES
};

/* An operand size of 16 bits, which processors disagree about, where control or the
 * stack is moved. */
static bool is_cut_short(const ZydisDecodedInstruction *i)
{
    ZydisInstructionCategory c = i->meta.category;
    bool moves = c == ZYDIS_CATEGORY_CALL || c == ZYDIS_CATEGORY_RET || c == ZYDIS_CATEGORY_UNCOND_BR || c == ZYDIS_CATEGORY_COND_BR ||
                 c == ZYDIS_CATEGORY_PUSH || c == ZYDIS_CATEGORY_POP || i->mnemonic == ZYDIS_MNEMONIC_LEAVE;
    return moves && (i->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE);
}

/* Of categories that are not: those that are; of those that are: those that are not. */
static bool is_listed(const ZydisDecodedInstruction *i)
{
    if (is_cut_short(i))
        return false;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_LEA: case ZYDIS_MNEMONIC_LEAVE: case ZYDIS_MNEMONIC_UD1: case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_INT3: case ZYDIS_MNEMONIC_MFENCE: case ZYDIS_MNEMONIC_LFENCE: case ZYDIS_MNEMONIC_SFENCE:
    case ZYDIS_MNEMONIC_PAUSE: case ZYDIS_MNEMONIC_CMC: case ZYDIS_MNEMONIC_CLC: case ZYDIS_MNEMONIC_STC:
    case ZYDIS_MNEMONIC_LAHF: case ZYDIS_MNEMONIC_SAHF: case ZYDIS_MNEMONIC_CLD: case ZYDIS_MNEMONIC_ENDBR64:
        return true;
    case ZYDIS_MNEMONIC_LDMXCSR: case ZYDIS_MNEMONIC_STMXCSR: case ZYDIS_MNEMONIC_VLDMXCSR: case ZYDIS_MNEMONIC_VSTMXCSR:
    case ZYDIS_MNEMONIC_FXSAVE: case ZYDIS_MNEMONIC_FXSAVE64: case ZYDIS_MNEMONIC_FXRSTOR: case ZYDIS_MNEMONIC_FXRSTOR64:
    case ZYDIS_MNEMONIC_PUSHF: case ZYDIS_MNEMONIC_PUSHFQ: case ZYDIS_MNEMONIC_POPF: case ZYDIS_MNEMONIC_POPFQ:
    case ZYDIS_MNEMONIC_LOOP: case ZYDIS_MNEMONIC_LOOPE: case ZYDIS_MNEMONIC_LOOPNE:
    case ZYDIS_MNEMONIC_JCXZ: case ZYDIS_MNEMONIC_JECXZ: case ZYDIS_MNEMONIC_JRCXZ: case ZYDIS_MNEMONIC_XBEGIN: case ZYDIS_MNEMONIC_XABORT:
        return false;
    case ZYDIS_MNEMONIC_RET:
        return i->opcode == 0xc3;
    default:
        return categories[i->meta.category] && i->meta.branch_type != ZYDIS_BRANCH_TYPE_FAR;
    }
}

static const ZydisDecoder decoder = {
    .machine_mode = ZYDIS_MACHINE_MODE_LONG_64,
    .stack_width = ZYDIS_STACK_WIDTH_64,
    .decoder_mode = {[ZYDIS_DECODER_MODE_LZCNT] = true, [ZYDIS_DECODER_MODE_TZCNT] = true, [ZYDIS_DECODER_MODE_MPX] = true,
                     [ZYDIS_DECODER_MODE_CET] = true, [ZYDIS_DECODER_MODE_CLDEMOTE] = true, [ZYDIS_DECODER_MODE_WBNOINVD] = true},
};

static bool decode(const uint8_t *text, uint32_t at, uint32_t end, ZydisDecodedInstruction *i, ZydisDecoderContext *context)
{
    return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, context, text + at, end - at, i));
}

static const char not_listed[] = "an instruction that compiled code may use";
static const char not_known[] = "an instruction";

/* --- the first pass ------------------------------------------------------ */

/* jmp and call through a register or memory: opcode ff. */
static bool is_through(const ZydisDecodedInstruction *i)
{
    return i->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && i->opcode == 0xff;
}

const char *mo_step_brief_decode(const uint8_t *text, uint32_t at, uint32_t end, mo_step_brief *ret)
{
    ZydisDecodedInstruction i;
    *ret = (mo_step_brief){0};
    if (!decode(text, at, end, &i, NULL))
        return not_known;
    if (!is_listed(&i))
        return not_listed;
    ret->len = i.length;
    ret->call = i.meta.category == ZYDIS_CATEGORY_CALL;
    bool branch = i.meta.category == ZYDIS_CATEGORY_UNCOND_BR || i.meta.category == ZYDIS_CATEGORY_COND_BR;
    ret->direct = (ret->call || branch) && !is_through(&i);
    ret->returns = i.mnemonic == ZYDIS_MNEMONIC_RET;
    ret->jumps_through = i.meta.category == ZYDIS_CATEGORY_UNCOND_BR && !ret->direct;
    ret->adds = i.mnemonic == ZYDIS_MNEMONIC_ADD && i.operand_width == 64 && i.raw.modrm.mod == 3;
    if (ret->direct) {
        ret->target = (uint32_t)(at + i.length + i.raw.imm[0].value.s);
    } else if ((i.attributes & ZYDIS_ATTRIB_HAS_MODRM) && i.raw.modrm.mod == 0 && i.raw.modrm.rm == 5) {
        ret->names = true;
        ret->target = (uint32_t)(at + i.length + i.raw.disp.value);
    }
    return NULL;
}

/* --- operands ------------------------------------------------------------ */

static uint8_t general(ZydisRegister r)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(r);
    if (class == ZYDIS_REGCLASS_GPR64 || class == ZYDIS_REGCLASS_GPR32 || class == ZYDIS_REGCLASS_GPR16)
        return (uint8_t)ZydisRegisterGetId(r);
    if (class != ZYDIS_REGCLASS_GPR8)
        return MO_NO_REGISTER;
    return (uint8_t)ZydisRegisterGetId(ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r));
}

static bool is_vector(ZydisRegister r)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(r);
    return class == ZYDIS_REGCLASS_XMM || class == ZYDIS_REGCLASS_YMM || class == ZYDIS_REGCLASS_ZMM;
}

static bool is_general64(const ZydisDecodedOperand *o)
{
    return o->type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(o->reg.value) == ZYDIS_REGCLASS_GPR64;
}

static bool is_general32(const ZydisDecodedOperand *o)
{
    return o->type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(o->reg.value) == ZYDIS_REGCLASS_GPR32;
}

static bool is_harmless(ZydisRegister r)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(r);
    return class == ZYDIS_REGCLASS_MASK || class == ZYDIS_REGCLASS_FLAGS || class == ZYDIS_REGCLASS_IP || r == ZYDIS_REGISTER_MXCSR ||
           r == ZYDIS_REGISTER_NONE;
}

static bool take_memory(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o, mo_step *s)
{
    const ZydisDecodedOperandMem *m = &o->mem;
    if (m->segment == ZYDIS_REGISTER_FS || m->segment == ZYDIS_REGISTER_GS)
        return false;
    s->narrow = i->address_width != 64;
    s->base = m->base == ZYDIS_REGISTER_NONE ? MO_NO_REGISTER : m->base == ZYDIS_REGISTER_RIP ? MO_RIP : general(m->base);
    s->vector_index = is_vector(m->index);
    s->index = m->index == ZYDIS_REGISTER_NONE ? MO_NO_REGISTER
        : s->vector_index ? (uint8_t)ZydisRegisterGetId(m->index) : general(m->index);
    s->scale = m->scale ? (uint8_t)__builtin_ctz(m->scale) : 0;
    s->displacement = m->disp.value;
    s->size = o->size / 8;
    if (m->type == ZYDIS_MEMOP_TYPE_AGEN)
        return true;
    s->access = (uint8_t)((o->actions & ZYDIS_OPERAND_ACTION_MASK_READ ? MO_READS : 0) |
                          (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE ? MO_WRITES : 0));
    return m->type == ZYDIS_MEMOP_TYPE_MEM || m->type == ZYDIS_MEMOP_TYPE_VSIB;
}

/* Whatever the instruction does: which registers it writes, which memory it touches. */
static const char *take_operands(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *ops, mo_step *s)
{
    bool memory = false;
    for (uint8_t k = 0; k < i->operand_count; k++) {
        const ZydisDecodedOperand *o = &ops[k];
        bool writes = (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
        if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
            uint8_t r = general(o->reg.value);
            if (r != MO_NO_REGISTER) {
                s->writes |= (uint16_t)((unsigned)writes << r);
                s->halves |= (uint16_t)((unsigned)(writes && is_general32(o)) << r);
            } else if (!is_vector(o->reg.value) && !is_harmless(o->reg.value)) {
                return "general, vector and mask registers only";
            }
        } else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY) {
            if (memory || !take_memory(i, o, s))
                return "one memory operand, not in FS or GS";
            memory = true;
        } else if (o->type == ZYDIS_OPERAND_TYPE_POINTER) {
            return not_listed;
        }
    }
    return NULL;
}

/* --- what is followed ---------------------------------------------------- */

static int64_t immediate(const ZydisDecodedOperand *o) { return o->imm.value.s; }
static bool is_memory(const ZydisDecodedOperand *o) { return o->type == ZYDIS_OPERAND_TYPE_MEMORY; }
static bool is_immediate(const ZydisDecodedOperand *o) { return o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE; }

static void op_with(mo_step *s, mo_step_op op, const ZydisDecodedOperand *dst, const ZydisDecodedOperand *src)
{
    s->op = (uint8_t)op;
    s->width = 8;
    if (dst && dst->type == ZYDIS_OPERAND_TYPE_REGISTER)
        s->dst = general(dst->reg.value);
    if (src && src->type == ZYDIS_OPERAND_TYPE_REGISTER)
        s->src = general(src->reg.value);
    if (src && is_immediate(src))
        s->number = immediate(src);
}

static uint8_t width_of(const ZydisDecodedOperand *o) { return is_general64(o) ? 8 : is_general32(o) ? 4 : 0; }

static void take_mov(const ZydisDecodedOperand *ops, mo_step *s)
{
    const ZydisDecodedOperand *a = &ops[0], *b = &ops[1];
    if (is_general32(a) && is_general32(b)) {
        op_with(s, MO_STEP_MOVE, a, b);
        s->width = 4;
    } else if (is_general32(a) && is_immediate(b)) {
        op_with(s, MO_STEP_NUMBER, a, b);
        s->number = (uint32_t)s->number;
    } else if (is_general64(a)) {
        op_with(s, is_memory(b) ? MO_STEP_LOAD : is_immediate(b) ? MO_STEP_NUMBER : MO_STEP_MOVE, a, b);
    } else if (is_general32(a) && is_memory(b)) {
        op_with(s, MO_STEP_LOAD, a, b);
        s->width = 4;
    } else if (is_memory(a) && a->size == 64) {
        op_with(s, MO_STEP_STORE, a, b);
    } else if (is_memory(a) && a->size == 32) {
        op_with(s, MO_STEP_STORE, a, b);
        s->width = 4;
        s->number = (uint32_t)s->number;
    }
}

/* A result of numbers alone, where both operands are registers or immediates. */
static void take_compute(const ZydisDecodedOperand *ops, mo_step *s, mo_sum sum)
{
    uint8_t width = width_of(&ops[0]);
    if (!width || (sum != MO_SUM_NOT && !is_immediate(&ops[1]) && width_of(&ops[1]) != width))
        return;
    op_with(s, MO_STEP_COMPUTE, &ops[0], sum == MO_SUM_NOT ? NULL : &ops[1]);
    s->width = width;
    s->sum = (uint8_t)sum;
}

/* A register minus itself, or such. */
static bool take_zero(const ZydisDecodedOperand *ops, mo_step *s)
{
    if (!width_of(&ops[0]) || width_of(&ops[1]) != width_of(&ops[0]) || ops[0].reg.value != ops[1].reg.value)
        return false;
    op_with(s, MO_STEP_NUMBER, &ops[0], NULL);
    return true;
}

static void take_sum(const ZydisDecodedOperand *ops, mo_step *s, bool minus)
{
    const ZydisDecodedOperand *a = &ops[0], *b = &ops[1];
    if (minus && take_zero(ops, s))
        return;
    if (is_general64(a)) {
        mo_step_op plain = minus ? MO_STEP_SUB : MO_STEP_ADD, load = minus ? MO_STEP_SUB_LOAD : MO_STEP_ADD_LOAD;
        op_with(s, is_memory(b) ? load : plain, a, b);
    } else if (is_memory(a) && a->size == 64) {
        op_with(s, minus ? MO_STEP_SUB_STORE : MO_STEP_ADD_STORE, NULL, b);
    } else {
        take_compute(ops, s, minus ? MO_SUM_SUB : MO_SUM_ADD);
    }
}

static void take_increment(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *ops, mo_step *s)
{
    bool memory = is_memory(&ops[0]);
    if (memory ? ops[0].size != 64 : !width_of(&ops[0]))
        return;
    op_with(s, memory ? MO_STEP_ADD_STORE : is_general32(&ops[0]) ? MO_STEP_COMPUTE : MO_STEP_ADD, &ops[0], NULL);
    s->width = is_general32(&ops[0]) ? 4 : 8;
    s->sum = MO_SUM_ADD;
    s->number = i->mnemonic == ZYDIS_MNEMONIC_INC ? 1 : -1;
}

static void take_carry(const ZydisDecodedOperand *ops, mo_step *s, mo_step_op op)
{
    bool same = width_of(&ops[0]) && width_of(&ops[1]) == width_of(&ops[0]) && ops[0].reg.value == ops[1].reg.value;
    if (!is_general64(&ops[0]) && !(same && op == MO_STEP_SUB_CARRY))
        return;
    op_with(s, op, &ops[0], &ops[1]);
    s->width = width_of(&ops[0]);
}

static bool is_low_byte(const ZydisDecodedOperand *o)
{
    return o->type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(o->reg.value) == ZYDIS_REGCLASS_GPR8 &&
           (o->reg.value < ZYDIS_REGISTER_AH || o->reg.value > ZYDIS_REGISTER_BH);
}

static void take_compare(const ZydisDecodedOperand *ops, mo_step *s)
{
    if (!width_of(&ops[0]) || !is_immediate(&ops[1]))
        return;
    op_with(s, MO_STEP_COMPARE, &ops[0], &ops[1]);
    s->width = width_of(&ops[0]);
}

static void take_string(const ZydisDecodedInstruction *i, mo_step *s, uint32_t size)
{
    *s = (mo_step){.at = s->at, .len = s->len, .op = MO_STEP_STRING, .size = size, .width = 8,
                   .access = i->meta.category == ZYDIS_CATEGORY_STRINGOP ? MO_WRITES : 0,
                   .repeated = (i->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE)) != 0,
                   .narrow = i->address_width != 64};
}

/* The instructions whose effect on 64-bit words is followed; others stay MO_STEP_OTHER. */
static const char *take_meaning(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *ops, mo_step *s)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_MOV: take_mov(ops, s); break;
    case ZYDIS_MNEMONIC_ADD: take_sum(ops, s, false); break;
    case ZYDIS_MNEMONIC_SUB: take_sum(ops, s, true); break;
    case ZYDIS_MNEMONIC_ADC: take_carry(ops, s, MO_STEP_ADD_CARRY); break;
    case ZYDIS_MNEMONIC_SBB: take_carry(ops, s, MO_STEP_SUB_CARRY); break;
    case ZYDIS_MNEMONIC_XOR:
        if (!take_zero(ops, s))
            take_compute(ops, s, MO_SUM_XOR);
        break;
    case ZYDIS_MNEMONIC_AND: take_compute(ops, s, MO_SUM_AND); break;
    case ZYDIS_MNEMONIC_OR:
        take_compute(ops, s, MO_SUM_OR);
        if (is_memory(&ops[0]) && is_immediate(&ops[1]) && immediate(&ops[1]) == 0)
            s->access = MO_READS; /* a fence: memory stays as it is */
        break;
    case ZYDIS_MNEMONIC_SHL: case ZYDIS_MNEMONIC_SHR:
        if (is_immediate(&ops[1]))
            take_compute(ops, s, i->mnemonic == ZYDIS_MNEMONIC_SHL ? MO_SUM_SHL : MO_SUM_SHR);
        break;
    case ZYDIS_MNEMONIC_CMP: take_compare(ops, s); break;
    case ZYDIS_MNEMONIC_LEA:
        if (width_of(&ops[0]))
            op_with(s, MO_STEP_LEA, &ops[0], NULL), s->width = width_of(&ops[0]);
        break;
    case ZYDIS_MNEMONIC_INC: case ZYDIS_MNEMONIC_DEC: take_increment(i, ops, s); break;
    case ZYDIS_MNEMONIC_NOT:
        if (is_general32(&ops[0])) {
            take_compute(ops, s, MO_SUM_NOT);
            break;
        } /* fall through */
    case ZYDIS_MNEMONIC_NEG:
        if (is_general64(&ops[0]))
            op_with(s, MO_STEP_NEG, &ops[0], NULL), s->number = i->mnemonic == ZYDIS_MNEMONIC_NOT ? -1 : 0;
        break;
    case ZYDIS_MNEMONIC_MOVSXD:
        if (is_general64(&ops[0]) && is_memory(&ops[1]))
            op_with(s, MO_STEP_LOAD_SIGNED, &ops[0], &ops[1]), s->width = 4;
        break;
    case ZYDIS_MNEMONIC_MOVZX:
        if (width_of(&ops[0]) && is_low_byte(&ops[1]))
            op_with(s, MO_STEP_LOW_BYTE, &ops[0], &ops[1]);
        break;
    case ZYDIS_MNEMONIC_XCHG:
        if (is_general64(&ops[0]) && is_general64(&ops[1]))
            op_with(s, MO_STEP_XCHG, &ops[0], &ops[1]);
        break;
    case ZYDIS_MNEMONIC_PUSH:
        if (i->operand_width != 64)
            return "a push of 8 bytes";
        op_with(s, MO_STEP_PUSH, NULL, &ops[0]);
        break;
    case ZYDIS_MNEMONIC_POP:
        if (!is_general64(&ops[0]))
            return "a pop of 8 bytes to a register";
        op_with(s, MO_STEP_POP, &ops[0], NULL);
        break;
    case ZYDIS_MNEMONIC_LEAVE: op_with(s, MO_STEP_LEAVE, NULL, NULL); break;
    case ZYDIS_MNEMONIC_RET: op_with(s, MO_STEP_RET, NULL, NULL); break;
    case ZYDIS_MNEMONIC_UD1: case ZYDIS_MNEMONIC_UD2: case ZYDIS_MNEMONIC_INT3: op_with(s, MO_STEP_TRAP, NULL, NULL); break;
    default:
        if (i->meta.category == ZYDIS_CATEGORY_CMOV && (is_general64(&ops[0]) || (is_general32(&ops[0]) && !is_memory(&ops[1]))))
            op_with(s, is_memory(&ops[1]) ? MO_STEP_CMOV_LOAD : MO_STEP_CMOV, &ops[0], &ops[1]), s->width = width_of(&ops[0]);
        else if (i->meta.category == ZYDIS_CATEGORY_SETCC && is_low_byte(&ops[0]))
            op_with(s, MO_STEP_SET_BYTE, &ops[0], NULL);
        break;
    }
    return NULL;
}

static mo_condition condition_of(ZydisMnemonic m)
{
    return m == ZYDIS_MNEMONIC_JNBE ? MO_IF_ABOVE : m == ZYDIS_MNEMONIC_JNB ? MO_IF_ABOVE_EQUAL
        : m == ZYDIS_MNEMONIC_JB ? MO_IF_BELOW : m == ZYDIS_MNEMONIC_JBE ? MO_IF_BELOW_EQUAL : MO_IF_ANY;
}

static const char *take_branch(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *ops, mo_step *s)
{
    bool call = i->meta.category == ZYDIS_CATEGORY_CALL, conditional = i->meta.category == ZYDIS_CATEGORY_COND_BR;
    bool through = is_through(i);
    op_with(s, call ? MO_STEP_CALL : conditional ? MO_STEP_BRANCH : through ? MO_STEP_JUMP_THROUGH : MO_STEP_JUMP, NULL, through ? &ops[0] : NULL);
    s->condition = (uint8_t)condition_of(i->mnemonic);
    if (!through) {
        s->target = (uint32_t)(s->at + i->length + i->raw.imm[0].value.s);
    } else if (is_memory(&ops[0])) {
        if (!take_memory(i, &ops[0], s))
            return not_listed;
        s->access = MO_READS;
        s->size = 8;
    }
    return NULL;
}

const char *mo_step_decode(const uint8_t *text, uint32_t at, uint32_t end, mo_step *ret)
{
    ZydisDecodedInstruction i;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecoderContext context;
    if (!decode(text, at, end, &i, &context))
        return not_known;
    if (!is_listed(&i))
        return not_listed;
    *ret = (mo_step){.at = at, .len = i.length, .op = MO_STEP_OTHER, .dst = MO_NO_REGISTER, .src = MO_NO_REGISTER,
                     .base = MO_NO_REGISTER, .index = MO_NO_REGISTER};
    ZydisInstructionCategory c = i.meta.category;
    ret->flags = i.cpu_flags && (i.cpu_flags->modified | i.cpu_flags->set_0 | i.cpu_flags->set_1 | i.cpu_flags->undefined);
    if (c == ZYDIS_CATEGORY_NOP || c == ZYDIS_CATEGORY_WIDENOP || c == ZYDIS_CATEGORY_PREFETCH || i.mnemonic == ZYDIS_MNEMONIC_ENDBR64)
        return NULL;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder, &context, &i, ops, i.operand_count)))
        return not_known;
    if (c == ZYDIS_CATEGORY_CALL || c == ZYDIS_CATEGORY_UNCOND_BR || c == ZYDIS_CATEGORY_COND_BR) {
        return take_branch(&i, ops, ret);
    }
    if (c == ZYDIS_CATEGORY_STRINGOP) {
        if (i.attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS))
            return not_listed;
        take_string(&i, ret, i.operand_width / 8u);
        bool store = i.mnemonic == ZYDIS_MNEMONIC_STOSB || i.mnemonic == ZYDIS_MNEMONIC_STOSD || i.mnemonic == ZYDIS_MNEMONIC_STOSQ;
        bool move = i.mnemonic == ZYDIS_MNEMONIC_MOVSB || i.mnemonic == ZYDIS_MNEMONIC_MOVSD || i.mnemonic == ZYDIS_MNEMONIC_MOVSQ;
        if (move)
            ret->access = MO_READS | MO_WRITES;
        return store || move ? NULL : not_listed;
    }
    bool stack = c == ZYDIS_CATEGORY_PUSH || c == ZYDIS_CATEGORY_POP || c == ZYDIS_CATEGORY_RET || i.mnemonic == ZYDIS_MNEMONIC_LEAVE;
    const char *wrong = NULL;
    if (!stack)
        wrong = take_operands(&i, ops, ret);
    else if (c == ZYDIS_CATEGORY_PUSH && is_memory(&ops[0]))
        wrong = take_memory(&i, &ops[0], ret) ? NULL : not_listed;
    else if ((c == ZYDIS_CATEGORY_PUSH || c == ZYDIS_CATEGORY_POP) && ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
             general(ops[0].reg.value) == MO_NO_REGISTER)
        wrong = not_listed; /* a segment register */
    return wrong ? wrong : take_meaning(&i, ops, ret);
}

/* --- words --------------------------------------------------------------- */

void mo_step_text(const uint8_t *text, uint32_t at, uint32_t end, char *buf, size_t size)
{
    ZydisDisassembledInstruction i;
    if (at < end && ZYAN_SUCCESS(ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LONG_64, at, text + at, end - at, &i)))
        snprintf(buf, size, "%s", i.text);
    else
        snprintf(buf, size, "bytes that are no instruction");
}

uint32_t mo_step_length(const uint8_t *text, uint32_t at, uint32_t end)
{
    ZydisDecodedInstruction i;
    return decode(text, at, end, &i, NULL) ? i.length : 0;
}
