/* random.c - random bytes, from the system or the embedder. */
#include "wasi/guest.h"

#include <errno.h>
#include <sys/random.h>

#define PIECE ((size_t)32 << 10)

/* An interrupted guest is not kept waiting for gigabytes, nor are others. */
static mo_errno from_system(mo_wasi_call *c, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t n = getrandom(to, len < PIECE ? len : PIECE, 0);
        if (n < 0 && errno != EINTR)
            return mo_wasi_errno(errno);
        if (n > 0) {
            to += n;
            len -= (size_t)n;
        }
        if (len && mo_wasi_look(c))
            return MO_E_INTR;
    }
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_random_get(mo_wasi_call *c, const mote_raw *args)
{
    uint32_t len = args[1].u32;
    uint8_t *to = mo_guest_write(c, args[0].u32, len);
    if (!to)
        return MO_E_FAULT;
    if (mo_unlikely(c->wasi->frozen)) {
        mo_freeze_random(c->wasi, to, len);
        return mo_freeze_allows(c, MOTE_WASI_RANDOM);
    }
    if (!c->wasi->random)
        return from_system(c, to, len);
    int status = c->wasi->random(c->wasi->random_data, to, len);
    return status < 0 ? mo_wasi_errno(-status) : MO_E_SUCCESS;
}
