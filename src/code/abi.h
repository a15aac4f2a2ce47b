/* abi.h - abi.def as C: the context, the running call, the conventions.
 *
 * An instance's context and what follows it in the slot (mo_layout gives the
 * offsets, each counted from the context's address):
 *
 *   context | imports | memories | tables | globals | tags | type ids | ...
 *           | descriptors of own memories and tables | funcrefs | dropped flags
 *
 * The convention of every function whose address can leave its module
 * (exported, in a table, referenced, target or origin of a tail call):
 *   context    x86-64: r10, aarch64: x18 (LLVM's `nest`). NOT preserved: the callee
 *              may end in a tail call into another instance. The caller keeps its own.
 *   arguments  in order: i32, i64 and references take the next of MO_INT_ARGS
 *              integer registers, f32, f64 and v128 the next of MO_VEC_ARGS vector
 *              registers (the C convention's). One that finds no register goes to
 *              run->xfer[k], k counting such arguments from 0.
 *   results    the same with MO_INT_RESULTS and MO_VEC_RESULTS (x86-64: rax rdx rcx
 *              r8, xmm0-3). xfer is read at once by whoever receives it.
 *   The machine stack never holds an argument. Other registers: as in C.
 *   mo_try_call (helpers[MO_HELPERS]) takes all of that for its callee and, on
 *              x86-64, the callee's code address in r13.
 * Functions that nothing outside can reach may be called as the compiler likes. */
#ifndef MO_CODE_ABI_H
#define MO_CODE_ABI_H

#include "module/module.h"

struct mo_run;
struct mo_instance;
struct mo_exception;

typedef struct mo_context {
#define CTX(type, name) type name;
#include "code/abi.def"
} mo_context;

#define MO_XFER_SLOTS 1000 /* the limit on parameters and on results */

typedef union mo_slot_value { /* 16 bytes: any value */
    uint32_t i32;
    uint64_t i64;
    float f32;
    double f64;
    uint8_t v128[16];
    void *ref;
    uint64_t word[2];
} mo_slot_value;

typedef struct mo_run {
#define RUN(type, name) type name;
#include "code/abi.def"
    mo_slot_value xfer[MO_XFER_SLOTS];
} mo_run;

typedef enum mo_helper {
#define HELPER(name, ...) MO_HELPER_##name,
#include "code/abi.def"
    MO_HELPERS,
} mo_helper;

typedef enum mo_trap_code {
    MO_TRAP_NONE = 0,
#define TRAP(name, code, text) MO_TRAP_##name = code,
#include "code/abi.def"
} mo_trap_code;

/* x86-64: a trap site is `ud1 eax, [eax + n]`, n = 0x80000000 | offset in the body << 8
 * | mo_trap_code, 32 bits: 67 0f b9 80 n. The code is n's low byte; the rest keeps the
 * sites of one function apart, so that no optimisation merges them. */

/* A function reference: a pointer to one of these, which lives as long as its
 * instance's store. Null is NULL. */
typedef struct mo_funcref {
    const void *code;
    mo_context *context; /* host functions: their own record, see instance */
    uint32_t type_id;    /* interned per process; never 0 */
    uint32_t func;       /* function index in its module; host functions: MO_HOST_FUNC */
    void *owner;         /* the store; NULL once it is released */
} mo_funcref;
#define MO_HOST_FUNC UINT32_MAX

/* An entry of a table of functions, 32 bytes. Null: all zero. Written by helpers only.
 * Tables of other references hold 8-byte words. */
typedef struct mo_table_entry {
    const void *code;
    mo_context *context;
    uint32_t type_id; /* 0: null */
    uint32_t pad;
    mo_funcref *ref;
} mo_table_entry;

typedef struct mo_memory_desc { /* one per memory, in its owner's slot */
    uint8_t *base;  /* never changes */
    uint64_t bytes; /* current length; shared memories: read atomically */
} mo_memory_desc;

