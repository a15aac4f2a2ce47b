/* poll.h - poll_oneoff over either layout of subscriptions. */
#ifndef MO_WASI_POLL_H
#define MO_WASI_POLL_H

#include "wasi/wasi.h"

/* How a subscription lies in guest memory: userdata u64, type u8 at 8, a descriptor u32
 * at 16, and a clock's id, timeout, precision and flags. */
typedef struct mo_poll_layout {
    uint32_t size;  /* of a subscription */
    uint32_t clock; /* where a clock's id is */
} mo_poll_layout;

/* args: those of poll_oneoff. */
mo_errno mo_poll(mo_wasi_call *c, const mote_raw *args, const mo_poll_layout *layout);

#endif
