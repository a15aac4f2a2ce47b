/* gc.c - instructions of the garbage-collected heap, which is not there yet.
 * mo_compile refuses a module that holds one before anything is emitted, so
 * reaching one of these is a bug of mote, told as an error. */
#include "code/llvm/emit.h"

#define NOT_YET(op_name) \
    void emit_##op_name(mo_emit *e, const mo_insn *in) \
    { \
        mo_fail(e->err, MOTE_UNSUPPORTED, in->at, "not supported yet: gc (%s)", mo_op_infos[in->op].name); \
        e->failed = true; \
    }
NOT_YET(ref_eq)
NOT_YET(struct_new)
NOT_YET(struct_new_default)
NOT_YET(struct_get)
NOT_YET(struct_get_s)
NOT_YET(struct_get_u)
NOT_YET(struct_set)
NOT_YET(array_new)
NOT_YET(array_new_default)
NOT_YET(array_new_fixed)
NOT_YET(array_new_data)
NOT_YET(array_new_elem)
NOT_YET(array_get)
NOT_YET(array_get_s)
NOT_YET(array_get_u)
NOT_YET(array_set)
NOT_YET(array_len)
NOT_YET(array_fill)
NOT_YET(array_copy)
NOT_YET(array_init_data)
NOT_YET(array_init_elem)
NOT_YET(ref_test)
NOT_YET(ref_test_null)
NOT_YET(ref_cast)
NOT_YET(ref_cast_null)
NOT_YET(br_on_cast)
NOT_YET(br_on_cast_fail)
NOT_YET(any_convert_extern)
NOT_YET(extern_convert_any)
NOT_YET(ref_i31)
NOT_YET(i31_get_s)
NOT_YET(i31_get_u)
