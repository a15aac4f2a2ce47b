/* types.h - the type system of WebAssembly 3.0 in a word.
 * A value type is 32 bits, comparable with ==:
 *
 *    31            9   8   7        0
 *    +--------------+----+----------+
 *    |  heap type   |null|  kind    |     heap and null: references only
 *    +--------------+----+----------+
 *
 * A concrete heap type is a type index of the module, made canonical: of all
 * equivalent types of one module (same place in equivalent rec groups) the
 * smallest index stands for each, so equal types are equal words. */
#ifndef MO_MODULE_TYPES_H
#define MO_MODULE_TYPES_H

#include "base/base.h"

typedef uint32_t mo_valtype;

enum {
    MO_BOT = 0x00, /* the type of what unreachable code pops; below all types */
    MO_I32 = 0x7f,
    MO_I64 = 0x7e,
    MO_F32 = 0x7d,
    MO_F64 = 0x7c,
    MO_V128 = 0x7b,
    MO_I16_PACKED = 0x77, /* field types only */
    MO_I8_PACKED = 0x78,  /* field types only */
    MO_REF = 0x64,        /* the kind of every reference type */
};

#define MO_NULLABLE 0x100u
#define MO_HEAP_SHIFT 9
#define MO_MAX_TYPES 1000000u
#define MO_HEAP_ABSTRACT 0x700000u /* heap types from here on are abstract; low byte: the binary code */

enum {
    MO_HEAP_BOT = MO_HEAP_ABSTRACT, /* below all heap types; only on the operand stack of dead code */
    MO_HEAP_NOEXN = MO_HEAP_ABSTRACT | 0x74,
    MO_HEAP_NOFUNC = MO_HEAP_ABSTRACT | 0x73,
    MO_HEAP_NOEXTERN = MO_HEAP_ABSTRACT | 0x72,
    MO_HEAP_NONE = MO_HEAP_ABSTRACT | 0x71,
    MO_HEAP_FUNC = MO_HEAP_ABSTRACT | 0x70,
    MO_HEAP_EXTERN = MO_HEAP_ABSTRACT | 0x6f,
    MO_HEAP_ANY = MO_HEAP_ABSTRACT | 0x6e,
    MO_HEAP_EQ = MO_HEAP_ABSTRACT | 0x6d,
    MO_HEAP_I31 = MO_HEAP_ABSTRACT | 0x6c,
    MO_HEAP_STRUCT = MO_HEAP_ABSTRACT | 0x6b,
    MO_HEAP_ARRAY = MO_HEAP_ABSTRACT | 0x6a,
    MO_HEAP_EXN = MO_HEAP_ABSTRACT | 0x69,
};

static inline mo_valtype mo_ref_type(uint32_t heap, bool nullable)
{
    return heap << MO_HEAP_SHIFT | (nullable ? MO_NULLABLE : 0) | MO_REF;
}
static inline uint32_t mo_kind(mo_valtype t) { return t & 0xff; }
static inline bool mo_is_ref(mo_valtype t) { return mo_kind(t) == MO_REF; }
static inline bool mo_is_nullable(mo_valtype t) { return (t & MO_NULLABLE) != 0; }
static inline uint32_t mo_heap(mo_valtype t) { return t >> MO_HEAP_SHIFT; }
static inline bool mo_heap_is_concrete(uint32_t heap) { return heap < MO_HEAP_ABSTRACT; }
#define MO_FUNCREF mo_ref_type(MO_HEAP_FUNC, true)
#define MO_EXTERNREF mo_ref_type(MO_HEAP_EXTERN, true)
#define MO_EXNREF mo_ref_type(MO_HEAP_EXN, true)

#define MO_NO_TYPE UINT32_MAX

typedef struct mo_field {
    mo_valtype type; /* may be packed */
    bool mutable_;
} mo_field;

typedef enum mo_type_kind { MO_TYPE_FUNC, MO_TYPE_STRUCT, MO_TYPE_ARRAY } mo_type_kind;

/* One defined type (Wasm 3.0, "sub type" in its place in a rec group). */
typedef struct mo_type {
    mo_type_kind kind;
    bool final;
    uint32_t super;     /* canonical index of the declared supertype, or MO_NO_TYPE */
    uint32_t canonical; /* smallest equivalent index; own index if none is smaller */
    uint32_t group, group_len; /* the rec group: its first type's index and its length */
    uint32_t depth;     /* declared supertypes above this one */
    uint32_t nparams, nresults, nfields; /* what kind needs; array: nfields is 1 */
    const mo_valtype *params, *results;
    const mo_field *fields;
} mo_type;

/* Longest text of a value type, terminator included. */
#define MO_TYPE_TEXT 40
/* "i32", "(ref null func)", "(ref 7)" into buf, which is returned. */
const char *mo_type_text(mo_valtype t, char buf[MO_TYPE_TEXT]);

#endif
