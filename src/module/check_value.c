/* check_value.c - operands, locals, globals, tables, memories, references. */
#include "module/check.h"

/* --- operands ---------------------------------------------------------- */

bool mo_check_drop(mo_body *b, mo_insn *i) { return mo_pop_any(b, i, &i->type); }

/* Without a type, select takes numbers and vectors only. */
bool mo_check_select(mo_body *b, mo_insn *i)
{
    char text[MO_TYPE_TEXT];
    mo_valtype one, other;
    if (!mo_pop(b, i, MO_I32) || !mo_pop_any(b, i, &other) || !mo_pop_any(b, i, &one)) return false;
    if (mo_is_ref(one) || mo_is_ref(other))
        return mo_check_fail(b, i, MOTE_INVALID, "type mismatch: want a number or vector, have %s",
                             mo_type_text(mo_is_ref(one) ? one : other, text));
    if (one != other && one != MO_BOT && other != MO_BOT) return mo_fail_want(b, i, one, other);
    i->type = one == MO_BOT ? other : one;
    mo_push(b, i->type);
    return true;
}

bool mo_check_select_t(mo_body *b, mo_insn *i)
{
    if (!mo_pop(b, i, MO_I32) || !mo_pop(b, i, i->type) || !mo_pop(b, i, i->type)) return false;
    mo_push(b, i->type);
    return true;
}

/* --- locals ------------------------------------------------------------ */

static bool find_local(mo_body *b, mo_insn *i)
{
    if (mo_unlikely(i->index >= b->nlocals)) return mo_check_index(b, i, "local", i->index, b->nlocals);
    i->type = b->locals[i->index];
    return true;
}

static void note_set(mo_body *b, uint32_t local)
{
    struct mo_body_state *s = b->state;
    if (mo_likely(!s->any_unset) || !s->unset[local]) return;
    s->unset[local] = 0;
    s->inits[s->ninits++] = local;
}

bool mo_check_local_get(mo_body *b, mo_insn *i)
{
    if (!find_local(b, i)) return false;
    if (mo_unlikely(b->state->any_unset) && b->state->unset[i->index])
        return mo_check_fail(b, i, MOTE_INVALID, "uninitialized local %" PRIu32, i->index);
    mo_push(b, i->type);
    return true;
}

bool mo_check_local_set(mo_body *b, mo_insn *i)
{
    if (!find_local(b, i) || !mo_pop(b, i, i->type)) return false;
    note_set(b, i->index);
    return true;
}

bool mo_check_local_tee(mo_body *b, mo_insn *i)
{
    if (!find_local(b, i) || !mo_pop(b, i, i->type)) return false;
    note_set(b, i->index);
    mo_push(b, i->type);
    return true;
}

/* --- globals ----------------------------------------------------------- */

static bool find_global(mo_body *b, mo_insn *i)
{
    if (!mo_check_index(b, i, "global", i->index, b->module->nglobals)) return false;
    i->type = b->module->globals[i->index].type;
    return true;
}

bool mo_check_global_get(mo_body *b, mo_insn *i)
{
    if (!find_global(b, i)) return false;
    mo_push(b, i->type);
    return true;
}

bool mo_check_global_set(mo_body *b, mo_insn *i)
{
    if (!find_global(b, i)) return false;
    if (!b->module->globals[i->index].mutable_)
        return mo_check_fail(b, i, MOTE_INVALID, "immutable global %" PRIu32, i->index);
    return mo_pop(b, i, i->type);
}

/* --- tables ------------------------------------------------------------ */

static const mo_table *find_table(mo_body *b, const mo_insn *i, uint32_t index)
{
    return mo_check_index(b, i, "table", index, b->module->ntables) ? &b->module->tables[index] : NULL;
}

bool mo_check_table_get(mo_body *b, mo_insn *i)
{
    const mo_table *t = find_table(b, i, i->index);
    if (!t || !mo_pop(b, i, mo_address_type(&t->bounds))) return false;
    mo_push(b, t->type);
    return true;
}

bool mo_check_table_set(mo_body *b, mo_insn *i)
{
    const mo_table *t = find_table(b, i, i->index);
    return t && mo_pop(b, i, t->type) && mo_pop(b, i, mo_address_type(&t->bounds));
}

bool mo_check_table_size(mo_body *b, mo_insn *i)
{
    const mo_table *t = find_table(b, i, i->index);
    if (!t) return false;
    mo_push(b, mo_address_type(&t->bounds));
    return true;
}

bool mo_check_table_grow(mo_body *b, mo_insn *i)
{
    const mo_table *t = find_table(b, i, i->index);
    if (!t || !mo_pop(b, i, mo_address_type(&t->bounds)) || !mo_pop(b, i, t->type)) return false;
    mo_push(b, mo_address_type(&t->bounds));
    return true;
}

bool mo_check_table_fill(mo_body *b, mo_insn *i)
{
    const mo_table *t = find_table(b, i, i->index);
    if (!t) return false;
    mo_valtype address = mo_address_type(&t->bounds);
    return mo_pop(b, i, address) && mo_pop(b, i, t->type) && mo_pop(b, i, address);
}

