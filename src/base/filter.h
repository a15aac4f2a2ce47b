/* filter.h - the system calls that a process may still make: a program for the kernel's filter
 * (seccomp). And Landlock's part, which knows files where the filter knows numbers. */
#ifndef MO_BASE_FILTER_H
#define MO_BASE_FILTER_H

#include "base/base.h"

#include <linux/seccomp.h>

#define MO_FILTER_KILL SECCOMP_RET_KILL_PROCESS
#define MO_FILTER_FAIL(number) (SECCOMP_RET_ERRNO | (number))

/* What a sanitizer's runtime has to do besides. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MO_FILTER_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MO_FILTER_SANITIZED 1
#endif
#endif

enum { MO_FILTER_VALUES = 6 };

/* A call is allowed if its argument is as wanted. The low 32 bits are looked at, for the
 * kernel looks at no more of those that rules are made for. */
typedef struct mo_filter_rule {
    uint32_t call;
    uint8_t arg;
    uint32_t none;                     /* has none of these bits; 0: */
    uint32_t values[MO_FILTER_VALUES]; /* is one of these            */
    uint8_t n;
    bool zero;                         /* or is 0, all 64 bits       */
    bool has_other;                    /* and another argument is that; else the next rule is asked */
    uint8_t other_arg;
    uint32_t other;
    uint32_t otherwise;                /* what is answered; not with has_other */
} mo_filter_rule;

/* The first that fits. */
typedef struct mo_filter {
    const mo_filter_rule *rules; /* the kernel runs the program for these, so the frequent ones first */
    size_t nrules;
    const uint32_t *allowed; /* which cost nothing */
    size_t nallowed;
    const uint32_t *fatal;   /* the process ends */
    size_t nfatal;
    uint32_t otherwise;
} mo_filter;

/* Can the kernel filter? Else errno tells why not. */
bool mo_filter_can(void);
/* From now on all threads of this process and what they start. Needs "no new privileges". For ever. */
bool mo_filter_enter(const mo_filter *filter, mote_error *err);

/* --- Landlock ---------------------------------------------------------------------- */

/* The kernel's version of it, or 0: errno tells why there is none. */
int mo_landlock_version(void);
/* Rules that allow no file, no port and no signal; a descriptor or -1. */
int mo_landlock_new(int version, mote_error *err);
/* But reading, or writing too, below a folder. False: errno tells why not. */
bool mo_landlock_add(int rules, int version, int folder, bool writable);
/* This thread and what it starts, for ever. Needs "no new privileges". */
bool mo_landlock_enter(int rules, mote_error *err);

#endif
