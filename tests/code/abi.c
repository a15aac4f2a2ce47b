/* abi.c - where arguments travel and where a context's parts lie. */
#include "base/test.h"
#include "code/abi.h"

#define T(...) ((const mo_valtype[]){__VA_ARGS__})

TEST(each_class_has_its_own_registers)
{
    mo_place p[4];
    expect(mo_places(T(MO_I32, MO_F64, MO_I64, MO_V128), 4, MO_INT_ARGS, MO_VEC_ARGS, p) == 0);
    expect(p[0].where == MO_IN_INT && p[0].index == 0);
    expect(p[1].where == MO_IN_VEC && p[1].index == 0);
    expect(p[2].where == MO_IN_INT && p[2].index == 1);
    expect(p[3].where == MO_IN_VEC && p[3].index == 1);
}

TEST(references_travel_as_integers)
{
    mo_place p[3];
    mo_places(T(MO_FUNCREF, MO_EXTERNREF, MO_EXNREF), 3, MO_INT_ARGS, MO_VEC_ARGS, p);
    for (uint32_t i = 0; i < 3; i++)
        expect(p[i].where == MO_IN_INT && p[i].index == i);
}

TEST(what_finds_no_register_is_counted_into_xfer)
{
    mo_valtype types[1000];
    mo_place p[1000];
    for (uint32_t i = 0; i < 1000; i++)
        types[i] = i % 2 ? MO_F32 : MO_I32;
    uint32_t nxfers = mo_places(types, 1000, MO_INT_ARGS, MO_VEC_ARGS, p);
    expect(nxfers == 1000 - MO_INT_ARGS - MO_VEC_ARGS);
    uint32_t next = 0;
    for (uint32_t i = 0; i < 1000; i++)
        if (p[i].where == MO_IN_XFER)
            expect(p[i].index == next++);
    expect(next <= MO_XFER_SLOTS);
}

/* Two functions of which one is referenced, a memory, a table, a global. */
static mo_module sample(mo_func *funcs)
{
    return (mo_module){.nfuncs = 3, .nimported_funcs = 1, .nmemories = 1, .ntables = 1, .nglobals = 2,
                       .ntypes = 1, .nelems = 1, .ndatas = 2, .funcs = funcs};
}

TEST(parts_of_a_context_do_not_overlap)
{
    mo_func funcs[3] = {{.import = 0, .referenced = true}, {.import = MO_NO_IMPORT}, {.import = MO_NO_IMPORT, .referenced = true}};
    mo_module m = sample(funcs);
    mo_layout l;
    expect(mo_layout_make(&m, &l, NULL));
    expect(l.imports_at >= sizeof(mo_context));
    expect(l.memories_at >= l.imports_at + sizeof(mo_ctx_import));
    expect(l.tables_at >= l.memories_at + sizeof(mo_ctx_memory));
    expect(l.globals_at >= l.tables_at + sizeof(void *) && l.globals_at % 16 == 0);
    expect(l.own_memories_at >= l.globals_at + 2 * sizeof(mo_slot_value));
    expect(l.funcrefs_at + sizeof(mo_funcref) <= l.dropped_at);
    expect(l.dropped_at + 3 <= l.size && l.size % 64 == 0);
    expect(l.nrecords == 1);
}

TEST(only_referenced_definitions_have_a_record)
{
    mo_func funcs[3] = {{.import = 0, .referenced = true}, {.import = MO_NO_IMPORT}, {.import = MO_NO_IMPORT, .referenced = true}};
    mo_module m = sample(funcs);
    uint32_t records[3];
    mo_layout_records(&m, records);
    expect(records[0] == MO_NO_RECORD && records[1] == MO_NO_RECORD && records[2] == 0);
}

TEST(a_context_beyond_every_displacement_is_refused)
{
    mo_module m = {.nglobals = 200000000};
    mo_layout l;
    mote_error err = {0};
    expect(!mo_layout_make(&m, &l, &err));
    expect(err.status == MOTE_LIMIT && strstr(err.message, "instance context"));
}

TEST(the_abi_has_a_number)
{
    expect(mo_abi_hash() != 0 && mo_abi_hash() == mo_abi_hash());
}
