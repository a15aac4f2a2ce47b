/* check_gc.c - structures, arrays, casts. Type indices are canonical. */
#include "module/check.h"

static bool is_packed(mo_valtype t) { return t == MO_I8_PACKED || t == MO_I16_PACKED; }

/* Type i->index, which must be a structure or an array. */
static const mo_type *find_type(mo_body *b, const mo_insn *i, uint32_t index, mo_type_kind kind)
{
    const mo_type *t = &b->module->types[index];
    if (t->kind == kind) return t;
    mo_check_fail(b, i, MOTE_INVALID, "want %s type, type %" PRIu32 " is none",
                  kind == MO_TYPE_STRUCT ? "a structure" : "an array", index);
    return NULL;
}

static const mo_type *find_struct(mo_body *b, const mo_insn *i) { return find_type(b, i, i->index, MO_TYPE_STRUCT); }

static const mo_field *find_array(mo_body *b, const mo_insn *i, uint32_t index)
{
    const mo_type *t = find_type(b, i, index, MO_TYPE_ARRAY);
    return t ? t->fields : NULL;
}

static bool push_new(mo_body *b, mo_insn *i)
{
    i->type = mo_ref_type(i->index, false);
    mo_push(b, i->type);
    return true;
}

static bool pop_object(mo_body *b, const mo_insn *i, uint32_t index) { return mo_pop(b, i, mo_ref_type(index, true)); }

static bool check_default(mo_body *b, const mo_insn *i, mo_valtype t)
{
    char text[MO_TYPE_TEXT];
    return mo_has_default(t) || mo_check_fail(b, i, MOTE_INVALID, "type mismatch: want a type with a default value, have %s",
                                              mo_type_text(t, text));
}

/* The plain get is for unpacked fields, the signed and unsigned ones for packed. */
static bool check_packing(mo_body *b, const mo_insn *i, mo_valtype t, bool want_packed)
{
    char text[MO_TYPE_TEXT];
    if (is_packed(t) == want_packed) return true;
    return mo_check_fail(b, i, MOTE_INVALID, "type mismatch: want %s field, have %s", want_packed ? "a packed" : "an unpacked",
                         mo_type_text(t, text));
}

static bool check_mutable(mo_body *b, const mo_insn *i, const mo_field *f)
{
    return f->mutable_ || mo_check_fail(b, i, MOTE_INVALID, "immutable %s", i->op == MO_OP_struct_set ? "field" : "array");
}

/* Segments of bytes make numbers, not references. */
static bool check_numeric(mo_body *b, const mo_insn *i, const mo_field *f)
{
    char text[MO_TYPE_TEXT];
    return !mo_is_ref(f->type) || mo_check_fail(b, i, MOTE_INVALID, "array type is not numeric or vector: have %s",
                                                mo_type_text(f->type, text));
}

static bool check_elem_type(mo_body *b, const mo_insn *i, const mo_field *f)
{
    if (!mo_check_index(b, i, "elem segment", i->index2, b->module->nelems)) return false;
    mo_valtype have = b->module->elems[i->index2].type;
    return mo_matches(b->module, have, f->type) || mo_fail_want(b, i, f->type, have);
}

/* --- structures -------------------------------------------------------- */

bool mo_check_struct_new(mo_body *b, mo_insn *i)
{
    const mo_type *t = find_struct(b, i);
    if (!t) return false;
    for (uint32_t k = t->nfields; k-- > 0;)
        if (!mo_pop(b, i, mo_unpacked(t->fields[k].type))) return false;
    return push_new(b, i);
}

bool mo_check_struct_new_default(mo_body *b, mo_insn *i)
{
    const mo_type *t = find_struct(b, i);
    if (!t) return false;
    for (uint32_t k = 0; k < t->nfields; k++)
        if (!check_default(b, i, t->fields[k].type)) return false;
    return push_new(b, i);
}

static const mo_field *find_field(mo_body *b, mo_insn *i)
{
    const mo_type *t = find_struct(b, i);
    if (!t || !mo_check_index(b, i, "field", i->index2, t->nfields)) return NULL;
    i->type = t->fields[i->index2].type;
    return &t->fields[i->index2];
}

static bool get_field(mo_body *b, mo_insn *i, bool packed)
{
    const mo_field *f = find_field(b, i);
    if (!f || !check_packing(b, i, f->type, packed) || !pop_object(b, i, i->index)) return false;
    mo_push(b, mo_unpacked(f->type));
    return true;
}

bool mo_check_struct_get(mo_body *b, mo_insn *i) { return get_field(b, i, false); }
bool mo_check_struct_get_s(mo_body *b, mo_insn *i) { return get_field(b, i, true); }
bool mo_check_struct_get_u(mo_body *b, mo_insn *i) { return get_field(b, i, true); }

bool mo_check_struct_set(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_field(b, i);
    return f && check_mutable(b, i, f) && mo_pop(b, i, mo_unpacked(f->type)) && pop_object(b, i, i->index);
}

/* --- arrays ------------------------------------------------------------ */

bool mo_check_array_new(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    return f && mo_pop(b, i, MO_I32) && mo_pop(b, i, mo_unpacked(f->type)) && push_new(b, i);
}

bool mo_check_array_new_default(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    return f && check_default(b, i, f->type) && mo_pop(b, i, MO_I32) && push_new(b, i);
}

/* In dead code the count may be anything: stop where the stack does. */
bool mo_check_array_new_fixed(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    if (!f) return false;
    mo_valtype want = mo_unpacked(f->type);
    for (uint32_t k = 0; k < i->index2; k++) {
        bool bottom = b->height == mo_top(b)->height;
        if (!mo_pop(b, i, want)) return false;
        if (bottom) break;
    }
    return push_new(b, i);
}

