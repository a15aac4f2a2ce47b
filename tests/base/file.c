/* Claims about whole files. */
#define _GNU_SOURCE
#include "base/base.h"
#include "base/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A path in a folder of this test's own. */
static const char *folder(void)
{
    static char path[256];
    if (!path[0]) {
        const char *tmp = getenv("TMPDIR");
        snprintf(path, sizeof path, "%s/mote-file-XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(path)) abort();
    }
    return path;
}

static const char *path_to(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    return path;
}

static mote_error err;

TEST(what_is_written_is_read)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    mo_error_clear(&err);
    require(mo_file_write(path_to("a"), "hello", 5, 0600, &err));
    require(mo_file_write(path_to("a"), "again", 5, 0640, &err));
    require(mo_file_read(path_to("a"), 5, &bytes, &len, &err));
    expect(len == 5 && memcmp(bytes, "again", 5) == 0);
    mo_free(bytes);
    struct stat st;
    expect(stat(path_to("a"), &st) == 0 && (st.st_mode & 0777) == 0640);
    unlink(path_to("a"));
}

TEST(a_file_over_the_limit_is_refused)
{
    uint8_t *bytes = NULL;
    size_t len;
    mo_error_clear(&err);
    require(mo_file_write(path_to("b"), "hello", 5, 0600, &err));
    expect(!mo_file_read(path_to("b"), 4, &bytes, &len, &err));
    expect(err.status == MOTE_LIMIT && bytes == NULL);
    unlink(path_to("b"));
}

TEST(what_is_no_file_is_refused)
{
    uint8_t *bytes;
    size_t len;
    mo_error_clear(&err);
    expect(!mo_file_read(folder(), 100, &bytes, &len, &err));
    expect(err.status == MOTE_IO && strstr(err.message, "want a regular file"));
    mo_error_clear(&err);
    expect(!mo_file_read(path_to("missing"), 100, &bytes, &len, &err));
    expect(err.status == MOTE_IO && strstr(err.message, "cannot open: No such file"));
    mo_error_clear(&err);
    require(mkfifo(path_to("pipe"), 0600) == 0);
    expect(!mo_file_read(path_to("pipe"), 100, &bytes, &len, &err)); /* and does not hang */
    unlink(path_to("pipe"));
}

TEST(a_failed_write_leaves_nothing)
{
    char beside[600];
    mo_error_clear(&err);
    snprintf(beside, sizeof beside, "%s/none/file", folder());
    expect(!mo_file_write(beside, "x", 1, 0600, &err));
    expect(err.status == MOTE_IO);
    mo_error_clear(&err);
    mo_alloc_fail_at(0);
    expect(!mo_file_write(path_to("c"), "x", 1, 0600, &err));
    expect(err.status == MOTE_NOMEM);
    expect(access(path_to("c"), F_OK) != 0);
    expect(rmdir(folder()) == 0); /* it is empty */
}
