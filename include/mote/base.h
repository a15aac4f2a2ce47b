/* mote/base.h - status, error and version: what every other header speaks of.
 *   Threads: everything here is a plain value; share it as you would an int. */
#ifndef MOTE_BASE_H
#define MOTE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOTE_VERSION_MAJOR 0
#define MOTE_VERSION_MINOR 1
#define MOTE_VERSION_PATCH 0

/* Everything without this mark is hidden from the linker. */
#define MOTE_API __attribute__((visibility("default")))

/** What came of a call. Each failure also fills a mote_error. */
typedef enum mote_status {
    MOTE_OK = 0,
    MOTE_MALFORMED,   /* the bytes are not what the format allows             */
    MOTE_INVALID,     /* well-formed, but ill-typed (Wasm 3.0, "validation")  */
    MOTE_UNSUPPORTED, /* a proposal that is switched off or not there yet     */
    MOTE_LIMIT,       /* an implementation or embedder limit, named in words  */
    MOTE_NOMEM,       /* memory is out                                        */
    MOTE_IO,          /* the system refused; the message ends with its reason */
    MOTE_REFUSED,     /* an artifact or a file that is not trusted            */
    MOTE_LINK,        /* an import is missing or has the wrong type           */
    MOTE_TRAP,        /* the guest trapped; see mote_trap                     */
    MOTE_EXCEPTION,   /* a Wasm exception left the outermost call             */
    MOTE_MISUSE,      /* the embedder broke this API's contract               */
    MOTE_EXIT,        /* the guest ended itself; see mote_wasi_exited()       */
    MOTE_STATE,       /* what a guest left cannot be the beginning of a module (mote/snapshot.h) */
} mote_status;

/** No function, no offset: the error is about the whole. */
#define MOTE_NOWHERE UINT64_MAX

/** Room for words. Fixed, so that an error can be told when memory is out. */
#define MOTE_ERROR_TEXT 240

/** One error: what went wrong, where, and what was wanted. A plain value. */
typedef struct mote_error {
    mote_status status;
    uint32_t trap;                  /* a mote_trap_code if status is MOTE_TRAP   */
    uint64_t offset;                /* bytes from the start of the input, or MOTE_NOWHERE */
    uint64_t function;              /* function index, or MOTE_NOWHERE           */
    char message[MOTE_ERROR_TEXT];  /* UTF-8, always terminated                  */
} mote_error;

/** A status in one word, "malformed". Static; never NULL. */
MOTE_API const char *mote_status_name(mote_status status);

/** "0.1.0". Static. */
MOTE_API const char *mote_version(void);

#ifdef __cplusplus
}
#endif
#endif
