/* module.h - Wasm bytes in, a decoded, validated, immutable module out.
 *   bytes --mo_module_load--> mo_module --> code
 * After load (all of it holds, or load failed):
 *   1  every index in here is in range, every span lies in bytes;
 *   2  every function body has been validated (Wasm 3.0, "validation");
 *   3  concrete heap types are canonical (types.h);
 *   4  nothing changes until the last unref; share between threads freely. */
#ifndef MO_MODULE_MODULE_H
#define MO_MODULE_MODULE_H

#include "module/types.h"

/* --- features ---------------------------------------------------------- */

typedef enum mo_feature {
#define FEATURE(name, text, on) MO_FEATURE_##name,
#include "module/features.def"
#undef FEATURE
    MO_FEATURES,
    MO_FEATURE_MVP = MO_FEATURES, /* always on */
} mo_feature;

typedef uint64_t mo_features; /* a bit per mo_feature */

mo_features mo_features_default(void);
mo_features mo_features_all(void);
const char *mo_feature_name(mo_feature f);
/* The feature called name, or MO_FEATURES. */
mo_feature mo_feature_find(const char *name);
static inline bool mo_has(mo_features set, mo_feature f) { return f == MO_FEATURE_MVP || (set >> f & 1); }

/* --- limits ------------------------------------------------------------ */

/* What load refuses with MOTE_LIMIT and the limit's name. The defaults are
 * those of the Wasm JavaScript interface where it states one. */
#define MO_LIMITS(X)                                            \
    X(module_bytes, "module size in bytes", 1u << 30)           \
    X(types, "types", MO_MAX_TYPES)                             \
    X(functions, "functions", 1000000)                          \
    X(imports, "imports", 1000000)                              \
    X(exports, "exports", 1000000)                              \
    X(globals, "globals", 1000000)                              \
    X(tags, "tags", 1000000)                                    \
    X(tables, "tables", 100000)                                 \
    X(table_elements, "initial table elements", 10000000)       \
    X(memories, "memories", 100)                                \
    X(elems, "element segments", 10000000)                      \
    X(datas, "data segments", 100000)                           \
    X(body_bytes, "function size in bytes", 7654321)            \
    X(params, "parameters", 1000)                               \
    X(results, "results", 1000)                                 \
    X(fields, "fields", 10000)                                  \
    X(locals, "locals", 50000)                                  \
    X(nesting, "nested blocks", 100000)                         \
    X(operands, "operand stack height", 100000)                 \
    X(br_table, "br_table targets", 65520)                      \
    X(subtyping_depth, "subtyping depth", 63)

typedef struct mo_limits {
#define X(name, text, value) uint32_t name;
    MO_LIMITS(X)
#undef X
} mo_limits;

extern const mo_limits mo_limits_default;

/* --- constant expressions ---------------------------------------------- */

/* One instruction of a constant expression. op is a mo_op (ops.h). */
typedef struct mo_const_insn {
    uint32_t op;
    uint32_t index; /* global.get, ref.func: the index; ref.null: the heap type;
                       struct.new, array.new, ...: the canonical type */
    uint8_t bits[16]; /* *.const: the value, little-endian; array.new_fixed: the
                         number of elements, 32 bits */
} mo_const_insn;

typedef struct mo_const_expr {
    const mo_const_insn *insns; /* without the final end */
    uint32_t n;
    uint64_t at; /* offset of the first instruction */
} mo_const_expr;

/* --- what a module is made of ------------------------------------------ */

typedef enum mo_extern_kind { MO_EXTERN_FUNC, MO_EXTERN_TABLE, MO_EXTERN_MEMORY, MO_EXTERN_GLOBAL, MO_EXTERN_TAG } mo_extern_kind;

typedef struct mo_import {
    mo_span module, name; /* UTF-8, in bytes */
    mo_extern_kind kind;
    uint32_t index; /* in the index space of kind */
    uint64_t at;
} mo_import;

typedef struct mo_export {
    mo_span name;
    mo_extern_kind kind;
    uint32_t index;
    uint64_t at;
} mo_export;

#define MO_NO_IMPORT UINT32_MAX

