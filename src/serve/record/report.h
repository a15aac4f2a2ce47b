/* report.h - what is told of each request: its ids, counts (shared.h), a line of the access log.
 *
 *   a head --mo_report_begin--> ids, the client's address, the line's first part
 *                               ... the request runs, request.c notes what it did ...
 *          --mo_report_end--> counted; the line is put into the worker's ring (lines.h)
 *
 * The head need not last in between. Fields of a line are cut where they are very long; control
 * characters and quotes are escaped, so that no client can make up a line. */
#ifndef MO_SERVE_REPORT_H
#define MO_SERVE_REPORT_H

#include "serve/http/forwarded.h"
#include "serve/http/ids.h"
#include "serve/record/shared.h"

struct mo_worker;
typedef struct mo_exchange mo_exchange;

enum { MO_REPORT_LINE = 5 << 10 };

typedef struct mo_report {
    mo_tally tally;          /* as far as it is known: start, reset_ns, pages are request.c's */
    uint64_t began_ns;
    size_t id_len;
    char id[MO_ID];
    char trace[MO_TRACEPARENT + 1];
    bool traced;             /* the client's trace goes on: its tracestate may be passed on, too */
    bool forwarded;          /* facts are of a believed proxy's telling, below; else the connection's */
    mo_forwarded by;
    size_t facts_len, nfacts;
    char facts[MO_FORWARDED_FACTS];
    uint16_t len, rest_at;   /* of line; what comes between [0, rest_at) and the rest is not known yet */
    char line[MO_REPORT_LINE];
} mo_report;

/* head: NULL where none could be read; function: or MO_SHARED_NO_FUNCTION. A believed proxy's word
 * on the host is written into head. */
void mo_report_begin(mo_report *t, struct mo_worker *w, const mo_exchange *x, mo_http_head *head, uint32_t function);
/* When the exchange is over. */
void mo_report_end(mo_report *t, struct mo_worker *w, const mo_exchange *x);
/* Of a request that was refused before it ran: both. */
void mo_report_refused(struct mo_worker *w, const mo_exchange *x, mo_http_head *head, uint32_t function);
/* What the environment is told of the client. */
mo_span mo_report_facts(const mo_report *t, const mo_exchange *x, size_t *retn);

#endif
