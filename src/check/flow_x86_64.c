/* flow_x86_64.c - what one x86-64 instruction does to what is known. */
#include "check/inside.h"

#define PAGE 4096

/* --- steps that belong together ------------------------------------------- */

/* `cmp rsp, reg`: the register, or MO_NO_REGISTER. */
static uint8_t compared_with_stack(const uint8_t *at, uint8_t len)
{
    bool is = len == 3 && (at[0] & 0xfb) == 0x48 && at[1] == 0x39 && (at[2] & 0xc7) == 0xc4;
    return is ? (uint8_t)((at[0] & 4) << 1 | (at[2] >> 3 & 7)) : MO_NO_REGISTER;
}

static bool is_jne(const uint8_t *at, uint8_t len)
{
    return (len == 2 && at[0] == 0x75) || (len == 6 && at[0] == 0x0f && at[1] == 0x85);
}

/* LLVM's loop: sub rsp, 4096; mov qword [rsp], 0; cmp rsp, reg; jne back. */
static bool is_probe(const mo_flow *f, size_t i, uint8_t *retreg)
{
    const mo_step *s = &f->steps[i];
    if (i + 3 >= f->nsteps || s[0].op != MO_STEP_SUB || s[0].dst != MO_RSP || s[0].src != MO_NO_REGISTER || s[0].number != PAGE)
        return false;
    bool touch = s[1].op == MO_STEP_STORE && s[1].base == MO_RSP && s[1].index == MO_NO_REGISTER && s[1].displacement == 0;
    *retreg = compared_with_stack(f->checker->text + s[2].at, s[2].len);
    return touch && *retreg != MO_NO_REGISTER && *retreg != MO_RSP && s[3].op == MO_STEP_BRANCH && s[3].target == s[0].at &&
           is_jne(f->checker->text + s[3].at, s[3].len);
}

void mo_flow_combine(mo_flow *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->nsteps; i++) {
        uint8_t reg;
        mo_step s = f->steps[i];
        if (is_probe(f, i, &reg)) {
            s.op = MO_STEP_PROBE;
            s.src = reg;
            s.len = (uint8_t)(f->steps[i + 3].at + f->steps[i + 3].len - s.at);
            i += 3;
        }
        f->steps[kept++] = s;
    }
    f->nsteps = kept;
}

/* --- addresses -------------------------------------------------------------- */

static mo_value constant_address(mo_flow *f)
{
    mo_checker *c = f->checker;
    uint64_t at = (uint64_t)(f->step->at + f->step->len + f->step->displacement);
    if (at >= c->const_at)
        return mo_value_of(MO_V_CONST, (uint32_t)at, 0);
    const mo_checked *to = mo_check_function_at(c, at);
    return to && to->at == at ? mo_value_of(MO_V_FUNCTION, (uint32_t)(to - c->functions), 0) : mo_unknown();
}

/* n + (n << scale) for a register that is one of a few numbers. */
static mo_value times(mo_values *all, mo_value v, uint8_t scale)
{
    uint32_t n;
    mo_value sum = mo_unknown();
    mo_value_members(all, &v, &n);
    for (uint32_t i = 0; i < n; i++) {
        mo_value one = mo_value_members(all, &v, &n)[i];
        one = mo_value_add(all, one, mo_value_scale(all, one, scale));
        sum = i ? mo_value_join(all, sum, one) : one;
    }
    return sum;
}

static mo_value address(mo_flow *f)
{
    const mo_step *s = f->step;
    mo_values *all = &f->checker->values;
    if (s->base == MO_RIP)
        return constant_address(f);
    mo_value ea = s->base == MO_NO_REGISTER ? mo_number(0) : f->now.registers[s->base];
    ea.entry = 0;
    if (s->index != MO_NO_REGISTER && !s->vector_index && s->index == s->base && mo_value_is_number(all, ea))
        ea = times(all, ea, s->scale);
    else if (s->index != MO_NO_REGISTER)
        ea = mo_value_add(all, ea, mo_value_scale(all, s->vector_index ? mo_unknown() : f->now.registers[s->index], s->scale));
    ea = mo_value_add(all, ea, mo_number(s->displacement));
    return s->narrow ? mo_unknown() : ea;
}

/* lea of a register's lower half. */
static mo_value half_address(mo_flow *f)
{
    const mo_step *s = f->step;
    mo_values *all = &f->checker->values;
    mo_value sum = s->base == MO_NO_REGISTER ? mo_number(0) : s->base == MO_RIP ? mo_unknown() : f->now.registers[s->base];
    if (s->index != MO_NO_REGISTER)
        sum = mo_value_compute(all, MO_SUM_ADD, 4, sum, mo_value_compute(all, MO_SUM_SHL, 4, f->now.registers[s->index], mo_number(s->scale)));
    return mo_value_compute(all, MO_SUM_ADD, 4, sum, mo_number(s->displacement));
}

