/* inside.h - the checker's inside: the functions of an artifact's code, and one of
 * them while its blocks are walked.
 *
 *   scan.c    every byte decodes; calls, jumps and labels collected
 *   check.c   order: functions that the outside may call, then what they call; a
 *             function that only this module calls starts from what all callers pass
 *   blocks.c  steps -> blocks; walks them until nothing changes
 *
 * A function is walked again when its callers turn out to pass less than was known,
 * never when they pass more, so the walk ends. */
#ifndef MO_CHECK_INSIDE_H
#define MO_CHECK_INSIDE_H

#include "check/facts.h"
#include "check/state.h"
#include "check/step.h"

typedef struct mo_checked { /* a function of the machine code */
    uint32_t at, len;
    uint32_t func;    /* of the module; MO_NO_FUNC: memcpy and the like */
    bool outside;     /* its address leaves: entered as its type says */
    bool returns;
    bool pending;     /* to be walked (again) */
    mo_state entry;   /* what callers pass; outside: what the type says */
    uint8_t results[MO_INT_RESULTS]; /* mo_word masks of what it returns */
} mo_checked;

typedef struct mo_edge { uint32_t from, to; bool tail; } mo_edge; /* a direct call, by functions' numbers */

typedef struct mo_checker {
    const mo_facts *facts;
    const uint8_t *text, *constants; /* constants begin at const_at, counted from text */
    uint64_t text_len, const_at, const_len;
    const mo_sites *sites;
    mo_checked *functions; /* by at */
    uint32_t nfunctions;
    uint8_t *starts;       /* a bit per byte of text: an instruction starts here */
    uint32_t *labels;      /* what instructions refer to in constants; sorted, unique */
    size_t nlabels, labels_cap;
    const mo_meta_jumps *jumps; /* words of constants that jump tables consist of, by at */
    size_t njumps;
    mo_edge *edges;
    size_t nedges, edges_cap;
    mo_values values;
    mote_error *err;
} mo_checker;

typedef struct mo_check_block {
    uint32_t first, end; /* steps */
    bool pending;
    bool joins;          /* control comes from more than one place: its state is kept */
    uint32_t walks;
    mo_state in;
} mo_check_block;

typedef struct mo_target { uint32_t at, ways; } mo_target;

/* A function while it is walked. */
typedef struct mo_flow {
    mo_checker *checker;
    mo_checked *function;
    uint32_t number;
    mo_step *steps;
    size_t nsteps, steps_cap;
    mo_check_block *blocks;
    size_t nblocks, blocks_cap;
    mo_target *targets; /* where blocks start */
    size_t ntargets, targets_cap;
    mo_state now;
    const mo_step *step;
    bool faults;       /* the step surely faults: nothing follows it */
    uint8_t compared, compared_width; /* the register that the flags tell about, or MO_NO_REGISTER */
    int64_t compared_with;
} mo_flow;

/* Tells what is wrong at a place of a function; returns false. */
bool mo_check_refuse(mo_checker *c, const mo_checked *function, uint32_t at, const char *format, ...) MO_PRINTF(4, 5);
/* The same at the step that is being walked. */
#define mo_refuse(flow, ...) mo_check_refuse((flow)->checker, (flow)->function, (flow)->step->at, __VA_ARGS__)

/* --- scan.c -------------------------------------------------------------- */

bool mo_check_scan(mo_checker *c);
/* The function that starts at, or contains, this address; NULL if none does. */
mo_checked *mo_check_function_at(mo_checker *c, uint64_t at);
static inline bool mo_check_starts(const mo_checker *c, uint64_t at) { return at < c->text_len && (c->starts[at / 8] >> at % 8 & 1); }

/* --- blocks.c ------------------------------------------------------------ */

bool mo_check_walk(mo_flow *f, mo_checked *function);
/* Adds what f->now says to the block at an address of this function. */
bool mo_flow_reach(mo_flow *f, uint64_t at);
/* The end of the run of words around label that the linker says are distances to
 * code; label itself if there is none. */
uint64_t mo_check_jump_run(const mo_checker *c, uint32_t label);
/* All targets of the jump table at label. */
bool mo_flow_reach_table(mo_flow *f, uint32_t label);
void mo_flow_free(mo_flow *f);

/* --- flow_x86_64.c ------------------------------------------------------- */

/* Steps that only together make sense become one. */
void mo_flow_combine(mo_flow *f);
/* Applies f->step to f->now; *retgoes_on: control comes to the next step. */
bool mo_flow_step(mo_flow *f, bool *retgoes_on);

/* --- access.c ------------------------------------------------------------ */

/* A load or store of size bytes at ea. stored: the word, if it is followed. */
bool mo_flow_load(mo_flow *f, mo_value ea, uint32_t size, mo_value *ret);
bool mo_flow_store(mo_flow *f, mo_value ea, uint32_t size, mo_value stored);
/* The stack pointer becomes v. */
bool mo_flow_move_stack(mo_flow *f, mo_value v);

/* --- calls_x86_64.c ------------------------------------------------------ */

bool mo_flow_call(mo_flow *f, mo_value code, bool tail, bool *retgoes_on);
bool mo_flow_return(mo_flow *f);
/* What a function that the outside may call finds at its start. */
void mo_check_outside_entry(const mo_checker *c, mo_checked *function);

#endif
