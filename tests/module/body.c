/* Claims about pulling a body: what its reader sees beside each instruction. */
#include "module/build.h"

typedef struct pulled {
    mo_module *module;
    mo_body body;
    mo_insn insn;
    mote_error err;
} pulled;

static bool open_function(pulled *p, const char *signature, mo_span locals, mo_span body)
{
    uint64_t start;
    wasm w = wasm_function(signature, locals, body, &start);
    *p = (pulled){.module = NULL};
    if (!expect_u64(wasm_load(&w, mo_features_all(), &p->module, &p->err), MOTE_OK)) {
        fprintf(stderr, "    %s\n", p->err.message);
        return false;
    }
    return expect(mo_body_open(&p->body, p->module, 0, NULL, &p->err));
}

static void shut(pulled *p)
{
    expect_u64(p->err.status, MOTE_OK);
    mo_body_close(&p->body);
    mo_body_free(&p->body);
    mo_module_unref(p->module);
}

/* A letter per instruction: . reachable, x not. */
static void expect_reachable(const char *signature, mo_span body, const char *want)
{
    pulled p;
    char have[64] = "";
    if (!open_function(&p, signature, NO_LOCALS, body)) return;
    for (size_t n = 0; n < sizeof have - 1 && mo_body_next(&p.body, &p.insn); n++) have[n] = p.insn.reachable ? '.' : 'x';
    expect_text(have, want);
    shut(&p);
}

TEST(dead_code_is_told)
{
    expect_reachable(":", BODY(w_nop, w_return, w_nop, w_end), "..xx");
    expect_reachable(":", BODY(w_block, T_EMPTY, w_br, 0, w_nop, w_end, w_nop, w_end), "..xx..");
    expect_reachable(":", BODY(w_unreachable, w_block, T_EMPTY, w_nop, w_end, w_nop, w_end), ".xxxxx");
    expect_reachable(":", BODY(w_loop, T_EMPTY, w_br, 0, w_end, w_end), "..x.");
}

TEST(else_is_reached_when_its_if_is)
{
    expect_reachable("i:", BODY(w_local_get, 0, w_if, T_EMPTY, w_return, w_else, w_nop, w_end, w_end), ".......");
    expect_reachable("i:", BODY(w_return, w_local_get, 0, w_if, T_EMPTY, w_nop, w_else, w_nop, w_end, w_end), ".xxxxxxx");
    expect_reachable("i:", BODY(w_local_get, 0, w_if, T_EMPTY, w_nop, w_else, w_return, w_end, w_end), ".....x.");
}

TEST(locals_have_types_parameters_first)
{
    pulled p;
    if (!open_function(&p, "il:", BYTES(2, 2, T_F32, 1, 0x64, 0x70), BODY(w_end))) return;
    expect_u64(p.body.nlocals, 5);
    expect(p.body.locals[0] == MO_I32 && p.body.locals[1] == MO_I64 && p.body.locals[3] == MO_F32);
    expect(p.body.locals[4] == mo_ref_type(MO_HEAP_FUNC, false));
    shut(&p);
}

TEST(the_stacks_show_the_state_after_the_instruction)
{
    pulled p;
    if (!open_function(&p, "i:i", NO_LOCALS, BODY(w_local_get, 0, w_block, 4, w_i32_eqz, w_end, w_end))) return;
    expect(p.body.depth == 1 && p.body.height == 0);
    expect(mo_body_next(&p.body, &p.insn) && p.insn.op == MO_OP_local_get && p.insn.index == 0 && p.insn.type == MO_I32);
    expect(p.body.height == 1 && p.body.stack[0] == MO_I32);
    expect(mo_body_next(&p.body, &p.insn) && p.insn.op == MO_OP_block);
    expect(p.insn.block.nparams == 1 && p.insn.block.nresults == 1 && p.body.depth == 2 && p.body.controls[1].height == 0);
    expect(mo_body_next(&p.body, &p.insn) && p.insn.op == MO_OP_i32_eqz);
    expect(mo_body_next(&p.body, &p.insn) && p.insn.op == MO_OP_end && p.insn.block.nresults == 1 && p.body.depth == 1);
    expect(mo_body_next(&p.body, &p.insn) && p.insn.op == MO_OP_end && p.body.depth == 0 && p.body.height == 1);
    expect(!mo_body_next(&p.body, &p.insn));
    shut(&p);
}

