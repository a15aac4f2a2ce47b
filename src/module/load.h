/* load.h - a module while it is being loaded. Private to this folder.
 *   bytes --sections, in order--> mo_load --mo_load_finish--> mo_module
 * Always: m's pointers and counts show exactly what has been read so far, so
 * that readers of m (mo_body, mo_matches) see the validation context of the
 * section at hand. The arrays here are m's own, writable until load returns. */
#ifndef MO_MODULE_LOAD_H
#define MO_MODULE_LOAD_H

#include "module/body.h"
#include "module/reader.h"

typedef struct mo_load {
    mo_module *m;
    mo_reader r; /* what is left of the section at hand */
    const mo_limits *limits;
    mote_error *err;
    mo_body body; /* one after the other: every body, every constant expression */

    mo_type *types;
    mo_import *imports;
    mo_func *funcs;
    mo_table *tables;
    mo_memory *memories;
    mo_global *globals;
    mo_tag *tags;
    mo_custom *customs;
    size_t types_cap, imports_cap, funcs_cap, tables_cap, memories_cap, globals_cap, tags_cap, customs_cap;

    struct mo_type_keys *type_keys; /* type_section.c's own */

    mo_const_insn *insns; /* the constant expression at hand */
    size_t insns_cap;

    bool has_data_count, has_code, has_data;
    uint32_t nbodies;
} mo_load;

/* One per section; each reads l->r to its end (or stops short, which the
 * caller refuses). */
bool mo_load_types(mo_load *l);
bool mo_load_imports(mo_load *l);
bool mo_load_functions(mo_load *l);
bool mo_load_tables(mo_load *l);
bool mo_load_memories(mo_load *l);
bool mo_load_tags(mo_load *l);
bool mo_load_globals(mo_load *l);
bool mo_load_exports(mo_load *l);
bool mo_load_start(mo_load *l);
bool mo_load_elems(mo_load *l);
bool mo_load_data_count(mo_load *l);
bool mo_load_code(mo_load *l);
bool mo_load_datas(mo_load *l);

/* Pulls a whole body, so that it is validated; ret_ops: its instructions' features. */
bool mo_body_validate(mo_load *l, uint32_t func, mo_features *ret_ops);

/* Reads a constant expression of type want; what names it in errors. */
bool mo_load_const(mo_load *l, const char *what, mo_valtype want, mo_const_expr *ret);

/* The name section, once all else is known. False only when memory is out. */
bool mo_load_names(mo_load *l);

/* Index spaces. */
bool mo_load_func_type(mo_load *l, const char *what, uint32_t *ret_canonical, uint32_t *ret_declared);
bool mo_load_index(mo_load *l, const char *what, uint32_t n, uint32_t *ret);

/* Arrays that grow and arrays in the arena; NOMEM is told. */
bool mo_load_room(mo_load *l, void *array, size_t *cap, size_t need, size_t size);
void *mo_load_take(mo_load *l, size_t n, size_t size);

static inline bool mo_load_fail_nomem(mo_load *l) { return mo_fail_nomem(l->err); }

#endif
