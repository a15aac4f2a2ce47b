/* filter_x86_64.h - how x86-64 numbers system calls. The other two ways into the kernel
 * (int 0x80, x32) have numbers of their own, which no filter here knows. */
#ifndef MO_BASE_FILTER_X86_64_H
#define MO_BASE_FILTER_X86_64_H

#include <linux/audit.h>

#define MO_FILTER_ARCH AUDIT_ARCH_X86_64
#define MO_FILTER_OTHER_ABI 0x40000000u /* numbers from here on are x32's */

#endif
