/* guest.h - the only way to guest memory.
 * A pointer that comes back holds until the guest runs again: its bytes are there, and
 * the kernel may write through what mo_guest_write() gave. Another thread of the guest
 * may change shared memory meanwhile: read each value once, then check the copy.
 * false or NULL: not all bytes are inside of the memory, or there is none; answer with
 * MO_E_FAULT. All values are little-endian and need not be aligned. */
#ifndef MO_WASI_GUEST_H
#define MO_WASI_GUEST_H

#include "mote/memory.h"
#include "wasi/wasi.h"

#include <sys/uio.h>

static inline const void *mo_guest_read(const mo_wasi_call *c, uint32_t at, uint64_t len)
{
    return c->memory && mo_memory_inside(c->memory, at, len) ? c->memory->desc->base + at : NULL;
}

static inline void *mo_guest_write(mo_wasi_call *c, uint32_t at, uint64_t len)
{
    return c->memory ? mote_memory_writable(c->memory, at, len) : NULL;
}

bool mo_guest_get16(const mo_wasi_call *c, uint32_t at, uint16_t *ret);
bool mo_guest_get32(const mo_wasi_call *c, uint32_t at, uint32_t *ret);
bool mo_guest_get64(const mo_wasi_call *c, uint32_t at, uint64_t *ret);
bool mo_guest_put16(mo_wasi_call *c, uint32_t at, uint16_t value);
bool mo_guest_put32(mo_wasi_call *c, uint32_t at, uint32_t value);
bool mo_guest_put64(mo_wasi_call *c, uint32_t at, uint64_t value);
bool mo_guest_put_bytes(mo_wasi_call *c, uint32_t at, const void *bytes, size_t len);

/* The same into host memory that mo_guest_write() gave. */
static inline void mo_put16(void *to, uint16_t value) { memcpy(to, &value, sizeof value); }
static inline void mo_put32(void *to, uint32_t value) { memcpy(to, &value, sizeof value); }
static inline void mo_put64(void *to, uint64_t value) { memcpy(to, &value, sizeof value); }

/* Most buffers of one call, as the host's IOV_MAX. */
#define MO_GUEST_IOVECS 1024

/* The n buffers that lie as a list at iovs, as the host's; empty ones are left out.
 *  writable  they will be written to
 *  ret       room for MO_GUEST_IOVECS
 *  rettotal  bytes in all, below 2^32
 * MO_E_SUCCESS; MO_E_FAULT; MO_E_INVAL: more than MO_GUEST_IOVECS, or too many bytes. */
mo_errno mo_guest_iovecs(mo_wasi_call *c, uint32_t iovs, uint32_t n, bool writable, struct iovec *ret,
                         size_t *retn, uint64_t *rettotal);

#endif