bool mo_check_array_new_data(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    return f && check_numeric(b, i, f) && mo_check_data_index(b, i, i->index2) && mo_pop(b, i, MO_I32) &&
           mo_pop(b, i, MO_I32) && push_new(b, i);
}

bool mo_check_array_new_elem(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    return f && check_elem_type(b, i, f) && mo_pop(b, i, MO_I32) && mo_pop(b, i, MO_I32) && push_new(b, i);
}

static bool get_element(mo_body *b, mo_insn *i, bool packed)
{
    const mo_field *f = find_array(b, i, i->index);
    if (!f || !check_packing(b, i, f->type, packed)) return false;
    if (!mo_pop(b, i, MO_I32) || !pop_object(b, i, i->index)) return false;
    i->type = f->type;
    mo_push(b, mo_unpacked(f->type));
    return true;
}

bool mo_check_array_get(mo_body *b, mo_insn *i) { return get_element(b, i, false); }
bool mo_check_array_get_s(mo_body *b, mo_insn *i) { return get_element(b, i, true); }
bool mo_check_array_get_u(mo_body *b, mo_insn *i) { return get_element(b, i, true); }

bool mo_check_array_set(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    if (!f) return false;
    i->type = f->type;
    return check_mutable(b, i, f) && mo_pop(b, i, mo_unpacked(f->type)) && mo_pop(b, i, MO_I32) &&
           pop_object(b, i, i->index);
}

bool mo_check_array_fill(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    return f && check_mutable(b, i, f) && mo_pop(b, i, MO_I32) && mo_pop(b, i, mo_unpacked(f->type)) &&
           mo_pop(b, i, MO_I32) && pop_object(b, i, i->index);
}

bool mo_check_array_copy(mo_body *b, mo_insn *i)
{
    const mo_field *to = find_array(b, i, i->index);
    const mo_field *from = to ? find_array(b, i, i->index2) : NULL;
    if (!from || !check_mutable(b, i, to)) return false;
    if (!mo_matches(b->module, from->type, to->type))
        return mo_check_fail(b, i, MOTE_INVALID, "array types do not match: %" PRIu32 " and %" PRIu32, i->index, i->index2);
    return mo_pop(b, i, MO_I32) && mo_pop(b, i, MO_I32) && pop_object(b, i, i->index2) && mo_pop(b, i, MO_I32) &&
           pop_object(b, i, i->index);
}

/* Destination and place in it; place in the segment and length. */
static bool pop_init(mo_body *b, const mo_insn *i)
{
    return mo_pop(b, i, MO_I32) && mo_pop(b, i, MO_I32) && mo_pop(b, i, MO_I32) && pop_object(b, i, i->index);
}

bool mo_check_array_init_data(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    return f && check_mutable(b, i, f) && check_numeric(b, i, f) && mo_check_data_index(b, i, i->index2) && pop_init(b, i);
}

bool mo_check_array_init_elem(mo_body *b, mo_insn *i)
{
    const mo_field *f = find_array(b, i, i->index);
    return f && check_mutable(b, i, f) && check_elem_type(b, i, f) && pop_init(b, i);
}

/* --- casts ------------------------------------------------------------- */

/* The top of the hierarchy that a heap type belongs to. */
static uint32_t top_of(const mo_module *m, uint32_t heap)
{
    if (mo_heap_is_concrete(heap)) return m->types[heap].kind == MO_TYPE_FUNC ? MO_HEAP_FUNC : MO_HEAP_ANY;
    switch (heap) {
    case MO_HEAP_FUNC: case MO_HEAP_NOFUNC: return MO_HEAP_FUNC;
    case MO_HEAP_EXTERN: case MO_HEAP_NOEXTERN: return MO_HEAP_EXTERN;
    case MO_HEAP_EXN: case MO_HEAP_NOEXN: return MO_HEAP_EXN;
    default: return MO_HEAP_ANY;
    }
}

static bool cast(mo_body *b, mo_insn *i, mo_valtype result)
{
    if (!mo_pop(b, i, mo_ref_type(top_of(b->module, mo_heap(i->type)), true))) return false;
    mo_push(b, result);
    return true;
}

bool mo_check_ref_test(mo_body *b, mo_insn *i) { return cast(b, i, MO_I32); }
bool mo_check_ref_test_null(mo_body *b, mo_insn *i) { return cast(b, i, MO_I32); }
bool mo_check_ref_cast(mo_body *b, mo_insn *i) { return cast(b, i, i->type); }
bool mo_check_ref_cast_null(mo_body *b, mo_insn *i) { return cast(b, i, i->type); }

/* Between the host's references and the guest's; null stays null. */
static bool convert(mo_body *b, mo_insn *i, uint32_t from, uint32_t to)
{
    mo_valtype have, want = mo_ref_type(from, true);
    if (!mo_pop_ref(b, i, &have)) return false;
    if (!mo_matches(b->module, have, want)) return mo_fail_want(b, i, want, have);
    i->type = mo_ref_type(to, mo_is_nullable(have));
    mo_push(b, i->type);
    return true;
}

bool mo_check_any_convert_extern(mo_body *b, mo_insn *i) { return convert(b, i, MO_HEAP_EXTERN, MO_HEAP_ANY); }
bool mo_check_extern_convert_any(mo_body *b, mo_insn *i) { return convert(b, i, MO_HEAP_ANY, MO_HEAP_EXTERN); }
