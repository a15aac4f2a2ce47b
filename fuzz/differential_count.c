/* differential_count.c - a module -> the same module, which counts what it executes.
 * The bodies' bytes are copied as they are; in front of every stretch of instructions
 * comes `counts[stretch]++` on a memory that is added behind all others, so no index of
 * the module changes. Unreachable code is not counted. */
#include "differential.h"

#include "module/body.h"

#include <stdlib.h>
#include <string.h>

/* --- bytes ------------------------------------------------------------------ */

static void put_byte(mo_buffer *b, uint8_t v) { mo_buffer_put(b, &v, 1); }

static void put_u32(mo_buffer *b, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        put_byte(b, (uint8_t)(v | 0x80));
    put_byte(b, (uint8_t)v);
}

static void put_sized(mo_buffer *b, const mo_buffer *inner)
{
    put_u32(b, (uint32_t)inner->len);
    mo_buffer_put(b, inner->at, inner->len);
}

static uint32_t get_u32(const uint8_t **at)
{
    uint32_t v = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        v |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
}

/* --- bodies ----------------------------------------------------------------- */

typedef struct counter {
    const mo_module *module;
    counted *ret;
    size_t first_cap, ops_cap;
} counter;

static void put_access(mo_buffer *out, uint8_t op, uint32_t memory, uint32_t offset)
{
    put_byte(out, op);
    put_byte(out, 3 | 0x40);
    put_u32(out, memory);
    put_u32(out, offset);
}

/* counts[stretch]++ */
static void begin_stretch(counter *c, mo_buffer *out)
{
    counted *r = c->ret;
    uint32_t memory = c->module->nmemories, offset = r->nstretches * 8;
    if (!mo_grow(&r->first, &c->first_cap, r->nstretches + 2, sizeof *r->first))
        abort();
    r->first[r->nstretches++] = (uint32_t)r->nops;
    static const uint8_t zeros[] = {0x41, 0, 0x41, 0}, add_one[] = {0x42, 1, 0x7c};
    mo_buffer_put(out, zeros, sizeof zeros);
    put_access(out, 0x29, memory, offset);
    mo_buffer_put(out, add_one, sizeof add_one);
    put_access(out, 0x37, memory, offset);
}

static void add_op(counter *c, mo_op op)
{
    counted *r = c->ret;
    if (!mo_grow(&r->ops, &c->ops_cap, r->nops + 1, sizeof *r->ops))
        abort();
    r->ops[r->nops++] = (uint16_t)op;
}

/* May control part or join after this instruction? */
static bool ends_stretch(mo_op op)
{
    switch (op) {
    case MO_OP_loop: case MO_OP_if: case MO_OP_else: case MO_OP_end: case MO_OP_br_if:
    case MO_OP_br_on_null: case MO_OP_br_on_non_null: case MO_OP_try_table:
        return true;
    default:
        return false;
    }
}

static bool count_body(counter *c, mo_body *b, uint32_t func, mo_buffer *code, mote_error *err)
{
    const mo_func *f = &c->module->funcs[func];
    const uint8_t *all = c->module->bytes.at, *copied = all + f->body_at;
    mo_buffer out = {0};
    mo_insn in;
    if (!mo_body_open(b, c->module, func, NULL, err))
        return false;
    bool fresh = true, alive = true;
    while (mo_body_next(b, &in)) {
        const uint8_t *here = all + in.at;
        mo_buffer_put(&out, copied, (size_t)(here - copied));
        copied = here;
        if (fresh)
            begin_stretch(c, &out);
        fresh = false;
        if (alive)
            add_op(c, in.op);
        alive = b->depth > 0 && !b->controls[b->depth - 1].unreachable;
        if (ends_stretch(in.op))
            fresh = b->depth > 0; /* also where it cannot be reached: then it counts nothing */
    }
    mo_buffer_put(&out, copied, (size_t)(all + f->body_at + f->body_len - copied));
    bool ok = b->depth == 0;
    mo_body_close(b);
    put_sized(code, &out);
    mo_buffer_free(&out);
    return ok;
}

