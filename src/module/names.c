/* names.c - the name section: what people call the module and its functions.
 * Nothing depends on it, so a malformed one is as good as none. */
#include "module/load.h"

enum { MODULE_NAME = 0, FUNCTION_NAMES = 1 };

typedef struct names {
    mo_span module;
    mo_span *funcs; /* NULL until one is named */
    bool nomem;
} names;

static bool read_function_names(mo_load *l, mo_reader *r, names *ret)
{
    uint32_t n, index;
    mo_span name;
    if (!mo_read_count(r, "names", 2, &n)) return false;
    if (n == 0 || ret->funcs) return true;
    ret->funcs = mo_arena_array(&l->m->arena, l->m->nfuncs, sizeof *ret->funcs);
    if (!ret->funcs) {
        ret->nomem = true;
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!mo_read_u32(r, "function index", &index) || !mo_read_name(r, "name", &name)) return false;
        if (index < l->m->nfuncs) ret->funcs[index] = name;
    }
    return true;
}

static bool read_subsection(mo_load *l, mo_reader *r, names *ret)
{
    uint8_t id;
    uint32_t size;
    mo_span content;
    if (!mo_read_byte(r, "subsection id", &id) || !mo_read_u32(r, "subsection size", &size)) return false;
    if (!mo_read_bytes(r, "subsection", size, &content)) return false;
    mo_reader sub = *r;
    sub.at = content.at;
    sub.end = content.at + content.len;
    if (id == MODULE_NAME) return mo_read_name(&sub, "module name", &ret->module);
    return id != FUNCTION_NAMES || read_function_names(l, &sub, ret);
}

static bool read_names(mo_load *l, const mo_custom *section, names *ret)
{
    mo_reader r = {
        .base = l->m->bytes.at,
        .at = section->bytes.at,
        .end = section->bytes.at + section->bytes.len,
        .module = l->m,
    };
    while (r.at != r.end)
        if (!read_subsection(l, &r, ret)) return false;
    return true;
}

static const mo_custom *find_section(const mo_module *m)
{
    for (uint32_t i = 0; i < m->ncustoms; i++)
        if (mo_span_is(m->customs[i].name, "name")) return &m->customs[i];
    return NULL;
}

bool mo_load_names(mo_load *l)
{
    const mo_custom *section = find_section(l->m);
    names found = {0};
    if (!section) return true;
    if (read_names(l, section, &found)) {
        l->m->module_name = found.module;
        l->m->func_names = found.funcs;
    }
    return !found.nomem || mo_load_fail_nomem(l);
}
