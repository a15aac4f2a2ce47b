/* program.c - the guest as a program: arguments, environment, its end. */
#include "wasi/guest.h"

#include <sched.h>

/* --- strings ---------------------------------------------------------------------- */

static mo_errno put_sizes(mo_wasi_call *c, const mote_raw *args, size_t n, size_t len)
{
    void *n_to = mo_guest_write(c, args[0].u32, 4), *len_to = mo_guest_write(c, args[1].u32, 4);
    if (!n_to || !len_to)
        return MO_E_FAULT;
    mo_put32(n_to, (uint32_t)n);
    mo_put32(len_to, (uint32_t)len);
    return MO_E_SUCCESS;
}

/* The strings to args[1], a pointer to each to args[0]. */
static mo_errno put_strings(mo_wasi_call *c, const mote_raw *args, const char *strings, size_t n, size_t len)
{
    uint32_t at = args[1].u32;
    uint8_t *pointers = mo_guest_write(c, args[0].u32, (uint64_t)n * 4), *to = mo_guest_write(c, at, len);
    if (!pointers || !to)
        return MO_E_FAULT;
    if (len)
        memcpy(to, strings, len);
    for (size_t i = 0; i < n; i++, pointers += 4) {
        size_t one = strlen(strings) + 1;
        mo_put32(pointers, at);
        at += (uint32_t)one;
        strings += one;
    }
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_args_get(mo_wasi_call *c, const mote_raw *args)
{
    return put_strings(c, args, c->wasi->args, c->wasi->nargs, c->wasi->args_len);
}
mo_errno mo_wasi_args_sizes_get(mo_wasi_call *c, const mote_raw *args)
{
    return put_sizes(c, args, c->wasi->nargs, c->wasi->args_len);
}
mo_errno mo_wasi_environ_get(mo_wasi_call *c, const mote_raw *args)
{
    return put_strings(c, args, c->wasi->env, c->wasi->nenv, c->wasi->env_len);
}
mo_errno mo_wasi_environ_sizes_get(mo_wasi_call *c, const mote_raw *args)
{
    return put_sizes(c, args, c->wasi->nenv, c->wasi->env_len);
}

/* --- ends -------------------------------------------------------------------------- */

static mo_errno end_guest(mo_wasi_call *c, uint32_t code)
{
    c->wasi->exited = true;
    c->wasi->exit_code = code;
    c->leave = MOTE_EXIT;
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_proc_exit(mo_wasi_call *c, const mote_raw *args) { return end_guest(c, args[0].u32); }

/* A guest has no handlers, so that the default action is all there is. Ended by a signal
 * it has the exit code that a shell would tell: 128 and the signal's number. */
mo_errno mo_wasi_proc_raise(mo_wasi_call *c, const mote_raw *args)
{
    enum { NONE, END, IGNORE, STOP };
    static const uint8_t actions[] = {
#define SIGNAL(name, number, action) [number] = action,
#include "wasi/types.def"
    };
    uint32_t number = args[0].u32;
    if (number >= MO_COUNT(actions))
        return MO_E_INVAL;
    switch (actions[number]) {
    case END: return end_guest(c, 128 + number);
    case STOP: return MO_E_NOTSUP;
    default: return MO_E_SUCCESS;
    }
}

/* Where an embedder waits for the guest, it is what can run others. */
mo_errno mo_wasi_sched_yield(mo_wasi_call *c, const mote_raw *args)
{
    (void)args;
    if (c->wasi->wait)
        mo_wasi_wait(c, NULL, 0, 0);
    else
        sched_yield();
    return c->leave ? MO_E_INTR : MO_E_SUCCESS;
}
