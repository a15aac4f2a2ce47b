/* mote/trap.h - why a call ended, and where. Both things here belong to a store:
 * mote_store_trap() and mote_store_exception() say for how long. */
#ifndef MOTE_TRAP_H
#define MOTE_TRAP_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mote_trap_code {
    MOTE_TRAP_NONE = 0,
    MOTE_TRAP_UNREACHABLE = 1,
    MOTE_TRAP_MEMORY_BOUNDS = 2,
    MOTE_TRAP_TABLE_BOUNDS = 3,
    MOTE_TRAP_CALL_BOUNDS = 4,
    MOTE_TRAP_CALL_NULL = 5,
    MOTE_TRAP_CALL_TYPE = 6,
    MOTE_TRAP_INTEGER_OVERFLOW = 7,
    MOTE_TRAP_DIVIDE_BY_ZERO = 8,
    MOTE_TRAP_CONVERSION = 9,
    MOTE_TRAP_NULL_REFERENCE = 10,
    MOTE_TRAP_NULL_FUNCTION = 11,
    MOTE_TRAP_NULL_EXCEPTION = 12,
    MOTE_TRAP_UNALIGNED_ATOMIC = 13,
    MOTE_TRAP_NOT_SHARED = 14,
    MOTE_TRAP_STACK_OVERFLOW = 15,
    MOTE_TRAP_OUT_OF_FUEL = 16,
    MOTE_TRAP_INTERRUPTED = 17,  /* mote_store_interrupt()                    */
    MOTE_TRAP_TIMEOUT = 18,      /* mote_store_set_timeout() or an interrupt  */
    MOTE_TRAP_MEMORY_LIMIT = 19, /* no room for what the guest needs          */
    MOTE_TRAP_HOST = 20,         /* a host function failed                    */
    MOTE_TRAP_CPU_LIMIT = 21,    /* mote_store_set_cpu_limit(), or a pool's   */
} mote_trap_code;

/** The specification's words for it, "unreachable". Static; never NULL. */
MOTE_API const char *mote_trap_code_text(mote_trap_code code);

MOTE_API mote_trap_code mote_trap_reason(const mote_trap *trap);
/** The code's words, or what mote_caller_trap() was given. */
MOTE_API const char *mote_trap_message(const mote_trap *trap);

/** One level of a backtrace. An inlined function is a frame of its own, before the
 *  one that it was inlined into. */
typedef struct mote_frame {
    mote_instance *instance;
    uint32_t func;      /* function index in its module */
    uint32_t offset;    /* of the instruction, in bytes from the module's start; 0: unknown */
    const char *name;   /* the name section's, not terminated; empty if it has none */
    size_t name_len;
    const char *module; /* the module's name, likewise */
    size_t module_len;
    bool inlined;
} mote_frame;

/** How many frames there are, innermost first, and the frame number i; false past the
 *  last. Very deep stacks keep their innermost frames only: omitted tells how many
 *  calls were left out (it may be NULL). */
MOTE_API size_t mote_trap_nframes(const mote_trap *trap, uint64_t *omitted);
MOTE_API bool mote_trap_frame(const mote_trap *trap, size_t i, mote_frame *ret);

/** Message and backtrace as text, a line per frame, cut to size with its terminator.
 *  Returns the length that all of it has. */
MOTE_API size_t mote_trap_print(const mote_trap *trap, char *text, size_t size);

/* --- exceptions --------------------------------------------------------- */

/** Makes a tag with the given parameter types; the store's. */
MOTE_API mote_status mote_tag_new(mote_store *store, const mote_valtype *params, size_t nparams,
                                  mote_tag **ret, mote_error *err);
MOTE_API mote_store *mote_tag_store(const mote_tag *tag);
/** Its parameters; the arrays live as long as the store. */
MOTE_API mote_functype mote_tag_type(const mote_tag *tag);
/** Are they the same tag? An imported tag is the exporter's, with another handle. */
MOTE_API bool mote_tag_same(const mote_tag *a, const mote_tag *b);

/** Was exn thrown with this tag? */
MOTE_API bool mote_exception_is(const mote_exception *exn, const mote_tag *tag);
/** The values it carries. mote_exception_value() is false past the last. */
MOTE_API size_t mote_exception_nvalues(const mote_exception *exn);
MOTE_API bool mote_exception_value(const mote_exception *exn, size_t i, mote_raw *ret);

#ifdef __cplusplus
}
#endif
#endif
