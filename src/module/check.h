/* check.h - the validation algorithm's two stacks, for body.c, validate.c and
 * check_*.c (Wasm 3.0, appendix "validation algorithm"). Private to this folder.
 * Always, between two instructions:
 *   1  controls[0] is the body itself; heights never fall towards the top;
 *   2  height is not below the innermost control's height;
 *   3  the operand stack has room for MO_ROOM more. */
#ifndef MO_MODULE_CHECK_H
#define MO_MODULE_CHECK_H

#include "module/body.h"
#include "module/load.h"
#include "module/row.h"

#define MO_ROOM 8 /* operands that an instruction may push unasked */

struct mo_body_state {
    const mo_limits *limits;
    mo_load *load; /* while the module is being loaded: facts go there; else NULL */
    size_t stack_cap, controls_cap;
    mo_features op_features; /* of the instructions seen in this body */
    mo_features used;        /* of them and of what they name */

    mo_valtype *locals;
    size_t locals_cap;
    uint8_t *unset; /* a byte per local: it must not be read yet */
    size_t unset_cap;
    bool any_unset; /* some local has no default value; else unset is not kept */
    uint32_t *inits; /* locals set so far, in order; undone at the end of blocks */
    uint32_t ninits;
    size_t inits_cap;

    uint32_t *labels;
    mo_catch *catches;
    size_t labels_cap, catches_cap;
    mo_valtype result;      /* a constant expression's */
    mo_arena block_results; /* until mo_body_close() */
};

/* mo_body_next() in two steps, so that const.c can look between them. */
bool mo_body_fetch(mo_body *b, mo_insn *i);  /* the opcode, its feature */
bool mo_body_finish(mo_body *b, mo_insn *i); /* what follows it, its effect */
bool mo_body_place(mo_body *b); /* a failure is in this function; returns false */

extern bool (*const mo_immediates[])(mo_body *b, mo_insn *i); /* by mo_imm, not NONE */

/* A constant expression as a body: no locals, one result, ends where it ends. */
bool mo_body_open_const(mo_body *b, mo_load *l, mo_valtype result);

/* "i32.add: ...", at the instruction. */
bool mo_check_fail(mo_body *b, const mo_insn *i, mote_status status, const char *format, ...)
    MO_PRINTF(4, 5) __attribute__((cold));
bool mo_check_index(mo_body *b, const mo_insn *i, const char *what, uint32_t index, uint32_t n);
bool mo_check_feature(mo_body *b, const mo_insn *i, mo_feature feature); /* and notes its use */
bool mo_check_data_index(mo_body *b, const mo_insn *i, uint32_t index);

/* One for each OWN row of ops.def. */
#define MO_DECLARE_ROW(name)
#define MO_DECLARE_MEM(name)
#define MO_DECLARE_ATOM(name)
#define MO_DECLARE_OWN(name) bool mo_check_##name(mo_body *b, mo_insn *i);
#define OP(name, code, text, imm, in, out, check, feature, traps) MO_DECLARE_##check(name)
#include "module/ops.def"
#undef OP

/* --- operands ---------------------------------------------------------- */

bool mo_room_slow(mo_body *b, size_t n);
bool mo_fail_want(mo_body *b, const mo_insn *i, mo_valtype want, mo_valtype have) __attribute__((cold));
bool mo_pop_short(mo_body *b, const mo_insn *i, const char *want); /* true in dead code */

/* Makes room for n operands, and MO_ROOM after them. */
static inline bool mo_room(mo_body *b, size_t n)
{
    return mo_likely(b->height + n + MO_ROOM <= b->state->stack_cap) || mo_room_slow(b, n);
}

static inline mo_control *mo_top(const mo_body *b) { return &b->controls[b->depth - 1]; }

static inline void mo_push(mo_body *b, mo_valtype t) { b->stack[b->height++] = t; }

/* Whatever is there; MO_BOT below the bottom of dead code. */
static inline bool mo_pop_any(mo_body *b, const mo_insn *i, mo_valtype *ret)
{
    if (mo_unlikely(b->height == mo_top(b)->height)) {
        *ret = MO_BOT;
        return mo_pop_short(b, i, "a value");
    }
    *ret = b->stack[--b->height];
    return true;
}

bool mo_pop_slow(mo_body *b, const mo_insn *i, mo_valtype want);

static inline bool mo_pop(mo_body *b, const mo_insn *i, mo_valtype want)
{
    if (mo_unlikely(b->height == mo_top(b)->height || b->stack[b->height - 1] != want)) return mo_pop_slow(b, i, want);
    b->height--;
    return true;
}

/* A reference; (ref bot) below the bottom of dead code. */
bool mo_pop_ref(mo_body *b, const mo_insn *i, mo_valtype *ret);

bool mo_pop_all(mo_body *b, const mo_insn *i, uint32_t n, const mo_valtype *types);
bool mo_push_all(mo_body *b, uint32_t n, const mo_valtype *types);
/* Are the topmost operands of these types? They stay as they are. */
bool mo_see_all(mo_body *b, const mo_insn *i, uint32_t n, const mo_valtype *types);

/* The rest of this block cannot be reached. */
static inline void mo_set_unreachable(mo_body *b)
{
    b->height = mo_top(b)->height;
    mo_top(b)->unreachable = true;
}

/* --- labels ------------------------------------------------------------ */

typedef struct mo_label {
    uint32_t n;
    const mo_valtype *types;
} mo_label;

bool mo_find_label(mo_body *b, const mo_insn *i, uint32_t depth, mo_label *ret);

/* --- types ------------------------------------------------------------- */

static inline mo_valtype mo_address_type(const mo_bounds *b) { return b->is64 ? MO_I64 : MO_I32; }
static inline bool mo_has_default(mo_valtype t) { return !mo_is_ref(t) || mo_is_nullable(t); }
static inline mo_valtype mo_unpacked(mo_valtype t) { return t == MO_I8_PACKED || t == MO_I16_PACKED ? MO_I32 : t; }

#endif