/* Pulls until op. */
static bool find(pulled *p, mo_op op)
{
    while (mo_body_next(&p->body, &p->insn))
        if (p->insn.op == op) return true;
    return expect(!"found");
}

TEST(immediates_are_decoded)
{
    pulled p;
    static const double one = 1.0;
    uint64_t bits;
    memcpy(&bits, &one, 8);
    if (!open_function(&p, "i:", NO_LOCALS,
                       BODY(w_i32_const, 0x7f, w_drop, w_i64_const, 0x80, 0x7f, w_drop, w_f64_const, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, w_drop,
                            w_local_get, 0, w_i32_load, 1, 0x80, 2, w_drop, w_local_get, 0, w_br_table, 1, 0, 0, w_end)))
        return;
    expect(find(&p, MO_OP_i32_const) && p.insn.bits == UINT64_MAX);
    expect(find(&p, MO_OP_drop) && p.insn.type == MO_I32);
    expect(find(&p, MO_OP_i64_const) && p.insn.bits == (uint64_t)-128);
    expect(find(&p, MO_OP_f64_const) && p.insn.bits == bits);
    expect(find(&p, MO_OP_i32_load) && p.insn.memarg.offset == 256 && p.insn.memarg.align == 1 && p.insn.memarg.memory == 0);
    expect(find(&p, MO_OP_br_table) && p.insn.nlabels == 1 && p.insn.labels[0] == 0 && p.insn.labels[1] == 0);
    expect(find(&p, MO_OP_end));
    shut(&p);
}

TEST(indices_stand_where_ops_h_says)
{
    pulled p;
    if (!open_function(&p, "i:", NO_LOCALS,
                       BODY(w_i32_const, 0, w_i32_const, 0, w_i32_const, 0, 0xfc, 8, 0, 0, w_i32_const, 0, w_call_indirect, 1, 0,
                            w_block, 0x6e, w_ref_null, 0x6e, 0xfb, 24, 1, 0, 0x6e, 2, w_end, w_drop,
                            w_i32_const, 1, 0xfb, 7, 3, 0xfb, 15, w_drop, w_end)))
        return;
    expect(find(&p, MO_OP_memory_init) && p.insn.index == 0 && p.insn.index2 == 0);
    expect(find(&p, MO_OP_call_indirect) && p.insn.index == 1 && p.insn.index2 == 0);
    expect(find(&p, MO_OP_br_on_cast) && p.insn.index == 0);
    expect(p.insn.type == mo_ref_type(MO_HEAP_ANY, true) && p.insn.type2 == mo_ref_type(2, false));
    expect(find(&p, MO_OP_array_new_default) && p.insn.index == 3);
    expect(find(&p, MO_OP_end));
    shut(&p);
}

TEST(a_body_can_be_opened_again_and_again)
{
    uint64_t start;
    wasm w = wasm_function(":r", NO_LOCALS, BODY(w_block, 0x63, 1, w_ref_func, 1, w_end, w_end), &start);
    mo_module *m;
    mote_error err;
    require(wasm_load(&w, mo_features_all(), &m, &err) == MOTE_OK);
    mo_body b = {0};
    mo_insn i;
    for (int round = 0; round < 3; round++)
        for (uint32_t f = 0; f < m->nfuncs; f++) {
            require(mo_body_open(&b, m, f, NULL, &err));
            while (mo_body_next(&b, &i)) {}
            expect(err.status == MOTE_OK && b.depth == 0);
            mo_body_close(&b);
        }
    mo_body_free(&b);
    mo_body_free(&b);
    mo_module_unref(m);
}
