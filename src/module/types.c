/* types.c - what a type is called, and which types are below which
 * (Wasm 3.0, "matching"). */
#include "module/module.h"

#include <stdio.h>

/* --- names ------------------------------------------------------------- */

static const char *abstract_name(uint32_t heap)
{
    switch (heap) {
    case MO_HEAP_NOEXN: return "noexn";
    case MO_HEAP_NOFUNC: return "nofunc";
    case MO_HEAP_NOEXTERN: return "noextern";
    case MO_HEAP_NONE: return "none";
    case MO_HEAP_FUNC: return "func";
    case MO_HEAP_EXTERN: return "extern";
    case MO_HEAP_ANY: return "any";
    case MO_HEAP_EQ: return "eq";
    case MO_HEAP_I31: return "i31";
    case MO_HEAP_STRUCT: return "struct";
    case MO_HEAP_ARRAY: return "array";
    case MO_HEAP_EXN: return "exn";
    default: return "bot";
    }
}

static const char *plain_name(mo_valtype t)
{
    switch (t) {
    case MO_I32: return "i32";
    case MO_I64: return "i64";
    case MO_F32: return "f32";
    case MO_F64: return "f64";
    case MO_V128: return "v128";
    case MO_I16_PACKED: return "i16";
    case MO_I8_PACKED: return "i8";
    default: return "bot";
    }
}

const char *mo_type_text(mo_valtype t, char buf[MO_TYPE_TEXT])
{
    const char *null = mo_is_nullable(t) ? "null " : "";
    if (!mo_is_ref(t))
        snprintf(buf, MO_TYPE_TEXT, "%s", plain_name(t));
    else if (mo_heap_is_concrete(mo_heap(t)))
        snprintf(buf, MO_TYPE_TEXT, "(ref %s%" PRIu32 ")", null, mo_heap(t));
    else
        snprintf(buf, MO_TYPE_TEXT, "(ref %s%s)", null, abstract_name(mo_heap(t)));
    return buf;
}

/* --- matching ---------------------------------------------------------- */

bool mo_type_below(const mo_module *m, uint32_t a, uint32_t b)
{
    uint32_t depth = m->types[b].depth;
    while (a != b && m->types[a].depth > depth) a = m->types[a].super;
    return a == b;
}

static bool concrete_below_abstract(const mo_type *type, uint32_t b)
{
    switch (type->kind) {
    case MO_TYPE_FUNC: return b == MO_HEAP_FUNC;
    case MO_TYPE_STRUCT: return b == MO_HEAP_STRUCT || b == MO_HEAP_EQ || b == MO_HEAP_ANY;
    case MO_TYPE_ARRAY: return b == MO_HEAP_ARRAY || b == MO_HEAP_EQ || b == MO_HEAP_ANY;
    }
    return false;
}

static bool abstract_below_concrete(uint32_t a, const mo_type *type)
{
    return a == (type->kind == MO_TYPE_FUNC ? MO_HEAP_NOFUNC : MO_HEAP_NONE);
}

static bool abstract_below(uint32_t a, uint32_t b)
{
    switch (b) {
    case MO_HEAP_ANY:
        return a == MO_HEAP_EQ || a == MO_HEAP_I31 || a == MO_HEAP_STRUCT || a == MO_HEAP_ARRAY || a == MO_HEAP_NONE;
    case MO_HEAP_EQ: return a == MO_HEAP_I31 || a == MO_HEAP_STRUCT || a == MO_HEAP_ARRAY || a == MO_HEAP_NONE;
    case MO_HEAP_I31: case MO_HEAP_STRUCT: case MO_HEAP_ARRAY: return a == MO_HEAP_NONE;
    case MO_HEAP_FUNC: return a == MO_HEAP_NOFUNC;
    case MO_HEAP_EXTERN: return a == MO_HEAP_NOEXTERN;
    case MO_HEAP_EXN: return a == MO_HEAP_NOEXN;
    default: return false;
    }
}

static bool heap_below(const mo_module *m, uint32_t a, uint32_t b)
{
    if (a == b || a == MO_HEAP_BOT) return true;
    bool concrete_a = mo_heap_is_concrete(a), concrete_b = mo_heap_is_concrete(b);
    if (concrete_a && concrete_b) return mo_type_below(m, a, b);
    if (concrete_a) return concrete_below_abstract(&m->types[a], b);
    if (concrete_b) return abstract_below_concrete(a, &m->types[b]);
    return abstract_below(a, b);
}

bool mo_matches(const mo_module *m, mo_valtype a, mo_valtype b)
{
    if (a == b || a == MO_BOT) return true;
    if (!mo_is_ref(a) || !mo_is_ref(b)) return false;
    if (mo_is_nullable(a) && !mo_is_nullable(b)) return false;
    return heap_below(m, mo_heap(a), mo_heap(b));
}
