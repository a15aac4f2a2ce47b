/* artifact.h - an artifact as a thing: written once, mapped, looked into.
 *   mo_code + mo_module --mo_link--> mo_linked --mo_artifact_write--> file or bytes
 *   file --mo_artifact_open--> mo_artifact
 * An open artifact never changes; share it between threads freely. Nothing in
 * META is believed before mo_artifact_open has checked it: every list lies in its
 * section, every index is in range. Machine code is believed: owner and mode of
 * the file stand for it (docs/artifact.md). */
#ifndef MO_ARTIFACT_ARTIFACT_H
#define MO_ARTIFACT_ARTIFACT_H

#include "artifact/format.h"
#include "code/code.h"

/* --- writing ----------------------------------------------------------- */

typedef struct mo_linked {
    mo_buffer text, constants, sites; /* contents of TEXT, CONST, SITES */
    uint32_t *code_at;     /* per function of the module: offset in text, or MO_NO_CODE */
    uint32_t *code_len;
    uint32_t nfuncs;
    mo_meta_jumps *jumps;  /* words of CONST that are distances to code; by at */
    size_t njumps, jumps_cap;
    mo_arch arch;          /* that the objects are for */
} mo_linked;

/* Resolves every relocation; what stays unresolved is an error that names it. */
bool mo_link(const mo_code *code, uint32_t nfuncs, mo_linked *ret, mote_error *err);
void mo_linked_free(mo_linked *linked);

typedef struct mo_artifact_info { /* what the compiler knows and the header tells */
    uint64_t cpu;
    uint32_t options;
    const char *target_cpu, *compiler;
} mo_artifact_info;

/* The whole file's bytes. */
bool mo_artifact_write(const mo_module *m, const mo_linked *linked, const mo_artifact_info *info,
                       mo_buffer *ret, mote_error *err);

/* --- reading ----------------------------------------------------------- */

typedef struct mo_artifact {
    const mo_file_header *header;
    const uint8_t *text; /* executable mapping; CONST lies behind it */
    uint64_t text_len;
    const mo_meta *meta; /* META's start: mo_list offsets count from here */
    const mo_sites *sites;
    uint64_t image_at;   /* IMAGE in the file, for mmap of fd */
    int fd;              /* kept open for image mappings; a memfd if loaded from bytes */
    const uint8_t *image; /* IMAGE's bytes in the mapping */
    uint32_t *type_ids;  /* per module type: interned in this process (types.c) */
    void *base;          /* the mapping of the whole file */
    size_t base_len;
    int refs;            /* atomic */
} mo_artifact;

typedef struct mo_open_options {
    bool verify_contents;  /* hash everything: 30 to 70 ms for 26 MB */
    bool trust_any_owner;  /* tests only: skip the owner and mode check */
} mo_open_options;

/* Refuses, with the reason: not an artifact, truncated, altered header, other ABI
 * or processor, a needed CPU feature that is missing here, an owner other than
 * this user or root, a file that group or others can write. */
bool mo_artifact_open(const char *path, const mo_open_options *options, mo_artifact **ret, mote_error *err);
/* From bytes (copied into fresh executable memory): what a compile in this process'
 * own worker gave; fd is a memfd. */
bool mo_artifact_open_bytes(const void *bytes, size_t len, mo_artifact **ret, mote_error *err);
void mo_artifact_ref(mo_artifact *a);
void mo_artifact_unref(mo_artifact *a); /* NULL is fine */
/* Its pages are not this process's until they are touched again. */
void mo_artifact_rest(const mo_artifact *a);
/* Does the contents' hash hold? Reads the whole file. */
bool mo_artifact_verify(const mo_artifact *a, mote_error *err);

/* The open artifact whose TEXT holds pc, or NULL. Wait-free, for signal handlers.
 * The answer stays valid while somebody holds a reference: code that runs does. */
const mo_artifact *mo_artifact_find(const void *pc);

