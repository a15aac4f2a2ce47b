/* cpu_aarch64.c - code for aarch64 asks for nothing beyond what every one has. */
#include "artifact/artifact.h"

#if defined(__aarch64__)
uint64_t mo_cpu_here(void)
{
    return 0;
}
#endif
