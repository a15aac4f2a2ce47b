/* link_aarch64.c - one relocation of an aarch64 object, applied (ELF for the Arm
 * 64-bit architecture, "relocation types"). The mapping begins at a multiple of
 * 4096, so page-relative addresses may be computed from offsets. */
#include "artifact/link.h"

#define RELOCATIONS(X)             \
    X(R_AARCH64_NONE)              \
    X(R_AARCH64_ABS64)             \
    X(R_AARCH64_ABS32)             \
    X(R_AARCH64_PREL64)            \
    X(R_AARCH64_PREL32)            \
    X(R_AARCH64_LD_PREL_LO19)      \
    X(R_AARCH64_ADR_PREL_LO21)     \
    X(R_AARCH64_ADR_PREL_PG_HI21)  \
    X(R_AARCH64_ADR_PREL_PG_HI21_NC) \
    X(R_AARCH64_ADD_ABS_LO12_NC)   \
    X(R_AARCH64_LDST8_ABS_LO12_NC) \
    X(R_AARCH64_LDST16_ABS_LO12_NC) \
    X(R_AARCH64_LDST32_ABS_LO12_NC) \
    X(R_AARCH64_LDST64_ABS_LO12_NC) \
    X(R_AARCH64_LDST128_ABS_LO12_NC) \
    X(R_AARCH64_TSTBR14)           \
    X(R_AARCH64_CONDBR19)          \
    X(R_AARCH64_JUMP26)            \
    X(R_AARCH64_CALL26)            \
    X(R_AARCH64_ADR_GOT_PAGE)      \
    X(R_AARCH64_LD64_GOT_LO12_NC)

const char *mo_reloc_name_aarch64(uint32_t type)
{
    switch (type) {
#define X(x) case x: return #x;
    RELOCATIONS(X)
#undef X
    default: return NULL;
    }
}

static mo_reloc_result put(const mo_reloc *r, uint64_t value, unsigned size)
{
    if (r->at > r->len || r->len - r->at < size) return MO_RELOC_OUTSIDE;
    memcpy(r->section + r->at, &value, size);
    return MO_RELOC_OK;
}

/* Puts nbits of field at bit `shift` of the instruction. */
static mo_reloc_result put_field(const mo_reloc *r, uint64_t field, unsigned nbits, unsigned shift)
{
    if (r->at > r->len || r->len - r->at < 4) return MO_RELOC_OUTSIDE;
    uint32_t mask = ((UINT32_C(1) << nbits) - 1) << shift;
    uint32_t insn = mo_get32(r->section + r->at);
    return put(r, (insn & ~mask) | ((uint32_t)(field << shift) & mask), 4);
}

static bool fits(uint64_t value, unsigned nbits)
{
    uint64_t half = UINT64_C(1) << (nbits - 1);
    return value + half < half * 2;
}

/* A branch or literal: distance in words. */
static mo_reloc_result put_words(const mo_reloc *r, uint64_t distance, unsigned nbits, unsigned shift)
{
    if (distance % 4 != 0 || !fits(distance, nbits + 2)) return MO_RELOC_RANGE;
    return put_field(r, distance >> 2, nbits, shift);
}

/* ADR and ADRP: two low bits at 29, nineteen high ones at 5. */
static mo_reloc_result put_adr(const mo_reloc *r, uint64_t value)
{
    if (!fits(value, 21)) return MO_RELOC_RANGE;
    mo_reloc_result low = put_field(r, value & 3, 2, 29);
    return low != MO_RELOC_OK ? low : put_field(r, value >> 2, 19, 5);
}

/* The low twelve bits, counted in units of what is loaded. */
static mo_reloc_result put_low12(const mo_reloc *r, uint64_t absolute, unsigned scale)
{
    uint64_t low = absolute & 0xfff;
    if (low & ((UINT64_C(1) << scale) - 1)) return MO_RELOC_RANGE;
    return put_field(r, low >> scale, 12, 10);
}

static uint64_t page_distance(uint64_t to, uint64_t from)
{
    return (uint64_t)((int64_t)((to & ~UINT64_C(0xfff)) - (from & ~UINT64_C(0xfff))) >> 12);
}

mo_reloc_result mo_reloc_aarch64(const mo_reloc *r)
{
    uint64_t absolute = r->target + (uint64_t)r->addend, distance = absolute - r->place;
    switch (r->type) {
    case R_AARCH64_NONE:
        return MO_RELOC_OK;
    case R_AARCH64_ABS64:
        return r->debug ? put(r, absolute, 8) : MO_RELOC_RUNTIME;
    case R_AARCH64_ABS32:
        if (!r->debug) return MO_RELOC_RUNTIME;
        return absolute <= UINT32_MAX ? put(r, absolute, 4) : MO_RELOC_RANGE;
    case R_AARCH64_PREL64:
        return put(r, distance, 8);
    case R_AARCH64_PREL32:
        return fits(distance, 32) ? put(r, distance, 4) : MO_RELOC_RANGE;
    case R_AARCH64_LD_PREL_LO19:
    case R_AARCH64_CONDBR19:
        return put_words(r, distance, 19, 5);
    case R_AARCH64_TSTBR14:
        return put_words(r, distance, 14, 5);
    case R_AARCH64_JUMP26:
    case R_AARCH64_CALL26:
        return put_words(r, distance, 26, 0);
    case R_AARCH64_ADR_PREL_LO21:
        return put_adr(r, distance);
    case R_AARCH64_ADR_PREL_PG_HI21:
    case R_AARCH64_ADR_PREL_PG_HI21_NC:
        return put_adr(r, page_distance(absolute, r->place));
    case R_AARCH64_ADD_ABS_LO12_NC:
    case R_AARCH64_LDST8_ABS_LO12_NC:
        return put_low12(r, absolute, 0);
    case R_AARCH64_LDST16_ABS_LO12_NC:
        return put_low12(r, absolute, 1);
    case R_AARCH64_LDST32_ABS_LO12_NC:
        return put_low12(r, absolute, 2);
    case R_AARCH64_LDST64_ABS_LO12_NC:
        return put_low12(r, absolute, 3);
    case R_AARCH64_LDST128_ABS_LO12_NC:
        return put_low12(r, absolute, 4);
    case R_AARCH64_ADR_GOT_PAGE:
    case R_AARCH64_LD64_GOT_LO12_NC:
        return MO_RELOC_RUNTIME; /* there is no global offset table */
    default:
        return MO_RELOC_UNKNOWN;
    }
}
