/* facts.c - a module or META -> facts. */
#include "check/facts.h"

/* The kind of reference that a value of type t is; concrete types' kinds are known by now. */
static uint8_t word_of(const mo_facts *f, mo_valtype t)
{
    if (!mo_is_ref(t))
        return 0;
    uint32_t heap = mo_heap(t);
    if (mo_heap_is_concrete(heap))
        return heap < f->ntypes && f->types[heap].is_function ? MO_WORD_FUNC : MO_WORD_ANY;
    switch (heap) {
    case MO_HEAP_FUNC: case MO_HEAP_NOFUNC: return MO_WORD_FUNC;
    case MO_HEAP_EXN: case MO_HEAP_NOEXN: return MO_WORD_EXN;
    case MO_HEAP_EXTERN: case MO_HEAP_NOEXTERN: return MO_WORD_EXTERN;
    default: return MO_WORD_ANY;
    }
}

/* Notes where references among types travel: registers' masks, and f->xfer. */
static void note_places(mo_facts *f, const mo_valtype *types, uint32_t n, uint32_t nint, uint32_t nvec, uint8_t *registers)
{
    mo_place places[MO_XFER_SLOTS];
    if (n > MO_XFER_SLOTS)
        n = MO_XFER_SLOTS;
    mo_places(types, n, nint, nvec, places);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t word = word_of(f, types[i]);
        if (places[i].where == MO_IN_INT)
            registers[places[i].index] = word;
        else if (places[i].where == MO_IN_XFER)
            f->xfer[places[i].index] |= word;
    }
}

static void note_type(mo_facts *f, uint32_t i, const mo_valtype *params, uint32_t nparams, const mo_valtype *results, uint32_t nresults)
{
    mo_fact_type *t = &f->types[i];
    t->nparams = nparams;
    for (uint32_t k = 0; k < nparams; k++)
        f->has_words |= mo_is_ref(params[k]);
    for (uint32_t k = 0; k < nresults; k++)
        f->has_words |= mo_is_ref(results[k]);
    note_places(f, params, nparams, MO_INT_ARGS, MO_VEC_ARGS, t->params);
    note_places(f, results, nresults, MO_INT_RESULTS, MO_VEC_RESULTS, t->results);
    for (int k = 0; k < MO_INT_RESULTS; k++)
        f->results[k] |= t->results[k];
}

/* An exception's parameters go through xfer one by one, whatever their types. */
static void note_tag(mo_facts *f, const mo_valtype *params, uint32_t n)
{
    for (uint32_t i = 0; i < n && i < MO_XFER_SLOTS; i++)
        f->exception[i] |= word_of(f, params[i]);
}

static bool make_room(mo_facts *f, mote_error *err)
{
    f->types = mo_arena_array(&f->arena, f->ntypes + 1u, sizeof *f->types);
    f->funcs = mo_arena_array(&f->arena, f->nfuncs + 1u, sizeof *f->funcs);
    f->globals = mo_arena_array(&f->arena, f->nglobals + 1u, sizeof *f->globals);
    f->tables = mo_arena_array(&f->arena, f->ntables + 1u, sizeof *f->tables);
    return (f->types && f->funcs && f->globals && f->tables) || mo_fail_nomem(err);
}

#define COPY_COUNTS(f, from) \
    (f)->ntypes = (from)->ntypes, (f)->nfuncs = (from)->nfuncs, (f)->nglobals = (from)->nglobals, \
    (f)->nmemories = (from)->nmemories, (f)->ntables = (from)->ntables, (f)->ntags = (from)->ntags, \
    (f)->nimported_funcs = (from)->nimported_funcs, (f)->nimported_memories = (from)->nimported_memories, \
    (f)->nimported_tables = (from)->nimported_tables

bool mo_facts_of_module(const mo_module *m, mo_facts *ret, mote_error *err)
{
    mo_facts *f = ret;
    *f = (mo_facts){0};
    COPY_COUNTS(f, m);
    if (!mo_layout_make(m, &f->layout, err) || !make_room(f, err))
        return false;
    for (uint32_t i = 0; i < m->ntypes; i++)
        f->types[i].is_function = m->types[i].kind == MO_TYPE_FUNC;
    for (uint32_t i = 0; i < m->ntypes; i++)
        note_type(f, i, m->types[i].params, m->types[i].nparams, m->types[i].results, m->types[i].nresults);
    for (uint32_t i = 0; i < m->nfuncs; i++) {
        const mo_func *func = &m->funcs[i];
        bool outside = func->referenced || (m->has_start && m->start == i);
        f->funcs[i] = (mo_fact_func){func->type, func->import != MO_NO_IMPORT, outside};
    }
    for (uint32_t i = 0; i < m->nglobals; i++) {
        const mo_global *g = &m->globals[i];
        f->has_words |= mo_is_ref(g->type);
        f->globals[i] = (mo_fact_global){word_of(f, g->type), g->import != MO_NO_IMPORT && g->mutable_, g->mutable_};
    }
    for (uint32_t i = 0; i < m->ntables; i++)
        f->tables[i] = word_of(f, m->tables[i].type);
    for (uint32_t i = 0; i < m->ntags; i++)
        note_tag(f, m->types[m->tags[i].type].params, m->types[m->tags[i].type].nparams);
    return true;
}

