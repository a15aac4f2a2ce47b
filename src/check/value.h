/* value.h - what a checker knows of one 64-bit word: where it comes from, never how
 * big it is. DATA says nothing and permits nothing; every other kind permits what
 * access.c and calls_x86_64.c say. mo_value_join() of two gives what both permit.
 *
 *   DATA            anything; k: this many low bits are zero; index: 1 + the set that the
 *                   lower half is one of, as signed numbers, or 0; flags: MO_DATA_*
 *   NUMBER          the constant at, sign-extended
 *   CONTEXT         own context + at            RUN     its mo_run + at
 *   HELPERS         table of helpers + at       HELPER  address of helper number index
 *   FUNCTION        address of own function number index (of check.c's list)
 *   *_CODE *_CONTEXT  what an import (index), a table entry, a funcref says
 *   MEMORY          k * base of memory index, plus anything
 *   MEMORY_DESC TABLE_DESC   descriptor of memory or table index, + at
 *   TABLE           an entry of table index, + at (0 to 31)
 *   GLOBAL          imported variable index, + at
 *   WORD            a reference word, + at; k: mask of mo_word, what it may be taken for
 *   STACK           + at; index 0: from the stack pointer at entry, 1: from where it was aligned
 *   CONST           label index (offset from TEXT) + at; k: plus anything
 *   JUMP_ENTRY      an entry of the jump table at label index;  JUMP_TARGET: label + entry
 *   EITHER          one of the values of set number index */
#ifndef MO_CHECK_VALUE_H
#define MO_CHECK_VALUE_H

#include "base/base.h"

typedef enum mo_value_kind {
    MO_V_DATA, MO_V_NUMBER, MO_V_CONTEXT, MO_V_RUN, MO_V_HELPERS, MO_V_HELPER, MO_V_FUNCTION,
    MO_V_IMPORT_CODE, MO_V_IMPORT_CONTEXT, MO_V_TABLE_CODE, MO_V_TABLE_CONTEXT, MO_V_WORD_CODE, MO_V_WORD_CONTEXT,
    MO_V_MEMORY, MO_V_MEMORY_DESC, MO_V_TABLE_DESC, MO_V_TABLE, MO_V_GLOBAL, MO_V_WORD, MO_V_STACK, MO_V_CONST,
    MO_V_JUMP_ENTRY, MO_V_JUMP_TARGET, MO_V_EITHER,
} mo_value_kind;

/* What a reference word may be; bits, for one place may hold several over a module. */
enum { MO_WORD_FUNC = 1, MO_WORD_EXN = 2, MO_WORD_EXTERN = 4, MO_WORD_ANY = 8 };

enum {
    MO_DATA_BIT = 1,  /* the lowest byte is 0 or 1 */
    MO_DATA_HALF = 2, /* the upper half is zero */
    MO_DATA_MASK = 4, /* at: the bits of the lower half that may be set */
};

#define MO_ANY_INDEX UINT32_MAX

typedef struct mo_value {
    uint8_t kind;
    uint8_t entry; /* 1 + the register whose value at entry this is; 0: none */
    int8_t k;
    uint8_t flags;
    int32_t at;
    uint32_t index;
} mo_value;

#define MO_SET_VALUES 32
typedef struct mo_value_set {
    uint32_t n;
    mo_value values[MO_SET_VALUES];
} mo_value_set;

/* Sets made so far, and where own function records lie: the context's address plus
 * such an offset is a reference word too. */
typedef struct mo_values {
    mo_value_set *sets;
    size_t nsets, cap;
    uint32_t *table; /* sets by hash: 1 + number, 0: free; ntable is a power of 2 */
    size_t ntable;
    uint32_t records_at, records_end, record_size;
    int32_t context_size; /* offsets in it are worth keeping */
    int32_t ntables;      /* so are these numbers, which helpers get, where tables are of several kinds */
    bool nulls;           /* there are references, so that a zero may be null */
} mo_values;

static inline mo_value mo_unknown(void) { return (mo_value){0}; }
static inline mo_value mo_value_of(mo_value_kind kind, uint32_t index, int64_t at)
{
    return (mo_value){.kind = (uint8_t)kind, .at = (int32_t)at, .index = index};
}
mo_value mo_number(int64_t n);
mo_value mo_word(uint32_t mask);
static inline bool mo_value_same(mo_value a, mo_value b) { return memcmp(&a, &b, sizeof a) == 0; }
/* Low bits that are surely zero. */
int mo_value_zeros(const mo_values *all, mo_value v);
/* Is v a number, or one of a set of numbers? */
bool mo_value_is_number(const mo_values *all, mo_value v);

mo_value mo_value_join(mo_values *all, mo_value a, mo_value b);
mo_value mo_value_add(mo_values *all, mo_value a, mo_value b);
mo_value mo_value_negate(mo_values *all, mo_value v);
mo_value mo_value_scale(mo_values *all, mo_value v, int shift); /* v << shift */

/* Arithmetic on numbers and data alone; width: 4 or 8 bytes, 4 clears the upper half.
 * Small results are enumerated: an offset may be one of a few. */
typedef enum mo_sum { MO_SUM_ADD, MO_SUM_SUB, MO_SUM_AND, MO_SUM_OR, MO_SUM_XOR, MO_SUM_SHL, MO_SUM_SHR, MO_SUM_NOT, MO_SUM_MOVE } mo_sum;
mo_value mo_value_compute(mo_values *all, mo_sum op, int width, mo_value a, mo_value b);
/* v where it, or its lower half if width is 4, is known to be below n. */
mo_value mo_value_below(mo_values *all, mo_value v, int width, uint64_t n);
/* What the lowest byte of v is, zero-extended; v with it replaced by 0 or 1. */
mo_value mo_value_low_byte(mo_values *all, mo_value v);
mo_value mo_value_set_byte(mo_values *all, mo_value v);
/* Forgets which numbers v may be: so that loops that count come to an end. */
mo_value mo_value_widen(const mo_values *all, mo_value v);
/* May v be taken for a reference of every kind in mask (one bit)? */
bool mo_value_is_word(const mo_values *all, mo_value v, uint32_t mask);

/* The values that v may be: itself, or those of its set. */
const mo_value *mo_value_members(const mo_values *all, const mo_value *v, uint32_t *retn);

/* --- between value.c, sets.c and number.c ---------------------------------- */

int mo_low_zeros(int64_t n);
mo_value mo_data_with(int zeros);
uint8_t mo_data_flags(const mo_values *all, mo_value v);
bool mo_value_is_plain(const mo_values *all, mo_value v); /* data, a number, one of several numbers */
bool mo_set_put(mo_value_set *set, mo_value v);           /* false: it is full */
mo_value mo_set_value(mo_values *all, mo_value_set *set); /* one of set */
uint32_t mo_set_number(mo_values *all, mo_value_set *set); /* 1 + its number, 0 if memory is out */

/* --- words ------------------------------------------------------------------ */

/* "the context + 24", into buf, which is returned. */
#define MO_VALUE_TEXT 64
const char *mo_value_text(mo_value v, char buf[MO_VALUE_TEXT]);

void mo_values_free(mo_values *all);

#endif
