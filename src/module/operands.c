/* operands.c - the operand stack's slow side: room, failures, several at once. */
#include "module/check.h"

#include <stdio.h>

/* --- failures ---------------------------------------------------------- */

bool mo_check_fail(mo_body *b, const mo_insn *i, mote_status status, const char *format, ...)
{
    char text[MOTE_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return mo_fail(b->err, status, i->at, "%s: %s", mo_op_infos[i->op].name, text);
}

bool mo_check_feature(mo_body *b, const mo_insn *i, mo_feature feature)
{
    b->state->used |= (mo_features)1 << feature;
    if (mo_has(b->module->features, feature)) return true;
    return mo_check_fail(b, i, MOTE_UNSUPPORTED, "needs feature '%s', which is off", mo_feature_name(feature));
}

bool mo_fail_want(mo_body *b, const mo_insn *i, mo_valtype want, mo_valtype have)
{
    char want_text[MO_TYPE_TEXT], have_text[MO_TYPE_TEXT];
    return mo_check_fail(b, i, MOTE_INVALID, "want %s, have %s", mo_type_text(want, want_text),
                         mo_type_text(have, have_text));
}

bool mo_check_index(mo_body *b, const mo_insn *i, const char *what, uint32_t index, uint32_t n)
{
    if (mo_likely(index < n)) return true;
    return mo_check_fail(b, i, MOTE_INVALID, "unknown %s %" PRIu32 ", there are %" PRIu32, what, index, n);
}

/* --- operands ---------------------------------------------------------- */

bool mo_room_slow(mo_body *b, size_t n)
{
    struct mo_body_state *s = b->state;
    uint64_t at = (uint64_t)(b->at - b->module->bytes.at);
    if (!MO_WITHIN(b->err, s->limits, operands, b->height + n, at)) return false;
    if (!mo_grow(&b->stack, &s->stack_cap, b->height + n + MO_ROOM, sizeof *b->stack)) return mo_fail_nomem(b->err);
    size_t most = (size_t)s->limits->operands + MO_ROOM;
    if (s->stack_cap > most) s->stack_cap = most; /* so that going beyond it comes here */
    return true;
}

bool mo_pop_short(mo_body *b, const mo_insn *i, const char *want)
{
    if (mo_top(b)->unreachable) return true;
    return mo_check_fail(b, i, MOTE_INVALID, "want %s, have nothing", want);
}

static bool fail_short(mo_body *b, const mo_insn *i, mo_valtype want)
{
    char text[MO_TYPE_TEXT];
    return mo_pop_short(b, i, mo_type_text(want, text));
}

bool mo_pop_slow(mo_body *b, const mo_insn *i, mo_valtype want)
{
    const mo_control *top = mo_top(b);
    if (b->height == top->height) return top->unreachable || fail_short(b, i, want);
    mo_valtype have = b->stack[--b->height];
    return mo_matches(b->module, have, want) || mo_fail_want(b, i, want, have);
}

bool mo_pop_ref(mo_body *b, const mo_insn *i, mo_valtype *ret)
{
    char text[MO_TYPE_TEXT];
    if (!mo_pop_any(b, i, ret)) return false;
    if (*ret == MO_BOT) *ret = mo_ref_type(MO_HEAP_BOT, false);
    return mo_is_ref(*ret) || mo_check_fail(b, i, MOTE_INVALID, "want a reference, have %s", mo_type_text(*ret, text));
}

bool mo_pop_all(mo_body *b, const mo_insn *i, uint32_t n, const mo_valtype *types)
{
    for (uint32_t k = n; k-- > 0;)
        if (!mo_pop(b, i, types[k])) return false;
    return true;
}

bool mo_push_all(mo_body *b, uint32_t n, const mo_valtype *types)
{
    if (!mo_room(b, n)) return false;
    for (uint32_t k = 0; k < n; k++) mo_push(b, types[k]);
    return true;
}

bool mo_see_all(mo_body *b, const mo_insn *i, uint32_t n, const mo_valtype *types)
{
    uint32_t height = b->height;
    bool ok = mo_pop_all(b, i, n, types);
    b->height = height;
    return ok;
}
