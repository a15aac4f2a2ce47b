/* poll.c - waiting for clocks and descriptors together. */
#include "wasi/guest.h"

mo_errno mo_wasi_poll_oneoff(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
