/* calls_x86_64.h - system calls as x86-64 numbers them. The other two ways into the kernel
 * (int 0x80, x32) have numbers of their own and end the process. */
#ifndef MO_SERVE_CALLS_X86_64_H
#define MO_SERVE_CALLS_X86_64_H

#include <linux/audit.h>

#define MO_CALLS_ARCH AUDIT_ARCH_X86_64
#define MO_CALLS_OTHER_ABI 0x40000000u /* numbers from here on are x32's */

/* Older forms of calls.def's that libc prefers here, and what only this processor has. */
#define MO_CALLS_HERE(CALL, FATAL) \
    CALL(epoll_wait) CALL(poll) CALL(time) \
    FATAL(fork) FATAL(vfork) FATAL(arch_prctl) FATAL(modify_ldt) FATAL(ioperm) FATAL(iopl) FATAL(mknod)

#endif
