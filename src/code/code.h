/* code.h - a validated module in, relocatable objects out.
 * Every compiler gives the same thing: ELF objects in which function number N of
 * the module is the symbol `mote.f<N>` (absent if it was inlined everywhere and
 * nothing can reach it), and whose debug line information (DWARF 4, line tables
 * only, 64-bit little-endian) says where code came from:
 *   line        offset of the instruction in the module's bytes (0: unknown)
 *   subprogram  named by the decimal function index; inlined calls are
 *               DW_TAG_inlined_subroutine with call_line, as compilers do for C
 * Symbols that an object needs and another defines are mote.f<N>, memcpy, memmove
 * and memset (defined in one of the objects where used). Nothing else is external. */
#ifndef MO_CODE_CODE_H
#define MO_CODE_CODE_H

#include "code/abi.h"

typedef struct mo_object {
    uint8_t *bytes; /* mo_alloc()ed */
    size_t len;
} mo_object;

typedef struct mo_code {
    mo_object *objects; /* mo_alloc()ed */
    uint32_t nobjects;
} mo_code;
void mo_code_free(mo_code *code);

/* What a compile is asked for; it becomes part of the artifact's header. */
typedef struct mo_compile_options {
    uint8_t opt_level;        /* 0 to 3 */
    bool fuel;                /* count instructions deterministically */
    bool canonical_nans;
    bool strict;              /* keep every load, and traps in order */
    const char *target_cpu;   /* native, x86-64-v2, x86-64-v3, x86-64-v4 */
    uint32_t threads;         /* at most; 0: one per core */
    const char *passes;       /* the compiler's own pass list instead of the level's; NULL: no */
    /* Told how much of 1000 is done, from any of its threads, one at a time; or NULL. */
    void (*progress)(void *data, uint32_t done);
    void *progress_data;
} mo_compile_options;

#endif
