/* workload.c - what workloads share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "workload.h"

__attribute__((weak)) void prepare(void)
{
}

void respond_text(answer *ret, int status, const char *words)
{
    ret->status = status;
    ret->body = words;
    ret->length = strlen(words);
}

const char *data_path(const char *name)
{
    static char path[512];
    const char *folder = getenv("STUDY_DATA");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "/data", name);
    return path;
}