/* --- sections ----------------------------------------------------------------- */

enum { IMPORTS = 2, MEMORIES = 5, EXPORTS = 7, CODE = 10 };
/* Sections in the order that the format wants: tags come after memories. */
static const uint8_t order[] = {1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11};

static void put_memories(mo_buffer *out, const uint8_t *old, size_t len, uint32_t pages)
{
    uint32_t n = 0;
    const uint8_t *at = old;
    if (len)
        n = get_u32(&at);
    put_u32(out, n + 1);
    if (len)
        mo_buffer_put(out, at, (size_t)(old + len - at));
    put_byte(out, 0);
    put_u32(out, pages);
}

static void put_exports(mo_buffer *out, const uint8_t *old, size_t len, uint32_t memory)
{
    static const char name[] = "#counts";
    uint32_t n = 0;
    const uint8_t *at = old;
    if (len)
        n = get_u32(&at);
    put_u32(out, n + 1);
    if (len)
        mo_buffer_put(out, at, (size_t)(old + len - at));
    put_u32(out, sizeof name - 1);
    mo_buffer_put(out, name, sizeof name - 1);
    put_byte(out, 2);
    put_u32(out, memory);
}

static void put_module(mo_buffer *out, const mo_module *m, const mo_buffer *code, uint32_t nstretches)
{
    const uint8_t *at = m->bytes.at + 8, *end = m->bytes.at + m->bytes.len;
    const uint8_t *sections[14] = {0};
    size_t lens[14] = {0};
    while (at < end) {
        uint8_t id = *at++;
        uint32_t len = get_u32(&at);
        if (id && id < 14)
            sections[id] = at, lens[id] = len;
        at += len;
    }
    mo_buffer_put(out, m->bytes.at, 8);
    for (size_t i = 0; i < sizeof order; i++) {
        uint8_t id = order[i];
        mo_buffer inner = {0};
        if (id == MEMORIES)
            put_memories(&inner, sections[id], lens[id], nstretches / 8192 + 1);
        else if (id == EXPORTS)
            put_exports(&inner, sections[id], lens[id], m->nmemories);
        else if (!sections[id])
            continue;
        else if (id == CODE)
            mo_buffer_put(&inner, code->at, code->len);
        else
            mo_buffer_put(&inner, sections[id], lens[id]);
        put_byte(out, id);
        put_sized(out, &inner);
        mo_buffer_free(&inner);
    }
}

static bool count_bodies(counter *c, mo_buffer *code, mote_error *err)
{
    const mo_module *m = c->module;
    mo_body b = {0};
    bool ok = true;
    put_u32(code, m->nfuncs - m->nimported_funcs);
    for (uint32_t i = m->nimported_funcs; ok && i < m->nfuncs; i++)
        ok = count_body(c, &b, i, code, err);
    mo_body_free(&b);
    return ok;
}

bool count_in(const void *module, size_t len, counted *ret, mote_error *err)
{
    mo_module *m;
    mo_buffer code = {0}, out = {0};
    *ret = (counted){0};
    if (mo_module_load(module, len, mo_features_all(), NULL, &m, err) != MOTE_OK)
        return false;
    counter c = {.module = m, .ret = ret};
    bool ok = count_bodies(&c, &code, err);
    if (ok) {
        if (ret->first)
            ret->first[ret->nstretches] = (uint32_t)ret->nops;
        put_module(&out, m, &code, ret->nstretches);
        ret->bytes = out.at;
        ret->len = out.len;
    }
    mo_buffer_free(&code);
    mo_module_unref(m);
    return ok;
}

void counted_free(counted *c)
{
    mo_free(c->bytes);
    mo_free(c->first);
    mo_free(c->ops);
}
