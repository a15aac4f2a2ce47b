/* format.h - the bytes of an artifact (.mote), little-endian, used in place.
 *
 *   0        mo_file_header, section table          checked at every load
 *   4096 *   TEXT    machine code                   mapped read + execute
 *        *   CONST   its constants and jump tables  mapped read, right behind TEXT
 *        *   META    mo_meta and what it points to  mapped read
 *        *   SITES   code address -> Wasm offset    mapped read, for traps only
 *        *   IMAGE   memory contents                mapped copy-on-write into slots
 *
 * Sections start at multiples of 4096 and lie in this order. Code reaches CONST by
 * PC-relative displacements, so both are mapped in one piece as they lie in the
 * file. No pointer and no relocation is in it: mapping is loading. */
#ifndef MO_ARTIFACT_FORMAT_H
#define MO_ARTIFACT_FORMAT_H

#include "code/abi.h"
#include "code/cpu.h"

#define MO_FILE_MAGIC "\0mote\r\n\x1a"
#define MO_FILE_FORMAT 1
#define MO_FILE_PAGE 4096

typedef enum mo_section_kind { MO_SECTION_TEXT, MO_SECTION_CONST, MO_SECTION_META, MO_SECTION_SITES, MO_SECTION_IMAGE, MO_SECTIONS } mo_section_kind;

typedef struct mo_file_section {
    uint64_t at, len; /* in the file; len without padding */
} mo_file_section;

typedef enum mo_arch { MO_ARCH_X86_64 = 1, MO_ARCH_AARCH64 = 2 } mo_arch;
#if defined(__x86_64__)
#define MO_ARCH_HERE MO_ARCH_X86_64
#else
#define MO_ARCH_HERE MO_ARCH_AARCH64
#endif

enum { /* mo_file_header.options */
    MO_OPTION_LEVEL = 3, /* mask: -O0 to -O3 */
    MO_OPTION_FUEL = 4,
    MO_OPTION_CANONICAL_NANS = 8,
    MO_OPTION_STRICT = 16,
};

typedef struct mo_file_header {
    uint8_t magic[8];
    uint32_t format;
    uint32_t arch;
    uint64_t header_hash;     /* of the file's first 4096 bytes, this field zero */
    uint64_t abi_hash;        /* mo_abi_hash() of the writer */
    uint64_t cpu;             /* bits of mo_cpu_feature that the code uses */
    uint64_t file_len;
    uint64_t contents_hash[2]; /* of all bytes from 4096 on */
    uint64_t module_hash[2];  /* of the Wasm bytes */
    uint64_t features;        /* mo_features used by the module */
    uint32_t options;
    uint32_t reserved;
    char target_cpu[24];      /* as asked for, resolved: "x86-64-v3", "znver4" */
    char compiler[24];        /* "llvm 19.1.7" */
    mo_file_section sections[MO_SECTIONS];
} mo_file_header;

/* n things at an offset from META's start. */
typedef struct mo_list { uint32_t at, n; } mo_list;

typedef struct mo_meta_type {
    uint8_t kind; /* mo_type_kind */
    uint8_t final;
    uint16_t depth;
    uint32_t super, canonical, group, group_len;
    mo_list params, results; /* mo_valtype */
    mo_list fields;          /* mo_meta_field */
} mo_meta_type;
typedef struct mo_meta_field { mo_valtype type; uint32_t mutable_; } mo_meta_field;

typedef struct mo_meta_import {
    mo_list module, name; /* bytes */
    uint32_t kind;        /* mo_extern_kind */
    uint32_t index;
} mo_meta_import;

#define MO_NO_CODE UINT32_MAX
typedef struct mo_meta_func {
    uint32_t type;    /* canonical */
    uint32_t code_at; /* in TEXT; MO_NO_CODE: imported, or nothing outside can reach it */
    uint32_t record;  /* funcrefs index (mo_layout), or MO_NO_RECORD */
    uint32_t body_at; /* in the Wasm bytes, for messages */
} mo_meta_func;

/* Binary codes by name, MO_CODE_i32_const: mo_op's numbers are not stable between versions. */
typedef enum mo_opcode {
#define OP(name, code, text, imm, in, out, check, feature, traps) MO_CODE_##name = code,
#include "module/ops.def"
#undef OP
} mo_opcode;

