/* reader.c - integers, names and types out of bytes (Wasm 3.0, "binary format"). */
#include "module/reader.h"

bool mo_need(mo_reader *r, mo_feature feature, uint64_t at, const char *what)
{
    if (feature == MO_FEATURE_MVP) return true;
    r->used |= (mo_features)1 << feature;
    if (mo_has(r->module->features, feature)) return true;
    return mo_fail(r->err, MOTE_UNSUPPORTED, at, "%s: needs feature '%s', which is off", what,
                   mo_feature_name(feature));
}

bool mo_within(mote_error *err, uint64_t n, uint32_t limit, const char *text, uint64_t at)
{
    if (n <= limit) return true;
    return mo_fail(err, MOTE_LIMIT, at, "%s: have %" PRIu64 ", the limit is %" PRIu32, text, n, limit);
}

static bool fail_short(mo_reader *r, const char *what)
{
    return mo_fail(r->err, MOTE_MALFORMED, mo_reader_at(r), "unexpected end: want %s", what);
}

/* --- integers ---------------------------------------------------------- */

/* Of the last byte's seven bits only room belong to the number: are the others
 * as they must be, zeros or copies of the sign? */
static bool last_byte_fits(uint8_t byte, unsigned room, bool is_signed)
{
    if (!is_signed) return byte >> room == 0;
    int extended = (byte & 0x40) ? (int)byte - 0x80 : (int)byte;
    int above = extended >> (room - 1);
    return above == 0 || above == -1;
}

static bool read_leb(mo_reader *r, const char *what, unsigned bits, bool is_signed, uint64_t *ret)
{
    uint64_t at = mo_reader_at(r), value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        if (r->at == r->end) return fail_short(r, what);
        uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        if (bits - shift < 7 && !last_byte_fits(byte, bits - shift, is_signed))
            return mo_fail(r->err, MOTE_MALFORMED, at, "%s: integer too large, want %u bits", what, bits);
        if (is_signed && (byte & 0x40) && shift + 7 < 64) value |= UINT64_MAX << (shift + 7);
        *ret = value;
        return true;
    }
    return mo_fail(r->err, MOTE_MALFORMED, at, "%s: integer representation too long, want at most %u bytes",
                   what, (bits + 6) / 7);
}

bool mo_read_byte(mo_reader *r, const char *what, uint8_t *ret)
{
    if (r->at == r->end) return fail_short(r, what);
    *ret = *r->at++;
    return true;
}

bool mo_read_u32(mo_reader *r, const char *what, uint32_t *ret)
{
    uint64_t value;
    if (r->at != r->end && *r->at < 0x80) {
        *ret = *r->at++;
        return true;
    }
    if (!read_leb(r, what, 32, false, &value)) return false;
    *ret = (uint32_t)value;
    return true;
}

bool mo_read_u64(mo_reader *r, const char *what, uint64_t *ret)
{
    return read_leb(r, what, 64, false, ret);
}

bool mo_read_i32(mo_reader *r, const char *what, int32_t *ret)
{
    uint64_t value;
    if (!read_leb(r, what, 32, true, &value)) return false;
    *ret = (int32_t)(uint32_t)value;
    return true;
}

bool mo_read_i64(mo_reader *r, const char *what, int64_t *ret)
{
    uint64_t value;
    if (!read_leb(r, what, 64, true, &value)) return false;
    *ret = (int64_t)value;
    return true;
}

/* --- runs of bytes ----------------------------------------------------- */

bool mo_read_bytes(mo_reader *r, const char *what, size_t len, mo_span *ret)
{
    if (len > mo_reader_left(r))
        return mo_fail(r->err, MOTE_MALFORMED, mo_reader_at(r), "unexpected end: want %s of %zu bytes, have %zu",
                       what, len, mo_reader_left(r));
    *ret = (mo_span){r->at, len};
    r->at += len;
    return true;
}

bool mo_read_name(mo_reader *r, const char *what, mo_span *ret)
{
    uint32_t len;
    if (!mo_read_u32(r, what, &len) || !mo_read_bytes(r, what, len, ret)) return false;
    if (mo_utf8_ok(ret->at, ret->len)) return true;
    return mo_fail(r->err, MOTE_MALFORMED, (uint64_t)(ret->at - r->base), "%s: malformed UTF-8 encoding", what);
}

bool mo_read_count(mo_reader *r, const char *what, size_t size, uint32_t *ret)
{
    uint64_t at = mo_reader_at(r);
    if (!mo_read_u32(r, what, ret)) return false;
    if (*ret <= mo_reader_left(r) / size) return true;
    return mo_fail(r->err, MOTE_MALFORMED, at, "unexpected end: want %" PRIu32 " %s, have %zu bytes for them",
                   *ret, what, mo_reader_left(r));
}

/* --- types ------------------------------------------------------------- */