static inline const void *mo_meta_at(const mo_artifact *a, mo_list list)
{
    return (const uint8_t *)a->meta + list.at;
}
/* META's arrays by name: mo_meta_types(a)[i]. */
#define MO_META_ARRAY(name, type) \
    static inline const type *mo_meta_##name(const mo_artifact *a) { return mo_meta_at(a, a->meta->name); }
MO_META_ARRAY(types, mo_meta_type)
MO_META_ARRAY(imports, mo_meta_import)
MO_META_ARRAY(funcs, mo_meta_func)
MO_META_ARRAY(tables, mo_meta_table)
MO_META_ARRAY(memories, mo_meta_memory)
MO_META_ARRAY(globals, mo_meta_global)
MO_META_ARRAY(tags, uint32_t)
MO_META_ARRAY(exports, mo_meta_export)
MO_META_ARRAY(elems, mo_meta_elem)
MO_META_ARRAY(datas, mo_meta_data)
MO_META_ARRAY(images, mo_meta_image)
static inline const mo_meta_jumps *mo_meta_jump_runs(const mo_artifact *a) { return mo_meta_at(a, a->meta->jumps); }

/* The export of that name, or NULL. Logarithmic. */
const mo_meta_export *mo_artifact_export(const mo_artifact *a, const void *name, size_t len);

/* Where does code address pc (in a->text) come from? Fills up to cap frames, the
 * innermost inlined one first; returns how many there are, which may be more than
 * cap (0: no function of the module: another artifact's, padding, or a helper of the
 * compiler's own such as memcpy). Of a return address ask for the byte before it.
 * For signal handlers: bounded, takes no memory; SITES is not believed. */
typedef struct mo_source { uint32_t func; uint32_t offset; } mo_source;
uint32_t mo_artifact_source(const mo_artifact *a, const void *pc, mo_source *frames, uint32_t cap);
/* Where functions lie in TEXT, by address; none if SITES is damaged. a->sites itself is
 * not checked: use this and mo_artifact_source. */
const mo_site_range *mo_artifact_ranges(const mo_artifact *a, uint32_t *retn);
/* The name section's name of a function, or an empty span. */
mo_span mo_artifact_func_name(const mo_artifact *a, uint32_t func);

/* CPU features of this machine, as bits of mo_cpu_feature. */
uint64_t mo_cpu_here(void);
/* "avx2", or NULL if there is no such feature. */
const char *mo_cpu_feature_name(uint32_t feature);
/* "sse3, avx2" into buf, cut at size; returns buf. */
const char *mo_cpu_text(uint64_t features, char *buf, size_t size);
/* "x86-64", or NULL. */
const char *mo_arch_name(uint32_t arch);

/* --- types, interned per process (types.c) ----------------------------- */

/* A type id stands for one equivalence class of defined types over all modules of
 * the process; never 0, never reused. Thread-safe. */
bool mo_types_intern(const mo_meta *meta, uint32_t *ids, mote_error *err);
/* Interning one plain final function type, for host functions. Value types with
 * concrete heap types are not possible here. 0 when memory is out. */
uint32_t mo_types_intern_func(const mo_valtype *params, uint32_t nparams, const mo_valtype *results, uint32_t nresults);
/* Is id a wanted's own class or declared below it? Lock-free. */
bool mo_type_id_below(uint32_t id, uint32_t wanted);

/* Value types that mean the same in every module: a concrete heap type is a type id
 * instead of an index. Imports are matched by these. */
mo_valtype mo_valtype_global(const mo_artifact *a, mo_valtype t);
/* Is a value of global type a also one of b? (Wasm 3.0, "matching"). Lock-free. */
bool mo_valtype_matches(mo_valtype a, mo_valtype b);
/* The function type that an id stands for, in global value types; the arrays live as
 * long as the process. False: not a function type. Lock-free. */
typedef struct mo_func_shape {
    const mo_valtype *params, *results;
    uint32_t nparams, nresults;
} mo_func_shape;
bool mo_type_id_func(uint32_t id, mo_func_shape *ret);

#endif