typedef struct mo_table_desc {
    void *entries; /* may change when the table grows; never if min == max */
    uint64_t n;
} mo_table_desc;

typedef struct mo_ctx_memory { /* memories[i] of the context */
    mo_memory_desc *desc;
    uint8_t *base;
} mo_ctx_memory;

typedef struct mo_ctx_import { /* imports[i]: an imported function */
    const void *code;
    mo_context *context;
    mo_funcref *ref;
} mo_ctx_import;

/* A tag's identity is the address of one of these. */
typedef struct mo_tag_desc {
    uint32_t type_id;
    uint32_t nparams;
} mo_tag_desc;

typedef struct mo_exception {
    const mo_tag_desc *tag;
    uint64_t nparams;
    mo_slot_value params[];
} mo_exception;

#if defined(__x86_64__)
enum { MO_INT_ARGS = 6, MO_VEC_ARGS = 8, MO_INT_RESULTS = 4, MO_VEC_RESULTS = 4 };
#elif defined(__aarch64__)
enum { MO_INT_ARGS = 8, MO_VEC_ARGS = 8, MO_INT_RESULTS = 4, MO_VEC_RESULTS = 4 };
#else
#error "mote knows x86-64 and aarch64"
#endif

/* Where one argument or result travels. */
typedef struct mo_place {
    enum { MO_IN_INT, MO_IN_VEC, MO_IN_XFER } where;
    uint32_t index;
} mo_place;
/* Walks a list of types: places[i] for types[i]; returns how many xfer slots are used. */
uint32_t mo_places(const mo_valtype *types, uint32_t n, uint32_t nint, uint32_t nvec, mo_place *places);

/* --- layout ------------------------------------------------------------ */

#define MO_NO_RECORD UINT32_MAX

/* Offsets from the context, in bytes; a pure function of the module. */
typedef struct mo_layout {
    uint32_t imports_at;     /* mo_ctx_import[nimported_funcs] */
    uint32_t memories_at;    /* mo_ctx_memory[nmemories] */
    uint32_t tables_at;      /* mo_table_desc *[ntables] */
    uint32_t globals_at;     /* 16 bytes each: the value; imported mutable: its address */
    uint32_t tags_at;        /* const mo_tag_desc *[ntags] */
    uint32_t type_ids_at;    /* uint32_t[ntypes] */
    uint32_t own_memories_at; /* mo_memory_desc[defined memories] */
    uint32_t own_tables_at;  /* mo_table_desc[defined tables] */
    uint32_t own_tags_at;    /* mo_tag_desc[defined tags] */
    uint32_t funcrefs_at;    /* mo_funcref[nrecords]: one per defined function that is `referenced` */
    uint32_t dropped_at;     /* uint8_t[nelems + ndatas] */
    uint32_t size;           /* all of it, a multiple of 64 */
    uint32_t nrecords;
} mo_layout;

bool mo_layout_make(const mo_module *m, mo_layout *ret, mote_error *err);
/* Which record is function func's, counted from funcrefs_at, or MO_NO_RECORD.
 * records has one entry per function of the module. */
void mo_layout_records(const mo_module *m, uint32_t *records);

/* A number that changes whenever abi.def or a structure above does. */
uint64_t mo_abi_hash(void);

/* --- memories without bounds checks ------------------------------------ */

/* A 32-bit memory with 64 KiB pages is reached without a check: its slot reserves
 * all that an index and a small offset can reach. Others are checked. */
#define MO_MEMORY_RESERVE (UINT64_C(4) << 30)
#define MO_GUARD_BEFORE (UINT64_C(2) << 30)
#define MO_GUARD_AFTER (UINT64_C(4) << 30)
#define MO_OFFSET_FOLDED (UINT64_C(2) << 30) /* static offsets from here on are checked */
static inline bool mo_memory_unchecked(const mo_memory *memory)
{
    return !memory->bounds.is64 && memory->page_shift == 16;
}

#endif
