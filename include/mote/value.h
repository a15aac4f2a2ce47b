/* mote/value.h - types and values as the host sees them.
 *   mote_valtype  a value type in one word, compared with ==
 *   mote_raw      16 bytes that hold a value; its type is known from elsewhere
 *   mote_value    a raw value with its type
 * Threads: plain values. References in them live as long as their store. */
#ifndef MOTE_VALUE_H
#define MOTE_VALUE_H

#include "mote/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mote_engine mote_engine;
typedef struct mote_module mote_module;
typedef struct mote_artifact mote_artifact;
typedef struct mote_store mote_store;
typedef struct mote_linker mote_linker;
typedef struct mote_instance mote_instance;
typedef struct mote_func mote_func;
typedef struct mote_memory mote_memory;
typedef struct mote_shared_memory mote_shared_memory;
typedef struct mote_table mote_table;
typedef struct mote_global mote_global;
typedef struct mote_tag mote_tag;
typedef struct mote_exception mote_exception;
typedef struct mote_trap mote_trap;
typedef struct mote_caller mote_caller;

/** A value type. The ones below have names; others (typed references) are words to
 *  compare, copy and print. A concrete reference type is meaningful only beside the
 *  thing (module, artifact, store) that it came from. */
typedef uint32_t mote_valtype;

#define MOTE_I32 0x7fu
#define MOTE_I64 0x7eu
#define MOTE_F32 0x7du
#define MOTE_F64 0x7cu
#define MOTE_V128 0x7bu
#define MOTE_FUNCREF 0xe000e164u   /* (ref null func)   */
#define MOTE_EXTERNREF 0xe000df64u /* (ref null extern) */
#define MOTE_EXNREF 0xe000d364u    /* (ref null exn)    */

/** Is t a reference type, of any kind? */
static inline bool mote_is_reference(mote_valtype t) { return (t & 0xffu) == 0x64u; }

/** Longest text of a value type, terminator included. */
#define MOTE_TYPE_TEXT 40
/** "i32", "funcref", "(ref null 7)" into text, which is returned. */
MOTE_API const char *mote_valtype_text(mote_valtype t, char text[MOTE_TYPE_TEXT]);

/** Any value. Numbers are as in the machine; v128 is in memory order.
 *  externref  any word that the host likes; 0 is null. mote never looks behind it.
 *  func       NULL is null. Lives as long as its store.
 *  exn        NULL is null. See mote_store_exception() for how long it lives. */
typedef union mote_raw {
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
    uint8_t v128[16];
    uint64_t externref;
    mote_func *func;
    mote_exception *exn;
    uint64_t word[2];
} mote_raw;

typedef struct mote_value {
    mote_valtype type;
    mote_raw of;
} mote_value;

static inline mote_value mote_i32(int32_t v)
{
    mote_value r;
    r.type = MOTE_I32, r.of.word[0] = r.of.word[1] = 0, r.of.i32 = v;
    return r;
}
static inline mote_value mote_i64(int64_t v)
{
    mote_value r;
    r.type = MOTE_I64, r.of.word[1] = 0, r.of.i64 = v;
    return r;
}
static inline mote_value mote_f32(float v)
{
    mote_value r;
    r.type = MOTE_F32, r.of.word[0] = r.of.word[1] = 0, r.of.f32 = v;
    return r;
}
static inline mote_value mote_f64(double v)
{
    mote_value r;
    r.type = MOTE_F64, r.of.word[1] = 0, r.of.f64 = v;
    return r;
}
static inline mote_value mote_externref(uint64_t v)
{
    mote_value r;
    r.type = MOTE_EXTERNREF, r.of.word[1] = 0, r.of.externref = v;
    return r;
}
static inline mote_value mote_funcref(mote_func *v)
{
    mote_value r;
    r.type = MOTE_FUNCREF, r.of.word[0] = r.of.word[1] = 0, r.of.func = v;
    return r;
}

/* --- types of things that are imported and exported --------------------- */

typedef enum mote_extern_kind {
    MOTE_FUNC,
    MOTE_TABLE,
    MOTE_MEMORY,
    MOTE_GLOBAL,
    MOTE_TAG,
} mote_extern_kind;

/** "func", "table"... Static. */
MOTE_API const char *mote_extern_kind_name(mote_extern_kind kind);

/** The arrays belong to whoever gave the type; as an argument they are copied. */
typedef struct mote_functype {
    const mote_valtype *params;
    size_t nparams;
    const mote_valtype *results;
    size_t nresults;
} mote_functype;

typedef struct mote_tabletype {
    mote_valtype element;
    bool is64, has_max;
    uint64_t min, max; /* elements */
} mote_tabletype;

typedef struct mote_memorytype {
    bool is64, shared, has_max;
    uint8_t page_shift; /* log2 of the page's bytes: 16, or 0 with custom page sizes */
    uint64_t min, max;  /* pages */
} mote_memorytype;

typedef struct mote_globaltype {
    mote_valtype content;
    bool is_mutable;
} mote_globaltype;

typedef struct mote_externtype {
    mote_extern_kind kind;
    union {
        mote_functype func; /* and of tags: their parameters */
        mote_tabletype table;
        mote_memorytype memory;
        mote_globaltype global;
    } of;
} mote_externtype;

/** One import or export. Names are UTF-8, not terminated, and live as long as the
 *  module or artifact that they came from; so do the type's arrays. */
typedef struct mote_import {
    const char *module;
    size_t module_len;
    const char *name;
    size_t name_len;
    mote_externtype type;
} mote_import;

typedef struct mote_export {
    const char *name;
    size_t name_len;
    mote_externtype type;
} mote_export;

/** Any of the five things that can be imported and exported. Lives as long as its store. */
typedef struct mote_extern {
    mote_extern_kind kind;
    union {
        mote_func *func;
        mote_table *table;
        mote_memory *memory;
        mote_global *global;
        mote_tag *tag;
    } of;
} mote_extern;

#ifdef __cplusplus
}
#endif
#endif