static bool load(mo_flow *f, mo_value *ret)
{
    return mo_flow_load(f, address(f), f->step->op == MO_STEP_LOAD_SIGNED ? 4 : f->step->size, ret);
}

static bool store(mo_flow *f, mo_value v)
{
    return mo_flow_store(f, address(f), f->step->size, v);
}

/* --- registers ---------------------------------------------------------------- */

static bool put(mo_flow *f, uint8_t reg, mo_value v)
{
    if (reg == MO_RSP)
        return mo_flow_move_stack(f, v);
    f->now.registers[reg] = v;
    return true;
}

/* What src or the immediate is. */
static mo_value operand(const mo_flow *f)
{
    return f->step->src == MO_NO_REGISTER ? mo_number(f->step->number) : f->now.registers[f->step->src];
}

/* Moves of 4 bytes clear the upper half. */
static mo_value cut(mo_flow *f, mo_value v, uint8_t width)
{
    return width == 8 ? v : mo_value_compute(&f->checker->values, MO_SUM_MOVE, 4, v, mo_number(0));
}

static mo_value add(mo_flow *f, mo_value b)
{
    return mo_value_add(&f->checker->values, f->now.registers[f->step->dst], b);
}

static bool align_stack(mo_flow *f)
{
    mo_state *s = &f->now;
    mo_value *top = &s->registers[MO_RSP];
    int64_t align = -f->step->number;
    if (f->step->width != 8 || align < 16 || align > PAGE || (align & (align - 1)) || top->kind != MO_V_STACK || top->index != 0)
        return mo_refuse(f, "want the stack pointer aligned once, to a power of two up to a page");
    s->floor = top->at;
    s->touched = (int32_t)(s->touched - top->at + align - 1);
    *top = mo_value_of(MO_V_STACK, 1, 0);
    return true;
}

static bool compute(mo_flow *f)
{
    const mo_step *s = f->step;
    if (s->dst == MO_RSP && s->sum == MO_SUM_AND && s->src == MO_NO_REGISTER)
        return align_stack(f);
    return put(f, s->dst, mo_value_compute(&f->checker->values, (mo_sum)s->sum, s->width, f->now.registers[s->dst], operand(f)));
}

static bool combine_cmov(mo_flow *f, mo_value v)
{
    mo_value old = cut(f, f->now.registers[f->step->dst], f->step->width);
    return put(f, f->step->dst, mo_value_join(&f->checker->values, old, cut(f, v, f->step->width)));
}

/* A sum that the carry may raise by one. */
static bool add_carry(mo_flow *f)
{
    mo_value v = operand(f);
    if (f->step->access && !load(f, &v))
        return false;
    return put(f, f->step->dst, mo_value_add(&f->checker->values, add(f, v), mo_unknown()));
}

/* A difference that the carry may lower by one; of a register and itself: 0 or -1. */
static bool subtract_carry(mo_flow *f)
{
    const mo_step *s = f->step;
    mo_values *all = &f->checker->values;
    if (s->src == s->dst)
        return put(f, s->dst, mo_value_compute(all, MO_SUM_SUB, s->width, mo_number(0), mo_value_below(all, mo_unknown(), 8, 2)));
    mo_value v = operand(f);
    if (s->access && !load(f, &v))
        return false;
    return put(f, s->dst, mo_value_add(all, add(f, mo_value_negate(all, v)), mo_unknown()));
}

/* --- the stack ------------------------------------------------------------------ */

static bool push(mo_flow *f, mo_value v)
{
    mo_value top = mo_value_add(&f->checker->values, f->now.registers[MO_RSP], mo_number(-8));
    return mo_flow_move_stack(f, top) && mo_flow_store(f, top, 8, v);
}

static bool pop(mo_flow *f, uint8_t reg)
{
    mo_value top = f->now.registers[MO_RSP], v;
    if (!mo_flow_load(f, top, 8, &v) || !mo_flow_move_stack(f, mo_value_add(&f->checker->values, top, mo_number(8))))
        return false;
    return put(f, reg, v);
}

static bool leave(mo_flow *f)
{
    mo_value frame = f->now.registers[MO_RBP];
    frame.entry = 0;
    return mo_flow_move_stack(f, frame) && pop(f, MO_RBP);
}

