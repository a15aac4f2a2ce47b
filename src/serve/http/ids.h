/* ids.h - what a request is called: an id of its own, and its place in a trace
 * (W3C Trace Context: traceparent = version "-" trace id "-" parent id "-" flags).
 * Ids are unlikely to meet again, not secret. Nothing here does I/O. */
#ifndef MO_SERVE_IDS_H
#define MO_SERVE_IDS_H

#include "base/base.h"

enum { MO_ID = 65, MO_TRACEPARENT = 55 }; /* an id with its end; the text of a traceparent */

/* Where ids come from: a process has one. */
typedef struct mo_ids {
    uint64_t seed[2], next;
    char prefix[14]; /* "3fc20a91b7d4-" */
} mo_ids;
void mo_ids_init(mo_ids *ids);

/* "3fc20a91b7d4-17", terminated; its length. */
size_t mo_ids_next(mo_ids *ids, char ret[MO_ID]);
/* May an id that somebody else gave be passed on? 1 to 64 letters, digits, '.', '_', '-'. */
bool mo_ids_check(mo_span id);

/* Is it a traceparent that may be continued? Of later versions as much as is known of them. */
bool mo_trace_check(mo_span text);
/* The request's own: of the trace that given belongs to, or of a new one where that is not valid
 * (then it is not sampled). Terminated. */
bool mo_trace_continue(mo_ids *ids, mo_span given, char ret[MO_TRACEPARENT + 1]);

#endif
