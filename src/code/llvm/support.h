/* support.h - what optimised code may call besides guest functions and helpers. */
#ifndef MO_CODE_LLVM_SUPPORT_H
#define MO_CODE_LLVM_SUPPORT_H

#include "base/base.h"

#include <llvm-c/Core.h>

/* Defines those of memcpy, memmove and memset that an optimised module wants. */
void mo_support_add(LLVMModuleRef m);

#endif
