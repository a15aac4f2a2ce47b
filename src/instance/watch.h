/* watch.h - which pages were written, as the kernel knows it: userfaultfd's asynchronous
 * write protection, read by PAGEMAP_SCAN (Linux 6.7).
 *
 *   mo_watch_start ---> writes are noted, nobody is told ---mo_watch_written---> ...
 *                                   ^----------mo_watch_forget--------'
 *
 * All but what is known not to have been written counts as written, so a range is forgotten
 * right after it was started; that takes page tables for all of it. Swapped pages are told
 * of as others are. A forked child watches nothing and is told so. Any thread, but not two
 * at once on one range. */
#ifndef MO_INSTANCE_WATCH_H
#define MO_INSTANCE_WATCH_H

#include "base/base.h"

/* Opens what watching needs, for a process that will not be able to. False: see mo_watch_start. */
bool mo_watch_open(void);

/* The range, of whole pages, is watched until it is unmapped. False: the kernel cannot, or does
 * not let this process. */
bool mo_watch_start(uint8_t *at, size_t len);

/* Calls back for each run of pages in the range that was written since it was forgotten
 * last, in order. False: not all of the range was seen. */
typedef void mo_written(void *to, uint8_t *at, size_t len);
bool mo_watch_written(uint8_t *at, size_t len, mo_written *call, void *to);
/* What was written in the range was not. */
bool mo_watch_forget(uint8_t *at, size_t len);

/* Bytes of the range that are private copies, watched or not; UINT64_MAX: not known. */
uint64_t mo_watch_copies(uint8_t *at, size_t len);

#endif