/* Destination, source, and a length that both can hold. */
static bool pop_copy(mo_body *b, const mo_insn *i, const mo_bounds *to, const mo_bounds *from)
{
    mo_valtype length = to->is64 && from->is64 ? MO_I64 : MO_I32;
    return mo_pop(b, i, length) && mo_pop(b, i, mo_address_type(from)) && mo_pop(b, i, mo_address_type(to));
}

/* Destination, and a place and length in a segment. */
static bool pop_init(mo_body *b, const mo_insn *i, const mo_bounds *to)
{
    return mo_pop(b, i, MO_I32) && mo_pop(b, i, MO_I32) && mo_pop(b, i, mo_address_type(to));
}

bool mo_check_table_copy(mo_body *b, mo_insn *i)
{
    const mo_table *to = find_table(b, i, i->index);
    const mo_table *from = to ? find_table(b, i, i->index2) : NULL;
    if (!from) return false;
    if (!mo_matches(b->module, from->type, to->type)) return mo_fail_want(b, i, to->type, from->type);
    return pop_copy(b, i, &to->bounds, &from->bounds);
}

static bool check_elem(mo_body *b, const mo_insn *i, uint32_t index)
{
    return mo_check_index(b, i, "elem segment", index, b->module->nelems);
}

bool mo_check_table_init(mo_body *b, mo_insn *i)
{
    const mo_table *to = find_table(b, i, i->index);
    if (!to || !check_elem(b, i, i->index2)) return false;
    mo_valtype have = b->module->elems[i->index2].type;
    if (!mo_matches(b->module, have, to->type)) return mo_fail_want(b, i, to->type, have);
    return pop_init(b, i, &to->bounds);
}

bool mo_check_elem_drop(mo_body *b, mo_insn *i) { return check_elem(b, i, i->index); }

/* --- memories ---------------------------------------------------------- */

/* The bounds of memory index, or NULL. */
static const mo_bounds *find_memory(mo_body *b, const mo_insn *i, uint32_t index)
{
    if (!mo_check_index(b, i, "memory", index, b->module->nmemories)) return NULL;
    return &b->module->memories[index].bounds;
}

bool mo_check_memory_size(mo_body *b, mo_insn *i)
{
    const mo_bounds *m = find_memory(b, i, i->index);
    if (!m) return false;
    mo_push(b, mo_address_type(m));
    return true;
}

bool mo_check_memory_grow(mo_body *b, mo_insn *i)
{
    const mo_bounds *m = find_memory(b, i, i->index);
    if (!m || !mo_pop(b, i, mo_address_type(m))) return false;
    mo_push(b, mo_address_type(m));
    return true;
}

bool mo_check_memory_fill(mo_body *b, mo_insn *i)
{
    const mo_bounds *m = find_memory(b, i, i->index);
    return m && mo_pop(b, i, mo_address_type(m)) && mo_pop(b, i, MO_I32) && mo_pop(b, i, mo_address_type(m));
}

bool mo_check_memory_copy(mo_body *b, mo_insn *i)
{
    const mo_bounds *to = find_memory(b, i, i->index);
    const mo_bounds *from = to ? find_memory(b, i, i->index2) : NULL;
    return from && pop_copy(b, i, to, from);
}

/* Segments stand after the code: their number must have been told before it. */
bool mo_check_data_index(mo_body *b, const mo_insn *i, uint32_t index)
{
    const mo_load *load = b->state->load;
    if (load && !load->has_data_count) return mo_check_fail(b, i, MOTE_MALFORMED, "data count section required");
    return mo_check_index(b, i, "data segment", index, b->module->ndatas);
}

bool mo_check_memory_init(mo_body *b, mo_insn *i)
{
    const mo_bounds *to = find_memory(b, i, i->index);
    return to && mo_check_data_index(b, i, i->index2) && pop_init(b, i, to);
}

bool mo_check_data_drop(mo_body *b, mo_insn *i) { return mo_check_data_index(b, i, i->index); }

/* --- references -------------------------------------------------------- */

bool mo_check_ref_null(mo_body *b, mo_insn *i)
{
    mo_push(b, i->type);
    return true;
}

bool mo_check_ref_is_null(mo_body *b, mo_insn *i)
{
    if (!mo_pop_ref(b, i, &i->type)) return false;
    mo_push(b, MO_I32);
    return true;
}

/* In a body, a function must have been named outside of bodies before; a
 * constant expression is such a place. */
static bool check_declared(mo_body *b, const mo_insn *i)
{
    if (b->func == UINT32_MAX) b->state->load->funcs[i->index].referenced = true;
    return b->module->funcs[i->index].referenced ||
           mo_check_fail(b, i, MOTE_INVALID, "undeclared function reference %" PRIu32, i->index);
}

bool mo_check_ref_func(mo_body *b, mo_insn *i)
{
    if (!mo_check_index(b, i, "function", i->index, b->module->nfuncs) || !check_declared(b, i)) return false;
    i->type = mo_ref_type(b->module->funcs[i->index].type, false);
    mo_push(b, i->type);
    return true;
}

bool mo_check_ref_as_non_null(mo_body *b, mo_insn *i)
{
    if (!mo_pop_ref(b, i, &i->type)) return false;
    mo_push(b, i->type & ~MO_NULLABLE);
    return true;
}
