/* helper_names.h - EACH_HELPER(name) for each helper of abi.def, for the assembler.
 * A system header, for the assembler's preprocessor warns of macros with `...`. */
#pragma GCC system_header
#define HELPER(name, ...) EACH_HELPER(name)
#include "code/abi.def"
#undef EACH_HELPER
