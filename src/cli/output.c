/* output.c - files out. */
#include "base/base.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static bool write_through(const char *path, const void *bytes, size_t len)
{
    FILE *to = fopen(path, "wb");
    bool good = to && fwrite(bytes, 1, len, to) == len;
    return to && fclose(to) == 0 && good;
}

int write_output(const char *path, const void *bytes, size_t len)
{
    struct stat st;
    mote_error err = {.offset = MOTE_NOWHERE, .function = MOTE_NOWHERE};
    if (strcmp(path, "-") == 0) /* main.c tells whether it could be written */
        return fwrite(bytes, 1, len, stdout) == len ? EXIT_OK : EXIT_SYSTEM;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
        return mo_file_write(path, bytes, len, 0644, &err) ? EXIT_OK : say_error(path, &err);
    if (write_through(path, bytes, len))
        return EXIT_OK;
    say("%s: %s", path, strerror(errno));
    return EXIT_SYSTEM;
}