static bool type_index_at(mo_reader *r, const char *what, uint64_t index, uint64_t at, uint32_t *ret)
{
    if (index >= r->module->ntypes)
        return mo_fail(r->err, MOTE_INVALID, at, "%s: unknown type %" PRIu64 ", there are %" PRIu32, what, index,
                       r->module->ntypes);
    *ret = r->module->types[index].canonical;
    return true;
}

bool mo_read_type_index(mo_reader *r, const char *what, uint32_t *ret)
{
    uint64_t at = mo_reader_at(r);
    uint32_t index;
    return mo_read_u32(r, what, &index) && type_index_at(r, what, index, at, ret);
}

/* The feature that brought an abstract heap type, MO_FEATURES + 1 for no such type. */
static unsigned heap_feature(uint8_t code)
{
    switch (code) {
    case 0x70: case 0x6f: return MO_FEATURE_REFERENCE_TYPES;
    case 0x69: return MO_FEATURE_EXCEPTIONS;
    case 0x6a: case 0x6b: case 0x6c: case 0x6d: case 0x6e: return MO_FEATURE_GC;
    case 0x71: case 0x72: case 0x73: case 0x74: return MO_FEATURE_GC;
    default: return MO_FEATURES + 1;
    }
}

static bool is_abstract_byte(uint8_t byte)
{
    return (byte & 0xc0) == 0x40; /* a negative number in one byte */
}

static bool abstract_heap(mo_reader *r, uint8_t code, uint64_t at, uint32_t *ret)
{
    unsigned feature = heap_feature(code);
    if (feature > MO_FEATURES)
        return mo_fail(r->err, MOTE_MALFORMED, at, "malformed reference type: no heap type has code 0x%02x", code);
    *ret = MO_HEAP_ABSTRACT | code;
    return mo_need(r, (mo_feature)feature, at, "reference type");
}

/* A type index where a negative number would have meant an abstract type. */
static bool read_index33(mo_reader *r, const char *what, uint32_t *ret)
{
    uint64_t at = mo_reader_at(r), index;
    if (!read_leb(r, what, 33, true, &index)) return false;
    if ((int64_t)index < 0)
        return mo_fail(r->err, MOTE_MALFORMED, at, "%s: want a type index, have %" PRId64, what, (int64_t)index);
    return type_index_at(r, what, index, at, ret);
}

bool mo_read_heap_type(mo_reader *r, uint32_t *ret)
{
    if (r->at == r->end) return fail_short(r, "heap type");
    if (!is_abstract_byte(*r->at)) return read_index33(r, "heap type", ret);
    r->at++;
    return abstract_heap(r, r->at[-1], mo_reader_at(r) - 1, ret);
}

/* A reference type whose first byte was code, at at. */
static bool ref_type_from(mo_reader *r, uint8_t code, uint64_t at, mo_valtype *ret)
{
    uint32_t heap;
    bool nullable = code != 0x64;
    if (code == 0x63 || code == 0x64) {
        if (!mo_need(r, MO_FEATURE_FUNCTION_REFERENCES, at, "reference type")) return false;
        if (!mo_read_heap_type(r, &heap)) return false;
    } else if (!abstract_heap(r, code, at, &heap)) {
        return false;
    }
    *ret = mo_ref_type(heap, nullable);
    return true;
}

bool mo_read_ref_type(mo_reader *r, mo_valtype *ret)
{
    uint64_t at = mo_reader_at(r);
    uint8_t code = 0;
    return mo_read_byte(r, "reference type", &code) && ref_type_from(r, code, at, ret);
}

static bool valtype_from(mo_reader *r, uint8_t code, uint64_t at, mo_valtype *ret)
{
    *ret = code;
    if (code >= MO_F64 && code <= MO_I32) return true;
    if (code == MO_V128) return mo_need(r, MO_FEATURE_SIMD, at, "v128");
    if (code != 0x63 && code != 0x64 && heap_feature(code) > MO_FEATURES)
        return mo_fail(r->err, MOTE_MALFORMED, at, "malformed value type 0x%02x", code);
    return ref_type_from(r, code, at, ret);
}

bool mo_read_valtype(mo_reader *r, mo_valtype *ret)
{
    uint64_t at = mo_reader_at(r);
    uint8_t code = 0;
    return mo_read_byte(r, "value type", &code) && valtype_from(r, code, at, ret);
}

bool mo_read_block_type(mo_reader *r, mo_block_form *ret, mo_valtype *single, uint32_t *type)
{
    uint64_t at = mo_reader_at(r);
    if (r->at == r->end) return fail_short(r, "block type");
    uint8_t code = *r->at;
    if (code == 0x40) {
        r->at++;
        *ret = MO_BLOCK_EMPTY;
        return true;
    }
    if (is_abstract_byte(code)) {
        r->at++;
        *ret = MO_BLOCK_SINGLE;
        return valtype_from(r, code, at, single);
    }
    *ret = MO_BLOCK_TYPE;
    return mo_need(r, MO_FEATURE_MULTI_VALUE, at, "block type") && read_index33(r, "block type", type);
}
