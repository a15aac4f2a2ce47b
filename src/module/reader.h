/* reader.h - bytes in order, each read checked against the end.
 * Every failure says what was being read and where it began. Private to this
 * folder. */
#ifndef MO_MODULE_READER_H
#define MO_MODULE_READER_H

#include "module/module.h"

typedef struct mo_reader {
    const uint8_t *base; /* the module's first byte: offsets count from here */
    const uint8_t *at, *end;
    const mo_module *module; /* its features, and its types so far */
    mo_features used;        /* what has been read so far needs these */
    mote_error *err;
} mo_reader;

static inline uint64_t mo_reader_at(const mo_reader *r) { return (uint64_t)(r->at - r->base); }
static inline size_t mo_reader_left(const mo_reader *r) { return (size_t)(r->end - r->at); }

/* Marks the feature as used; false if it is off. what names who needs it. */
bool mo_need(mo_reader *r, mo_feature feature, uint64_t at, const char *what);

bool mo_read_byte(mo_reader *r, const char *what, uint8_t *ret);
bool mo_read_u32(mo_reader *r, const char *what, uint32_t *ret);
bool mo_read_u64(mo_reader *r, const char *what, uint64_t *ret);
bool mo_read_i32(mo_reader *r, const char *what, int32_t *ret);
bool mo_read_i64(mo_reader *r, const char *what, int64_t *ret);
bool mo_read_bytes(mo_reader *r, const char *what, size_t len, mo_span *ret);
bool mo_read_name(mo_reader *r, const char *what, mo_span *ret); /* UTF-8 with its length before it */
/* A vector's length; refused if that many elements of at least size bytes are
 * more than what is left, so that it may be trusted with an allocation. */
bool mo_read_count(mo_reader *r, const char *what, size_t size, uint32_t *ret);

/* Types, with concrete heap types canonical. */
bool mo_read_type_index(mo_reader *r, const char *what, uint32_t *ret);
bool mo_read_heap_type(mo_reader *r, uint32_t *ret);
bool mo_read_ref_type(mo_reader *r, mo_valtype *ret);
bool mo_read_valtype(mo_reader *r, mo_valtype *ret);

/* A block type: a function type, or at most one result. *single is the result
 * where there is one and no function type. */
typedef enum mo_block_form { MO_BLOCK_EMPTY, MO_BLOCK_SINGLE, MO_BLOCK_TYPE } mo_block_form;
bool mo_read_block_type(mo_reader *r, mo_block_form *ret, mo_valtype *single, uint32_t *type);

/* n against a limit; at is where n stands. */
bool mo_within(mote_error *err, uint64_t n, uint32_t limit, const char *text, uint64_t at);
#define X(name, text, value) static const char mo_limit_text_##name[] __attribute__((unused)) = text;
MO_LIMITS(X)
#undef X
#define MO_WITHIN(err, limits, name, n, at) mo_within(err, n, (limits)->name, mo_limit_text_##name, at)

#endif
