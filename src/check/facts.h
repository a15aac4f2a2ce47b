/* facts.h - what a checker has to know of a module, taken from the module itself or
 * from an artifact's META: where things lie in the context and which are references. */
#ifndef MO_CHECK_FACTS_H
#define MO_CHECK_FACTS_H

#include "artifact/artifact.h"
#include "check/value.h"

typedef struct mo_fact_type {
    bool is_function;
    uint32_t nparams;
    uint8_t params[MO_INT_ARGS];     /* mo_word mask of each integer register, 0: data */
    uint8_t results[MO_INT_RESULTS];
} mo_fact_type;

typedef struct mo_fact_func {
    uint32_t type;
    bool imported, outside; /* outside: the host or another instance may call it */
} mo_fact_func;

typedef struct mo_fact_global {
    uint8_t word; /* mask, 0: numeric */
    bool pointed; /* imported variable: its slot holds an address */
    bool mutable_;
} mo_fact_global;

typedef struct mo_facts {
    mo_layout layout;
    uint32_t ntypes, nfuncs, nglobals, nmemories, ntables, ntags;
    uint32_t nimported_funcs, nimported_memories, nimported_tables;
    mo_fact_type *types;
    mo_fact_func *funcs;
    mo_fact_global *globals;
    uint8_t *tables;                      /* word mask of each */
    uint8_t results[MO_INT_RESULTS];      /* what a call of any type may give */
    uint8_t xfer[MO_XFER_SLOTS];          /* what a slot may hold after such a call or at entry */
    uint8_t exception[MO_XFER_SLOTS];     /* what an exception's parameter may be */
    bool has_words;                       /* any type, global or tag speaks of references */
    mo_arena arena;
} mo_facts;

bool mo_facts_of_module(const mo_module *m, mo_facts *ret, mote_error *err);
bool mo_facts_of_artifact(const mo_artifact *a, mo_facts *ret, mote_error *err);
void mo_facts_free(mo_facts *f);

/* A load of size bytes at an offset of the context, and of other host structures:
 * false if nothing may be read there; *ret is what an 8-byte load gives. */
bool mo_facts_context(const mo_facts *f, int32_t at, uint32_t size, mo_value *ret);
bool mo_facts_run(const mo_facts *f, int32_t at, uint32_t size, mo_value *ret);

/* May size bytes be stored there? Then *retword is the kind of reference that must
 * be stored (8 bytes), or 0 for any data. */
bool mo_facts_context_store(const mo_facts *f, int32_t at, uint32_t size, uint32_t *retword);
bool mo_facts_run_store(const mo_facts *f, int32_t at, uint32_t size, uint32_t *retword);

#endif