typedef struct mo_func {
    uint32_t type;      /* canonical type index */
    uint32_t declared_type; /* as written in the module */
    uint32_t import;    /* index into imports, or MO_NO_IMPORT */
    uint64_t body_at;   /* defined: offset of the body (its local declarations) */
    uint32_t body_len;
    /* Facts that validation gathers for the compilers: */
    bool referenced;    /* its address may leave the module: exported, in an
                           element segment, a global or by ref.func */
    bool tail_target;   /* a return_call in this module names it */
    bool tail_calls;    /* its body holds a return_call of any form */
    bool throws;        /* its body holds throw, throw_ref or try_table */
    bool gc;            /* its body holds an instruction of the GC heap */
} mo_func;

typedef struct mo_bounds {
    uint64_t min, max; /* tables: elements; memories: pages */
    bool has_max;
    bool is64;
} mo_bounds;

typedef struct mo_table {
    mo_valtype type;
    mo_bounds bounds;
    uint32_t import;
    bool has_init;
    mo_const_expr init;
} mo_table;

typedef struct mo_memory {
    mo_bounds bounds;
    bool shared;
    uint8_t page_shift; /* 16, or 0 with custom page sizes */
    uint32_t import;
} mo_memory;

typedef struct mo_global {
    mo_valtype type;
    bool mutable_;
    uint32_t import;
    mo_const_expr init;
} mo_global;

typedef struct mo_tag {
    uint32_t type; /* canonical type index; no results */
    uint32_t import;
} mo_tag;

typedef enum mo_segment_mode { MO_ACTIVE, MO_PASSIVE, MO_DECLARED } mo_segment_mode;

typedef struct mo_elem {
    mo_segment_mode mode;
    mo_valtype type;
    uint32_t table;
    mo_const_expr offset;  /* active */
    uint32_t n;
    const uint32_t *funcs;      /* n function indices, or NULL and then: */
    const mo_const_expr *exprs; /* n expressions */
    uint64_t at;
} mo_elem;

typedef struct mo_data {
    mo_segment_mode mode;
    uint32_t memory;
    mo_const_expr offset;
    mo_span bytes;
    uint64_t at;
} mo_data;

typedef struct mo_custom {
    mo_span name, bytes;
    uint64_t at;
} mo_custom;

typedef struct mo_module {
    mo_span bytes; /* own copy */
    mo_features features; /* what it was validated with */
    mo_features used;     /* features that it cannot do without */

    uint32_t ntypes, nimports, nfuncs, ntables, nmemories, nglobals, ntags, nexports, nelems, ndatas, ncustoms;
    uint32_t nimported_funcs, nimported_tables, nimported_memories, nimported_globals, nimported_tags;
    const mo_type *types;
    const mo_import *imports;
    const mo_func *funcs; /* index spaces: imports first, then definitions */
    const mo_table *tables;
    const mo_memory *memories;
    const mo_global *globals;
    const mo_tag *tags;
    const mo_export *exports;
    const mo_elem *elems;
    const mo_data *datas;
    const mo_custom *customs;
    bool has_start;
    uint32_t start;
    bool uses_gc_heap;      /* some body or constant expression needs the GC heap */
    uint64_t gc_at;         /* offset of the first such instruction */
    uint64_t code_at;       /* offset of the code section's contents, for sizes */
    uint64_t code_len;

    mo_span module_name;
    const mo_span *func_names; /* nfuncs spans (empty where unnamed), or NULL */

    mo_arena arena;
    int refs; /* atomic */
} mo_module;

/* Decodes and validates. bytes are copied. Errors: mote_module_load's. */
mote_status mo_module_load(const void *bytes, size_t len, mo_features features,
                           const mo_limits *limits /* NULL: defaults */,
                           mo_module **ret, mote_error *err);
void mo_module_ref(mo_module *m);
void mo_module_unref(mo_module *m); /* NULL is fine */

/* Is a value of type a also one of type b? (Wasm 3.0, "matching") */
bool mo_matches(const mo_module *m, mo_valtype a, mo_valtype b);
/* The same for defined types: is a (canonical) b or declared below it? */
bool mo_type_below(const mo_module *m, uint32_t a, uint32_t b);

static inline const mo_type *mo_func_type(const mo_module *m, uint32_t func)
{
    return &m->types[m->funcs[func].type];
}

#endif
