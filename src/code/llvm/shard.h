/* shard.h - one LLVM module's life:
 *   open -> emit -> optimise -> write -> close
 * A shard is used by one thread. close takes a shard in any state, a zeroed one too. */
#ifndef MO_CODE_LLVM_SHARD_H
#define MO_CODE_LLVM_SHARD_H

#include "code/llvm/compile.h"
#include "code/llvm/emit.h"

bool mo_shard_open(mo_shard *s, const mo_job *job, uint32_t index, mote_error *err);
bool mo_shard_emit(mo_shard *s, mote_error *err);
bool mo_shard_optimise(mo_shard *s, mote_error *err);
bool mo_shard_write(mo_shard *s, mo_output output, mo_object *ret, mote_error *err);
void mo_shard_close(mo_shard *s);

/* places.c: after all passes, before instructions are selected. */
void mo_keep_places(mo_shard *s);

#endif
