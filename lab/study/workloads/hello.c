/* hello.c - the least that a service answers. */
#include "workload.h"

void respond(const request *q, answer *ret)
{
    (void)q;
    respond_text(ret, 200, "hello\n");
}
