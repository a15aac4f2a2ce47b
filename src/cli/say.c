/* say.c - errors in one line, and what the process ends with because of them. */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void say(const char *format, ...)
{
    va_list args;
    fputs("mote: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int say_error(const char *path, const mote_error *err)
{
    char where[96] = "";
    size_t n = 0;
    if (err->offset != MOTE_NOWHERE)
        n += (size_t)snprintf(where + n, sizeof where - n, "offset 0x%llx: ", (unsigned long long)err->offset);
    if (err->function != MOTE_NOWHERE)
        snprintf(where + n, sizeof where - n, "function %llu: ", (unsigned long long)err->function);
    say("%s: %s%s: %s", path, where, mote_status_name(err->status), err->message);
    return exit_for(err);
}
