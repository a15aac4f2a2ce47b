/* speedtest1.c - SQLite's own benchmark on a database in memory; n is its --size.
 * n: 50 full, 3 quick
 *
 * SQLite is built with SQLITE_OS_OTHER and gets the system below: no files, a clock that
 * stands still, randomness that is all zeros; so its output, times included, is the same
 * everywhere. Its main() is built as speedtest1_main(). */
#include "program.h"
#include "sqlite3.h"
#include <stdio.h>
#include <string.h>

int speedtest1_main(int argc, char **argv);

static int refuse_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret)
{
    (void)vfs, (void)name, (void)flags, (void)ret;
    file->pMethods = NULL;
    return SQLITE_CANTOPEN;
}

static int refuse_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs, (void)name, (void)sync;
    return SQLITE_IOERR_DELETE;
}

static int find_nothing(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)vfs, (void)name, (void)flags;
    *ret = 0;
    return SQLITE_OK;
}

static int copy_name(sqlite3_vfs *vfs, const char *name, int room, char *ret)
{
    (void)vfs;
    sqlite3_snprintf(room, ret, "%s", name);
    return SQLITE_OK;
}

static int read_zeros(sqlite3_vfs *vfs, int nbytes, char *ret)
{
    (void)vfs;
    memset(ret, 0, (size_t)nbytes);
    return nbytes;
}

static int sleep_not(sqlite3_vfs *vfs, int us)
{
    (void)vfs, (void)us;
    return 0;
}

static int read_clock_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    *ret = 2460000 * INT64_C(86400000);        /* of a Julian day */
    return SQLITE_OK;
}

static int read_clock(sqlite3_vfs *vfs, double *ret)
{
    (void)vfs;
    *ret = 2460000;
    return SQLITE_OK;
}

int sqlite3_os_init(void)
{
    static sqlite3_vfs none = {
        .iVersion = 2, .szOsFile = sizeof(sqlite3_file), .mxPathname = 64, .zName = "none",
        .xOpen = refuse_open, .xDelete = refuse_delete, .xAccess = find_nothing,
        .xFullPathname = copy_name, .xRandomness = read_zeros, .xSleep = sleep_not,
        .xCurrentTime = read_clock, .xCurrentTimeInt64 = read_clock_ms,
    };
    return sqlite3_vfs_register(&none, 1);
}

int sqlite3_os_end(void)
{
    return SQLITE_OK;
}

int64_t run(int32_t n)
{
    char size[12];
    snprintf(size, sizeof size, "%d", (int)n);
    char *argv[] = { "speedtest1", "--memdb", "--verify", "--size", size, NULL };
    require(speedtest1_main(5, argv) == 0);
    return output_digest();
}