static bool probe(mo_flow *f)
{
    mo_value top = f->now.registers[MO_RSP], to = f->now.registers[f->step->src];
    int64_t distance = (int64_t)top.at - to.at;
    if (top.kind != MO_V_STACK || to.kind != MO_V_STACK || top.index != to.index || distance <= 0 || distance % PAGE)
        return mo_refuse(f, "want the stack probed down to a page's distance below");
    f->now.touched = to.at;
    return mo_flow_move_stack(f, to);
}

/* --- the rest ---------------------------------------------------------------------- */

static bool other(mo_flow *f)
{
    const mo_step *s = f->step;
    mo_value none;
    if ((s->access & MO_READS) && !load(f, &none))
        return false;
    if ((s->access & MO_WRITES) && !store(f, mo_unknown()))
        return false;
    for (uint32_t regs = s->writes; regs; regs &= regs - 1)
        if (!put(f, (uint8_t)__builtin_ctz(regs), (mo_value){.flags = s->halves >> __builtin_ctz(regs) & 1 ? MO_DATA_HALF : 0}))
            return false;
    return true;
}

/* How far a string instruction goes from its pointers; 0: unknown. */
static uint32_t string_bytes(const mo_flow *f)
{
    mo_value count = f->now.registers[MO_RCX];
    if (!f->step->repeated)
        return f->step->size;
    bool known = count.kind == MO_V_NUMBER && count.at > 0 && count.at < INT32_MAX / 8;
    return known ? (uint32_t)count.at * f->step->size : 0;
}

static bool string_pointer(mo_flow *f, uint8_t reg, bool write, uint32_t bytes)
{
    mo_value v = f->now.registers[reg], none;
    bool guest = v.kind == MO_V_MEMORY && v.k == 1;
    if (!guest && !bytes)
        return mo_refuse(f, "want a memory's pointer for an unknown length");
    if (!(write ? mo_flow_store(f, v, bytes ? bytes : 1, mo_unknown()) : mo_flow_load(f, v, bytes ? bytes : 1, &none)))
        return false;
    return put(f, reg, guest ? v : mo_unknown());
}

static bool string(mo_flow *f)
{
    uint32_t bytes = string_bytes(f);
    if (f->step->narrow)
        return mo_refuse(f, "want no string instruction with prefixes");
    if ((f->step->access & MO_READS) && !string_pointer(f, MO_RSI, false, bytes))
        return false;
    if (!string_pointer(f, MO_RDI, true, bytes))
        return false;
    if (f->step->repeated)
        f->now.registers[MO_RCX] = mo_number(0);
    return true;
}

/* --- control ------------------------------------------------------------------------- */

static bool call_through(mo_flow *f, bool tail, bool *retgoes_on)
{
    const mo_step *s = f->step;
    mo_value code = mo_unknown();
    if (!s->access)
        code = f->now.registers[s->src];
    else if (!load(f, &code))
        return false;
    code.entry = 0;
    return mo_flow_call(f, code, tail, retgoes_on);
}

static bool call(mo_flow *f, bool *retgoes_on)
{
    const mo_step *s = f->step;
    if (s->access || s->src != MO_NO_REGISTER)
        return call_through(f, false, retgoes_on);
    const mo_checked *to = mo_check_function_at(f->checker, s->target);
    return mo_flow_call(f, mo_value_of(MO_V_FUNCTION, (uint32_t)(to - f->checker->functions), 0), false, retgoes_on);
}

static bool jump(mo_flow *f)
{
    bool ignored;
    mo_checked *to = mo_check_function_at(f->checker, f->step->target);
    if (to && to->at == f->step->target)
        return mo_flow_call(f, mo_value_of(MO_V_FUNCTION, (uint32_t)(to - f->checker->functions), 0), true, &ignored);
    return mo_flow_reach(f, f->step->target);
}

/* What a branch, taken or not, tells about the register that was compared. */
static mo_value compared(mo_flow *f, bool taken)
{
    mo_value v = f->now.registers[f->compared];
    bool below = taken ? f->step->condition == MO_IF_BELOW || f->step->condition == MO_IF_BELOW_EQUAL
                       : f->step->condition == MO_IF_ABOVE || f->step->condition == MO_IF_ABOVE_EQUAL;
    bool equal = f->step->condition == (taken ? MO_IF_BELOW_EQUAL : MO_IF_ABOVE);
    if (!below || f->compared_with < 0 || f->compared_with > MO_SET_VALUES)
        return v;
    return mo_value_below(&f->checker->values, v, f->compared_width, (uint64_t)f->compared_with + equal);
}

static bool branch(mo_flow *f)
{
    uint8_t reg = f->compared;
    if (reg == MO_NO_REGISTER)
        return jump(f);
    mo_value not_taken = compared(f, false);
    f->now.registers[reg] = compared(f, true);
    bool ok = jump(f);
    f->now.registers[reg] = not_taken;
    return ok;
}

