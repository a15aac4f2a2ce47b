/* worker.h - how a compiler process is spoken to (mote-compile --worker): requests
 * in on standard input, one answer each on standard output, in order. All numbers
 * little-endian. The worker ends at end of file, in the middle of a compile too: both
 * are the two ends of a socket. */
#ifndef MO_CODE_WORKER_H
#define MO_CODE_WORKER_H

#include "base/base.h"

#define MO_WORKER_REQUEST 0x51544f4du /* "MOTQ" */
#define MO_WORKER_WATCHED 0x57544f4du  /* "MOTW": a request whose answer may come after any number of: */
#define MO_WORKER_PROGRESS 0x50544f4du /* "MOTP": an answer without bytes; status tells how much of 1000 is done */
#define MO_WORKER_ANSWER 0x52544f4du   /* "MOTR" */
#define MO_WORKER_LAST 0x4c544f4du     /* "MOTL": an answer with which the process ends: a limit was reached */

typedef struct mo_worker_request { /* then options, then the module */
    uint32_t magic;
    uint32_t options_len; /* command-line flags as mote-compile takes them, each ended by NUL */
    uint64_t module_len;
} mo_worker_request;

typedef struct mo_worker_answer { /* then len bytes: MOTE_OK the artifact, else the message */
    uint32_t magic;
    uint32_t status; /* mote_status */
    uint64_t offset, function; /* as in mote_error */
    uint64_t len;
} mo_worker_answer;

#endif
