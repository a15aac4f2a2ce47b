/* mote/limits.h - what a store may use. A plain value. */
#ifndef MOTE_LIMITS_H
#define MOTE_LIMITS_H

#include "mote/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MOTE_NO_LIMIT UINT64_MAX

/** Limits of one store; all that its instances and host objects use counts together.
 *  A minimum that a limit forbids is MOTE_LIMIT at creation; growing beyond one
 *  gives the guest -1. */
typedef struct mote_limits {
    uint64_t memory_bytes;   /* of all unshared memories                             */
    uint64_t table_elements; /* of all tables                                        */
    uint64_t stack_bytes;    /* of one call, guest frames only: host functions run on
                                the caller's stack. At least 64 KiB                  */
    uint64_t instances;
    uint64_t exception_bytes; /* exception objects alive at once                     */
} mote_limits;

/** No limit on memory and instances, ten million table elements, 1 MiB of stack,
 *  64 MiB of exceptions. */
MOTE_API mote_limits mote_limits_default(void);

#ifdef __cplusplus
}
#endif
#endif