typedef struct mo_meta_const { /* one instruction of a constant expression */
    uint32_t op;    /* a mo_opcode */
    uint32_t index; /* as in mo_const_insn */
    uint8_t bits[16];
} mo_meta_const;
#define MO_CONST_DEPTH 256 /* operands that a constant expression may hold at once */

enum { MO_META_MAX = 1, MO_META_64 = 2, MO_META_SHARED = 4, MO_META_MUTABLE = 8, MO_META_INIT = 16 }; /* flags */

typedef struct mo_meta_table {
    uint64_t min, max;
    mo_valtype type;
    uint32_t flags;
    mo_list init; /* mo_meta_const, if MO_META_INIT */
} mo_meta_table;

typedef struct mo_meta_memory {
    uint64_t min, max; /* pages */
    uint32_t flags;
    uint32_t page_shift;
} mo_meta_memory;

typedef struct mo_meta_global {
    mo_valtype type;
    uint32_t flags;
    mo_list init;
} mo_meta_global;

typedef struct mo_meta_export {
    mo_list name;
    uint32_t kind, index;
} mo_meta_export;

typedef struct mo_meta_elem {
    uint32_t mode; /* mo_segment_mode */
    mo_valtype type;
    uint32_t table;
    uint32_t reserved;
    mo_list offset; /* mo_meta_const */
    mo_list funcs;  /* uint32_t; or, if exprs.n != 0: */
    mo_list exprs;  /* mo_list of mo_meta_const each */
} mo_meta_elem;

typedef struct mo_meta_data {
    uint32_t mode;
    uint32_t memory;
    mo_list offset;
    mo_list bytes;  /* empty if in_image */
    uint32_t in_image; /* its bytes are part of IMAGE: nothing to copy at instantiation */
    uint32_t reserved;
} mo_meta_data;

/* A run of whole pages of own memory 0's initial contents. Only a memory with
 * 64 KiB pages whose active segments have constant offsets, in range, has an image;
 * later active segments win over earlier ones, as instantiation would have it. */
typedef struct mo_meta_image {
    uint64_t memory_at; /* in the memory, a multiple of 4096 */
    uint64_t at;        /* in IMAGE, a multiple of 4096 */
    uint64_t len;       /* a multiple of 4096 */
    uint32_t memory;
    uint32_t reserved;
} mo_meta_image;

/* A run of n words of CONST that jump tables consist of: 32-bit distances from their
 * table's start to code. For the checker. */
typedef struct mo_meta_jumps { uint32_t at, n; } mo_meta_jumps; /* at: counted from TEXT's start */

typedef struct mo_meta {
    uint32_t ntypes, nimports, nfuncs, ntables, nmemories, nglobals, ntags, nexports, nelems, ndatas;
    uint32_t nimported_funcs, nimported_tables, nimported_memories, nimported_globals, nimported_tags;
    uint32_t start; /* function index or UINT32_MAX */
    mo_list types, imports, funcs, tables, memories, globals, tags /* uint32_t: type */, exports, elems, datas;
    mo_list exports_sorted; /* uint32_t indices into exports, by name (length, then bytes) */
    mo_list images;
    mo_list jumps;          /* mo_meta_jumps, by at */
    mo_list module_name;    /* bytes */
    mo_list func_names;     /* mo_list of bytes, nfuncs of them, or none at all */
    mo_layout layout;
} mo_meta;

/* SITES: three sorted arrays behind one header. */
typedef struct mo_sites {
    uint32_t nranges, nsites, nframes, reserved;
    /* mo_site_range[nranges], mo_site[nsites], mo_site_frame[nframes] follow */
} mo_sites;
typedef struct mo_site_range { uint32_t code_at, code_len, func; } mo_site_range; /* by code_at; one per function */
#define MO_NO_FUNC UINT32_MAX /* a range's func: a helper of the compiler's own (memcpy) */
typedef struct mo_site { /* by code_at; holds for code from here to the next site's code_at */
    uint32_t code_at;
    uint32_t offset; /* Wasm byte offset, 0: unknown */
    uint32_t frame;  /* innermost inlined frame, or MO_NO_FRAME: the function itself */
} mo_site;
#define MO_NO_FRAME UINT32_MAX
typedef struct mo_site_frame { /* an inlined call */
    uint32_t func;   /* that was inlined */
    uint32_t call_offset; /* Wasm offset of the call */
    uint32_t parent; /* frame that it was inlined into, or MO_NO_FRAME */
} mo_site_frame;

#endif