bool mo_facts_of_artifact(const mo_artifact *a, mo_facts *ret, mote_error *err)
{
    const mo_meta *m = a->meta;
    mo_facts *f = ret;
    *f = (mo_facts){.layout = m->layout};
    COPY_COUNTS(f, m);
    if (!make_room(f, err))
        return false;
    const mo_meta_type *types = mo_meta_types(a);
    for (uint32_t i = 0; i < m->ntypes; i++)
        f->types[i].is_function = types[i].kind == MO_TYPE_FUNC;
    for (uint32_t i = 0; i < m->ntypes; i++)
        note_type(f, i, mo_meta_at(a, types[i].params), types[i].params.n, mo_meta_at(a, types[i].results), types[i].results.n);
    for (uint32_t i = 0; i < m->nfuncs; i++) {
        const mo_meta_func *func = &mo_meta_funcs(a)[i];
        f->funcs[i] = (mo_fact_func){func->type, i < m->nimported_funcs, func->record != MO_NO_RECORD || m->start == i};
    }
    for (uint32_t i = 0; i < m->nglobals; i++) {
        const mo_meta_global *g = &mo_meta_globals(a)[i];
        f->has_words |= mo_is_ref(g->type);
        bool mutable_ = (g->flags & MO_META_MUTABLE) != 0;
        f->globals[i] = (mo_fact_global){word_of(f, g->type), i < m->nimported_globals && mutable_, mutable_};
    }
    for (uint32_t i = 0; i < m->ntables; i++)
        f->tables[i] = word_of(f, mo_meta_tables(a)[i].type);
    for (uint32_t i = 0; i < m->ntags; i++) {
        const mo_meta_type *t = &types[mo_meta_tags(a)[i]];
        note_tag(f, mo_meta_at(a, t->params), t->params.n);
    }
    return true;
}

void mo_facts_free(mo_facts *f)
{
    mo_arena_free(&f->arena);
    *f = (mo_facts){0};
}

/* --- the context --------------------------------------------------------- */

/* Is at in an array of n things of size bytes from start on? Which, and where in it? */
static bool in_array(uint32_t at, uint32_t start, uint32_t n, uint32_t size, uint32_t *reti, uint32_t *retin)
{
    if (at < start || at - start >= (uint64_t)n * size)
        return false;
    *reti = (at - start) / size;
    *retin = (at - start) % size;
    return true;
}

#define ARRAY(start, n, type) in_array(at, l->start, n, (uint32_t)sizeof(type), &i, &in)
#define FIELD(type, field) (in / 8 == offsetof(type, field) / 8)

static mo_value global_value(const mo_facts *f, uint32_t i, uint32_t in)
{
    if (f->globals[i].pointed)
        return in == 0 ? mo_value_of(MO_V_GLOBAL, i, 0) : mo_unknown();
    return in == 0 ? mo_word(f->globals[i].word) : mo_unknown();
}

static bool record_value(uint32_t in, mo_value *ret)
{
    if (FIELD(mo_funcref, code))
        *ret = mo_value_of(MO_V_WORD_CODE, 0, 0);
    else if (FIELD(mo_funcref, context))
        *ret = mo_value_of(MO_V_WORD_CONTEXT, 0, 0);
    else
        return FIELD(mo_funcref, type_id);
    return true;
}

