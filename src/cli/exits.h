/* exits.h - what the processes of mote end with, mote-compile's too. */
#ifndef MOTE_CLI_EXITS_H
#define MOTE_CLI_EXITS_H

#include "mote/trap.h"

/* Help and manual pages take the words from here; docs/cli.md repeats them. */
#define EXITS(X)                                                                      \
    X(OK, 0, "all went well")                                                         \
    X(SYSTEM, 1, "a file could not be read or written, or memory is out")             \
    X(USAGE, 2, "the command line or a manifest is wrong")                            \
    X(MODULE, 3, "the module is malformed, invalid, or needs what mote has not")      \
    X(LINK, 4, "an import is missing or has another type")                            \
    X(REFUSED, 5, "the artifact is damaged, not trusted, or for another machine")     \
    X(EXCEPTION, 6, "an exception left the program uncaught")                         \
    X(STATE, 7, "what an initialiser left cannot be a snapshot")                      \
    X(TIMEOUT, 124, "the time limit was reached")                                     \
    X(FUEL, 125, "the fuel was consumed")                                             \
    X(TRAP, 134, "the program trapped; the backtrace is on standard error")
typedef enum exit_code {
#define X(name, code, text) EXIT_##name = code,
    EXITS(X)
#undef X
} exit_code;

static inline int exit_for(const mote_error *err)
{
    switch (err->status) {
    case MOTE_OK:
    case MOTE_EXIT: return EXIT_OK; /* with the guest's own code, if it gave one */
    case MOTE_NOMEM:
    case MOTE_IO: return EXIT_SYSTEM;
    case MOTE_MALFORMED:
    case MOTE_INVALID:
    case MOTE_UNSUPPORTED:
    case MOTE_LIMIT: return EXIT_MODULE;
    case MOTE_REFUSED: return EXIT_REFUSED;
    case MOTE_LINK: return EXIT_LINK;
    case MOTE_EXCEPTION: return EXIT_EXCEPTION;
    case MOTE_STATE: return EXIT_STATE;
    case MOTE_MISUSE: return EXIT_USAGE;
    case MOTE_TRAP:
        return err->trap == MOTE_TRAP_TIMEOUT ? EXIT_TIMEOUT
               : err->trap == MOTE_TRAP_OUT_OF_FUEL ? EXIT_FUEL
                                                    : EXIT_TRAP;
    }
    return EXIT_SYSTEM;
}

#endif
