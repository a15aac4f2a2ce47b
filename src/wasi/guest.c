/* guest.c - values and buffers in guest memory. */
#include "wasi/guest.h"

#define GET(bits)                                                                       \
    bool mo_guest_get##bits(const mo_wasi_call *c, uint32_t at, uint##bits##_t *ret)    \
    {                                                                                   \
        const void *from = mo_guest_read(c, at, sizeof *ret);                           \
        if (from)                                                                       \
            memcpy(ret, from, sizeof *ret);                                             \
        return from != NULL;                                                            \
    }
#define PUT(bits)                                                                       \
    bool mo_guest_put##bits(mo_wasi_call *c, uint32_t at, uint##bits##_t value)         \
    {                                                                                   \
        return mo_guest_put_bytes(c, at, &value, sizeof value);                         \
    }
GET(16)
GET(32)
GET(64)
PUT(16)
PUT(32)
PUT(64)

bool mo_guest_put_bytes(mo_wasi_call *c, uint32_t at, const void *bytes, size_t len)
{
    void *to = mo_guest_write(c, at, len);
    if (to && len)
        memcpy(to, bytes, len);
    return to != NULL;
}

mo_errno mo_guest_iovecs(mo_wasi_call *c, uint32_t iovs, uint32_t n, bool writable, struct iovec *ret,
                         size_t *retn, uint64_t *rettotal)
{
    if (n > MO_GUEST_IOVECS)
        return MO_E_INVAL;
    const uint8_t *list = mo_guest_read(c, iovs, (uint64_t)n * MO_IOVEC_SIZE);
    if (!list)
        return MO_E_FAULT;
    *retn = 0;
    *rettotal = 0;
    for (uint32_t i = 0; i < n; i++, list += MO_IOVEC_SIZE) {
        uint32_t at = mo_get32(list + MO_IOVEC_BUF), len = mo_get32(list + MO_IOVEC_LEN);
        if (len == 0)
            continue;
        const void *bytes = writable ? mo_guest_write(c, at, len) : mo_guest_read(c, at, len);
        if (!bytes)
            return MO_E_FAULT;
        ret[(*retn)++] = (struct iovec){(void *)(uintptr_t)bytes, len};
        *rettotal += len;
    }
    return *rettotal > UINT32_MAX ? MO_E_INVAL : MO_E_SUCCESS;
}
