/* filter.c - lists and rules -> a program for the kernel's filter.
 *
 *   processor, ABI -> rules -> allowed -> fatal -> otherwise */
#include "base/filter.h"

#include "base/filter_x86_64.h"

#include <errno.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROOM = 1024 };

typedef struct program {
    struct sock_filter at[ROOM];
    unsigned short n;
} program;

static void put(program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    if (p->n < ROOM)
        p->at[p->n++] = (struct sock_filter){code, yes, no, k};
}

static void load(program *p, size_t at) { put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0); }
static void load_call(program *p) { load(p, offsetof(struct seccomp_data, nr)); }
static void answer(program *p, uint32_t action) { put(p, BPF_RET | BPF_K, action, 0, 0); }

static void answer_if(program *p, uint32_t value, uint32_t action)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(p, action);
}

static size_t low(unsigned arg) { return offsetof(struct seccomp_data, args) + 8 * arg; } /* little-endian */

/* Until end(), what is put is skipped unless what was loaded is that. */
static unsigned short begin(program *p, uint32_t value)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
    return p->n;
}

static void end(program *p, unsigned short from) { p->at[from - 1].jf = (uint8_t)(p->n - from); }

static void put_wanted(program *p, const mo_filter_rule *r)
{
    load(p, low(r->arg));
    if (r->none) {
        put(p, BPF_JMP | BPF_JSET | BPF_K, r->none, 1, 0);
        answer(p, SECCOMP_RET_ALLOW);
    }
    for (size_t i = 0; i < r->n; i++)
        answer_if(p, r->values[i], SECCOMP_RET_ALLOW);
    if (r->zero) {
        put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
        load(p, low(r->arg) + 4);
        answer_if(p, 0, SECCOMP_RET_ALLOW);
    }
}

static void put_rule(program *p, const mo_filter_rule *r)
{
    unsigned short from = begin(p, r->call);
    if (r->has_other) {
        load(p, low(r->other_arg));
        unsigned short also = begin(p, r->other);
        put_wanted(p, r);
        end(p, also);
        load_call(p);
    } else {
        put_wanted(p, r);
        answer(p, r->otherwise);
    }
    end(p, from);
}

static void compose(program *p, const mo_filter *f)
{
    load(p, offsetof(struct seccomp_data, arch));
    put(p, BPF_JMP | BPF_JEQ | BPF_K, MO_FILTER_ARCH, 1, 0);
    answer(p, MO_FILTER_KILL);
    load_call(p);
    put(p, BPF_JMP | BPF_JGE | BPF_K, MO_FILTER_OTHER_ABI, 0, 1);
    answer(p, MO_FILTER_KILL);
    for (size_t i = 0; i < f->nrules; i++)
        put_rule(p, &f->rules[i]);
    for (size_t i = 0; i < f->nallowed; i++)
        answer_if(p, f->allowed[i], SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < f->nfatal; i++)
        answer_if(p, f->fatal[i], MO_FILTER_KILL);
    answer(p, f->otherwise);
}

bool mo_filter_can(void)
{
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0 || errno == EFAULT;
}

bool mo_filter_enter(const mo_filter *f, mote_error *err)
{
    program p = {.n = 0};
    compose(&p, f);
    const struct sock_fprog filter = {p.n, p.at};
    if (p.n < ROOM && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0)
        return true;
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "system calls cannot be limited (seccomp): %s",
                   p.n < ROOM ? strerror(errno) : "too many rules");
}