static void compare(mo_flow *f)
{
    f->compared = f->step->dst == MO_RSP ? MO_NO_REGISTER : f->step->dst;
    f->compared_width = f->step->width;
    f->compared_with = f->step->number;
}

/* Do the flags still tell about f->compared? */
static void forget_compared(mo_flow *f)
{
    const mo_step *s = f->step;
    bool writes = s->dst == f->compared || (f->compared != MO_NO_REGISTER && (s->writes >> f->compared & 1));
    if (s->flags || writes || s->op == MO_STEP_CALL || s->op == MO_STEP_LEAVE || s->op == MO_STEP_XCHG || s->op == MO_STEP_STRING)
        f->compared = MO_NO_REGISTER;
}

static bool jump_through(mo_flow *f)
{
    bool ignored;
    mo_value v = f->step->access ? mo_unknown() : f->now.registers[f->step->src];
    if (v.kind == MO_V_JUMP_TARGET)
        return mo_flow_reach_table(f, v.index);
    return call_through(f, true, &ignored);
}

bool mo_flow_step(mo_flow *f, bool *retgoes_on)
{
    const mo_step *s = f->step;
    mo_values *all = &f->checker->values;
    mo_value v = mo_unknown();
    *retgoes_on = true;
    forget_compared(f);
    switch ((mo_step_op)s->op) {
    case MO_STEP_OTHER: return other(f);
    case MO_STEP_MOVE: return put(f, s->dst, cut(f, f->now.registers[s->src], s->width));
    case MO_STEP_NUMBER: return put(f, s->dst, mo_number(s->number));
    case MO_STEP_LOAD: return load(f, &v) && put(f, s->dst, cut(f, v, s->width));
    case MO_STEP_LOAD_SIGNED: return load(f, &v) && put(f, s->dst, v);
    case MO_STEP_STORE: return store(f, cut(f, operand(f), s->width));
    case MO_STEP_LEA: return put(f, s->dst, s->width == 4 ? half_address(f) : address(f));
    case MO_STEP_ADD: return put(f, s->dst, add(f, operand(f)));
    case MO_STEP_SUB: return put(f, s->dst, add(f, mo_value_negate(all, operand(f))));
    case MO_STEP_ADD_CARRY: return add_carry(f);
    case MO_STEP_SUB_CARRY: return subtract_carry(f);
    case MO_STEP_ADD_LOAD: return load(f, &v) && put(f, s->dst, add(f, v));
    case MO_STEP_SUB_LOAD: return load(f, &v) && put(f, s->dst, add(f, mo_value_negate(all, v)));
    case MO_STEP_ADD_STORE: return load(f, &v) && store(f, mo_value_add(all, v, operand(f)));
    case MO_STEP_SUB_STORE: return load(f, &v) && store(f, mo_value_add(all, v, mo_value_negate(all, operand(f))));
    case MO_STEP_COMPUTE: return compute(f);
    case MO_STEP_LOW_BYTE: return put(f, s->dst, mo_value_low_byte(all, f->now.registers[s->src]));
    case MO_STEP_SET_BYTE: return put(f, s->dst, mo_value_set_byte(all, f->now.registers[s->dst]));
    case MO_STEP_COMPARE: compare(f); return true;
    case MO_STEP_NEG: return put(f, s->dst, mo_value_add(all, mo_value_negate(all, f->now.registers[s->dst]), mo_number(s->number)));
    case MO_STEP_CMOV: return combine_cmov(f, f->now.registers[s->src]);
    case MO_STEP_CMOV_LOAD: return load(f, &v) && combine_cmov(f, v);
    case MO_STEP_XCHG:
        v = f->now.registers[s->dst];
        return put(f, s->dst, f->now.registers[s->src]) && put(f, s->src, v);
    case MO_STEP_PUSH:
        if (s->access && !load(f, &v))
            return false;
        return push(f, s->access ? v : operand(f));
    case MO_STEP_POP: return pop(f, s->dst);
    case MO_STEP_LEAVE: return leave(f);
    case MO_STEP_PROBE: return probe(f);
    case MO_STEP_STRING: return string(f);
    case MO_STEP_CALL: return call(f, retgoes_on);
    case MO_STEP_BRANCH: return branch(f);
    case MO_STEP_JUMP: *retgoes_on = false; return jump(f);
    case MO_STEP_JUMP_THROUGH: *retgoes_on = false; return jump_through(f);
    case MO_STEP_RET: *retgoes_on = false; return mo_flow_return(f);
    case MO_STEP_TRAP: *retgoes_on = false; return true;
    }
    return mo_refuse(f, "want an instruction that the checker follows");
}
