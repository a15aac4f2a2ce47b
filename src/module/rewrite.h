/* rewrite.h - a module with other contents -> bytes.
 *   mo_module + mo_rewrite --mo_rewrite_module--> a module of the same types, imports,
 *   functions and code, whose memories, tables and globals begin as mo_rewrite says
 * Index spaces stay as they are, for code is copied byte for byte. The start section goes;
 * custom sections stay where they stood, but for those that speak of what has moved. */
#ifndef MO_MODULE_REWRITE_H
#define MO_MODULE_REWRITE_H

#include "module/module.h"

#define MO_NULL_FUNC UINT32_MAX

/* What a global begins with. */
typedef struct mo_new_value {
    bool kept;        /* what the module says */
    uint32_t func;    /* of a reference: a function, or MO_NULL_FUNC */
    uint8_t bits[16]; /* of a number, little-endian */
} mo_new_value;

typedef struct mo_new_elem { /* an active segment */
    uint32_t table;
    uint64_t at;
    uint32_t n;
    const uint32_t *funcs; /* MO_NULL_FUNC: null */
} mo_new_elem;

typedef struct mo_new_data { /* an active segment */
    uint32_t memory;
    uint64_t at;
    mo_span bytes;
} mo_new_data;

/* Arrays of the module's own memories, tables and globals: imports are not counted. */
typedef struct mo_rewrite {
    const mo_new_value *globals;
    const uint64_t *table_min, *memory_min;
    const uint8_t *elem_dropped, *data_dropped; /* per segment; what is not stays as it is */
    const mo_new_elem *elems;
    uint32_t nelems;
    const mo_new_data *datas;
    uint32_t ndatas;
    const mo_export *exports; /* instead of the module's */
    uint32_t nexports;
} mo_rewrite;

/* MOTE_NOMEM, MOTE_LIMIT (over 1 GiB), MOTE_UNSUPPORTED (a constant expression that needs
 * the GC heap). On failure *ret is empty. */
bool mo_rewrite_module(const mo_module *m, const mo_rewrite *r, mo_buffer *ret, mote_error *err);

#endif
