/* state.h - what a checker knows at one place of a function: a value per general
 * register and, sorted, the few stack slots that hold more than data. Numbers are also
 * kept in slots of 4 bytes: a compiler spills null, or a table's number, as such.
 * Joining b into a only ever takes knowledge away from a. */
#ifndef MO_CHECK_STATE_H
#define MO_CHECK_STATE_H

#include "check/value.h"

#define MO_CHECK_REGISTERS 16
#define MO_CHECK_REGIONS 2 /* of the stack: from entry, from where it was aligned */

typedef struct mo_slot {
    uint64_t key; /* mo_stack_key() */
    mo_value value;
    uint32_t zero; /* slots are compared as bytes */
} mo_slot;

typedef struct mo_state {
    bool reached;
    int32_t touched; /* lowest offset that is surely touched, from entry's stack pointer */
    int32_t floor;   /* where the stack pointer was aligned; 1: it was not */
    uint32_t nslots;
    size_t cap;
    mo_value registers[MO_CHECK_REGISTERS];
    mo_slot *slots;
} mo_state;

static inline uint64_t mo_stack_key(uint32_t region, int64_t at)
{
    return (uint64_t)(region + 1) << 32 | (uint32_t)(at + INT64_C(0x80000000));
}
/* Of a slot of 4 bytes, whose number has zeros above. */
static inline uint64_t mo_half_key(uint64_t key) { return key + ((uint64_t)MO_CHECK_REGIONS << 32); }

mo_value mo_state_slot(const mo_state *s, uint64_t key);
/* Values that say nothing are not kept. False: memory is out. */
bool mo_state_set_slot(const mo_values *all, mo_state *s, uint64_t key, mo_value v);
void mo_state_clear_slots(mo_state *s, uint64_t from, uint64_t to); /* bytes from <= key < to, of slots of both sizes */

bool mo_state_copy(mo_state *to, const mo_state *from);
void mo_state_move(mo_state *to, mo_state *from); /* leaves from empty */
/* Adds what may also be; *retchanged if a knows less now. widen: what changes is no
 * longer one of a few numbers. */
bool mo_state_join(mo_values *all, mo_state *a, const mo_state *b, bool widen, bool *retchanged);
void mo_state_free(mo_state *s);

#endif
