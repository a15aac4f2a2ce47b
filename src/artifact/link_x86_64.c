/* link_x86_64.c - one relocation of an x86-64 object, applied. */
#include "artifact/link.h"

const char *mo_reloc_name_x86_64(uint32_t type)
{
    switch (type) {
#define NAME(x) case x: return #x;
    NAME(R_X86_64_NONE)
    NAME(R_X86_64_64)
    NAME(R_X86_64_32)
    NAME(R_X86_64_32S)
    NAME(R_X86_64_PC32)
    NAME(R_X86_64_PC64)
    NAME(R_X86_64_PLT32)
    NAME(R_X86_64_GOTPCREL)
    NAME(R_X86_64_GOTPCRELX)
    NAME(R_X86_64_REX_GOTPCRELX)
#undef NAME
    default: return NULL;
    }
}

static mo_reloc_result put(const mo_reloc *r, uint64_t at, uint64_t value, unsigned size)
{
    if (at > r->len || r->len - at < size) return MO_RELOC_OUTSIDE;
    memcpy(r->section + at, &value, size); /* little-endian */
    return MO_RELOC_OK;
}

static mo_reloc_result put_signed32(const mo_reloc *r, uint64_t value)
{
    if ((int64_t)value != (int32_t)value) return MO_RELOC_RANGE;
    return put(r, r->at, value, 4);
}

static mo_reloc_result put_unsigned32(const mo_reloc *r, uint64_t value)
{
    if (value > UINT32_MAX) return MO_RELOC_RANGE;
    return put(r, r->at, value, 4);
}

/* There is no global offset table: `mov reg, [rip + slot]` becomes `lea reg, [rip +
 * symbol]` and `call [rip + slot]` becomes `addr32 call symbol`. */
static mo_reloc_result relax(const mo_reloc *r, uint64_t value)
{
    if (r->at < 2 || r->at > r->len || r->addend != -4) return MO_RELOC_RUNTIME;
    uint8_t *insn = r->section + r->at - 2;
    if (insn[0] == 0x8b && (insn[1] & 0xc7) == 0x05) {
        insn[0] = 0x8d;
    } else if (insn[0] == 0xff && insn[1] == 0x15) {
        insn[0] = 0x67;
        insn[1] = 0xe8;
    } else {
        return MO_RELOC_RUNTIME;
    }
    return put_signed32(r, value);
}

mo_reloc_result mo_reloc_x86_64(const mo_reloc *r)
{
    uint64_t absolute = r->target + (uint64_t)r->addend, distance = absolute - r->place;
    switch (r->type) {
    case R_X86_64_NONE:
        return MO_RELOC_OK;
    case R_X86_64_64:
        return r->debug ? put(r, r->at, absolute, 8) : MO_RELOC_RUNTIME;
    case R_X86_64_32:
        return r->debug ? put_unsigned32(r, absolute) : MO_RELOC_RUNTIME;
    case R_X86_64_32S:
        return r->debug ? put_signed32(r, absolute) : MO_RELOC_RUNTIME;
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        return put_signed32(r, distance);
    case R_X86_64_PC64:
        return put(r, r->at, distance, 8);
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
        return relax(r, distance);
    default:
        return MO_RELOC_UNKNOWN;
    }
}
