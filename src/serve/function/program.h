/* program.h - a function in one worker: its program, made when the first request for it comes. */
#ifndef MO_SERVE_PROGRAM_H
#define MO_SERVE_PROGRAM_H

#include "mote/pool.h"
#include "serve/function/function.h"
#include "serve/function/turns.h"

struct mo_worker;

/* Zeros: not made yet. */
typedef struct mo_program {
    mote_program *made;
    mote_wasi *model; /* arguments, environment, folders */
    mo_queue queue;   /* of its requests that wait */
    uint32_t entry;   /* the function that a request calls: its index in the module */
} mo_program;

/* An instance of program, one of the worker's, as mote_pool_acquire(). */
mote_status mo_program_acquire(mo_program *program, struct mo_worker *w, mote_instance **ret, mote_error *err);
mote_status mo_program_call(const mo_program *program, mote_instance *instance, mote_error *err);
/* Before the worker's pool goes. */
void mo_programs_free(struct mo_worker *w);

/* Can instances of it be made? What a worker would find only at the first request. */
mote_status mo_function_try(const mo_function *f, mote_engine *engine, mote_error *err);

#endif