/* What the word around offset at is. */
static bool context_word(const mo_facts *f, uint32_t at, mo_value *ret)
{
    const mo_layout *l = &f->layout;
    uint32_t i, in = at;
    *ret = mo_unknown();
    if (at < sizeof(mo_context)) {
        if (FIELD(mo_context, memory0))
            *ret = mo_value_of(MO_V_MEMORY, 0, 0);
        else if (FIELD(mo_context, run))
            *ret = mo_value_of(MO_V_RUN, 0, 0);
        else if (FIELD(mo_context, helpers))
            *ret = mo_value_of(MO_V_HELPERS, 0, 0);
        else
            return false;
    } else if (ARRAY(imports_at, f->nimported_funcs, mo_ctx_import)) {
        *ret = FIELD(mo_ctx_import, code) ? mo_value_of(MO_V_IMPORT_CODE, i, 0)
            : FIELD(mo_ctx_import, context) ? mo_value_of(MO_V_IMPORT_CONTEXT, i, 0) : mo_word(MO_WORD_FUNC);
    } else if (ARRAY(memories_at, f->nmemories, mo_ctx_memory)) {
        *ret = mo_value_of(FIELD(mo_ctx_memory, desc) ? MO_V_MEMORY_DESC : MO_V_MEMORY, i, 0);
    } else if (ARRAY(tables_at, f->ntables, mo_table_desc *)) {
        *ret = mo_value_of(MO_V_TABLE_DESC, i, 0);
    } else if (ARRAY(globals_at, f->nglobals, mo_slot_value)) {
        *ret = global_value(f, i, in);
    } else if (ARRAY(own_memories_at, f->nmemories - f->nimported_memories, mo_memory_desc)) {
        if (FIELD(mo_memory_desc, base))
            *ret = mo_value_of(MO_V_MEMORY, i + f->nimported_memories, 0);
    } else if (ARRAY(own_tables_at, f->ntables - f->nimported_tables, mo_table_desc)) {
        if (FIELD(mo_table_desc, entries))
            *ret = mo_value_of(MO_V_TABLE, i + f->nimported_tables, 0);
    } else if (ARRAY(funcrefs_at, l->nrecords, mo_funcref)) {
        return record_value(in, ret);
    } else {
        return ARRAY(tags_at, f->ntags, mo_tag_desc *) || ARRAY(type_ids_at, f->ntypes, uint32_t);
    }
    if (ret->kind == MO_V_MEMORY)
        ret->k = 1;
    return true;
}

bool mo_facts_context(const mo_facts *f, int32_t at, uint32_t size, mo_value *ret)
{
    if (at < 0 || size == 0)
        return false;
    mo_value whole = mo_unknown();
    for (uint64_t k = (uint64_t)at / 8 * 8; k < (uint64_t)at + size; k += 8)
        if (k >= f->layout.size || !context_word(f, (uint32_t)k, &whole))
            return false;
    *ret = size == 8 && at % 8 == 0 ? whole : mo_unknown();
    return true;
}

bool mo_facts_context_store(const mo_facts *f, int32_t at, uint32_t size, uint32_t *retword)
{
    uint32_t i, in;
    *retword = 0;
    if (at < 0 || size == 0)
        return false;
    for (uint64_t k = (uint64_t)at; k < (uint64_t)at + size; k = (k + 16) / 16 * 16) {
        if (k > INT32_MAX || !in_array((uint32_t)k, f->layout.globals_at, f->nglobals, sizeof(mo_slot_value), &i, &in))
            return false;
        const mo_fact_global *g = &f->globals[i];
        if (g->pointed || !g->mutable_)
            return false;
        if (g->word && (size != 8 || in != 0))
            return false;
        *retword = g->word;
    }
    return true;
}

/* --- the running call ---------------------------------------------------- */

static const uint32_t fuel_at = offsetof(mo_run, fuel), exception_at = offsetof(mo_run, exception), xfer_at = offsetof(mo_run, xfer);

static bool in_xfer(int32_t at, uint32_t size)
{
    return at >= (int32_t)xfer_at && (uint64_t)at + size <= sizeof(mo_run);
}

bool mo_facts_run(const mo_facts *f, int32_t at, uint32_t size, mo_value *ret)
{
    *ret = mo_unknown();
    if (at == (int32_t)exception_at && size == 8)
        return *ret = mo_word(MO_WORD_EXN), true;
    if (in_xfer(at, size)) {
        uint32_t from = (uint32_t)at - xfer_at;
        if (size == 8 && from % sizeof(mo_slot_value) == 0)
            *ret = mo_word(f->xfer[from / sizeof(mo_slot_value)]);
        return true;
    }
    return at == (int32_t)fuel_at && size == 8;
}

bool mo_facts_run_store(const mo_facts *f, int32_t at, uint32_t size, uint32_t *retword)
{
    (void)f;
    bool exception = at == (int32_t)exception_at && size == 8;
    *retword = exception ? MO_WORD_EXN : 0;
    return exception || in_xfer(at, size) || (at == (int32_t)fuel_at && size == 8);
}
