/* tree.h - a throw-away tree of files, granted to a guest whose part the test plays.
 *   tree t = tree_new();          3: t/rw, 4: t/rw2 (both to write), 5: t/ro (read-only)
 *   put(&t, "rw/f", "hello");     on the host's side
 *   expect_errno(t_mkdir(&t, 3, "d"), SUCCESS);
 *   tree_end(&t);
 * Functions are called with a real memory of the guest's, so pointers are checked too. */
#ifndef MOTE_TEST_WASI_TREE_H
#define MOTE_TEST_WASI_TREE_H

#include "base/test.h"
#include "mote/mote.h"
#include "wasi/path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* Where the test puts a call's texts and results. */
enum { AT_PATH = 0x100, AT_PATH2 = 0x2000, AT_RET = 0x4000, AT_BUF = 0x5000, BUF_LEN = 0x8000, MEMORY_LEN = 0x10000 };
enum { RW = 3, RW2 = 4, RO = 5, NFOLDERS = 3 };
#define READ MO_RIGHT_FD_READ
#define WRITE MO_RIGHT_FD_WRITE
#define FOLLOW MO_LOOKUP_SYMLINK_FOLLOW

typedef struct tree {
    char at[64]; /* the host's name of it */
    int host;    /* it, opened */
    mote_engine *engine;
    mote_store *store;
    mote_wasi *wasi;
    mo_wasi_call c;
    uint8_t *memory;
    uint32_t fd; /* the last that was opened */
} tree;

static void must(bool holds, const char *what)
{
    if (holds) return;
    perror(what);
    exit(1);
}

static const char *tree_path(const tree *t, const char *name)
{
    static char path[4 * 256];
    snprintf(path, sizeof path, "%s/%s", t->at, name);
    return path;
}

UNUSED static void put(const tree *t, const char *name, const char *text)
{
    int fd = openat(t->host, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), name);
    close(fd);
}

UNUSED static bool holds(const tree *t, const char *name, const char *text)
{
    char have[256] = "";
    int fd = openat(t->host, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, have, sizeof have - 1);
    if (fd >= 0) close(fd);
    return n >= 0 && strcmp(have, text) == 0;
}

UNUSED static bool exists(const tree *t, const char *name)
{
    struct stat st;
    return fstatat(t->host, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

UNUSED static void link_to(const tree *t, const char *text, const char *name)
{
    must(symlinkat(text, t->host, name) == 0, name);
}

UNUSED static void folder(const tree *t, const char *name) { must(mkdirat(t->host, name, 0777) == 0, name); }

static void grant(tree *t, const char *name, mote_wasi_access access)
{
    mote_error err = {0};
    if (mote_wasi_preopen(t->wasi, tree_path(t, name), name, access, &err) == MOTE_OK) return;
    fprintf(stderr, "grant %s: %s\n", name, err.message);
    exit(1);
}

/* An empty tree: rw, rw2, ro, and out, which is not granted and holds a secret. */
UNUSED static tree tree_new(void)
{
    tree t = {0};
    mote_memory *memory = NULL;
    const mote_memorytype type = {.page_shift = 16, .min = 1};
    const char *tmp = getenv("TMPDIR");
    snprintf(t.at, sizeof t.at, "%.40s/mote-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    must(mkdtemp(t.at) != NULL, "mkdtemp");
    t.host = open(t.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(t.host >= 0, t.at);
    folder(&t, "rw"), folder(&t, "rw2"), folder(&t, "ro"), folder(&t, "out");
    put(&t, "out/secret", "secret");
    must(!mote_engine_new(&t.engine, NULL) && !mote_store_new(t.engine, NULL, NULL, &t.store, NULL) &&
             !mote_memory_new(t.store, &type, &memory, NULL) && !mote_wasi_new(&t.wasi, NULL),
         "a guest");
    grant(&t, "rw", MOTE_WASI_READ_WRITE);
    grant(&t, "rw2", MOTE_WASI_READ_WRITE);
    grant(&t, "ro", MOTE_WASI_READ_ONLY);
    t.c = (mo_wasi_call){.wasi = t.wasi, .memory = memory};
    t.memory = mote_memory_data(memory);
    return t;
}

static void remove_all(int parent, const char *name)
{
    char command[256];
    (void)parent;
    snprintf(command, sizeof command, "chmod -R u+rwx '%s' && rm -rf '%s'", name, name);
    must(system(command) == 0, name);
}

UNUSED static void tree_end(tree *t)
{
    close(t->host);
    mote_wasi_free(t->wasi);
    mote_store_free(t->store);
    mote_engine_unref(t->engine);
    remove_all(-1, t->at);
}

/* --- calls ------------------------------------------------------------------------- */

#define expect_errno(call, name) test_u64(call, MO_E_##name, __FILE__, __LINE__, #call " is " #name)

static mote_raw raw(uint64_t v) { return (mote_raw){.u64 = v}; }
#define ARGS(...) ((const mote_raw[]){__VA_ARGS__})

/* Puts len bytes at `at` in the guest's memory; the two arguments that say so. */
static uint32_t give(tree *t, uint32_t at, const char *bytes, size_t len)
{
    memcpy(t->memory + at, bytes, len);
    return (uint32_t)len;
}
#define PATH1(t, path) raw(AT_PATH), raw(give(t, AT_PATH, path, strlen(path)))
#define PATH2(t, path) raw(AT_PATH2), raw(give(t, AT_PATH2, path, strlen(path)))

UNUSED static mo_errno t_open_with(tree *t, uint32_t fd, uint32_t lookup, const char *path, uint32_t oflags,
                                   uint64_t rights, uint32_t fdflags)
{
    mo_errno e = mo_wasi_path_open(&t->c, ARGS(raw(fd), raw(lookup), PATH1(t, path), raw(oflags), raw(rights), raw(0),
                                               raw(fdflags), raw(AT_RET)));
    if (!e) memcpy(&t->fd, t->memory + AT_RET, sizeof t->fd);
    return e;
}

UNUSED static mo_errno t_open(tree *t, uint32_t fd, const char *path)
{
    return t_open_with(t, fd, FOLLOW, path, 0, READ, 0);
}

UNUSED static void t_close(tree *t) { mo_wasi_drop(t->wasi, &t->wasi->descs[t->fd]); }

UNUSED static mo_errno t_mkdir(tree *t, uint32_t fd, const char *path)
{
    return mo_wasi_path_create_directory(&t->c, ARGS(raw(fd), PATH1(t, path)));
}

UNUSED static mo_errno t_rmdir(tree *t, uint32_t fd, const char *path)
{
    return mo_wasi_path_remove_directory(&t->c, ARGS(raw(fd), PATH1(t, path)));
}

UNUSED static mo_errno t_unlink(tree *t, uint32_t fd, const char *path)
{
    return mo_wasi_path_unlink_file(&t->c, ARGS(raw(fd), PATH1(t, path)));
}

UNUSED static mo_errno t_rename(tree *t, uint32_t fd, const char *path, uint32_t to, const char *to_path)
{
    return mo_wasi_path_rename(&t->c, ARGS(raw(fd), PATH1(t, path), raw(to), PATH2(t, to_path)));
}

UNUSED static mo_errno t_link(tree *t, uint32_t fd, const char *path, uint32_t to, const char *to_path)
{
    return mo_wasi_path_link(&t->c, ARGS(raw(fd), raw(0), PATH1(t, path), raw(to), PATH2(t, to_path)));
}

UNUSED static mo_errno t_symlink(tree *t, const char *text, uint32_t fd, const char *path)
{
    return mo_wasi_path_symlink(&t->c, ARGS(PATH2(t, text), raw(fd), PATH1(t, path)));
}

/* What the link holds is then text. */
UNUSED static mo_errno t_readlink(tree *t, uint32_t fd, const char *path, char *text, uint32_t size)
{
    uint32_t n;
    mo_errno e = mo_wasi_path_readlink(&t->c, ARGS(raw(fd), PATH1(t, path), raw(AT_BUF), raw(size), raw(AT_RET)));
    if (e) return e;
    memcpy(&n, t->memory + AT_RET, sizeof n);
    memcpy(text, t->memory + AT_BUF, n);
    text[n] = 0;
    return e;
}

UNUSED static mo_errno t_stat(tree *t, uint32_t fd, uint32_t lookup, const char *path)
{
    return mo_wasi_path_filestat_get(&t->c, ARGS(raw(fd), raw(lookup), PATH1(t, path), raw(AT_RET)));
}

/* A field of what t_stat() wrote. */
UNUSED static uint64_t stat_field(const tree *t, uint32_t field) { return mo_get64(t->memory + AT_RET + field); }
UNUSED static uint8_t stat_type(const tree *t) { return t->memory[AT_RET + MO_FILESTAT_FILETYPE]; }

UNUSED static mo_errno t_times(tree *t, uint32_t fd, uint32_t lookup, const char *path, uint64_t atim, uint64_t mtim,
                               uint32_t flags)
{
    return mo_wasi_path_filestat_set_times(
        &t->c, ARGS(raw(fd), raw(lookup), PATH1(t, path), raw(atim), raw(mtim), raw(flags)));
}

/* The descriptor that was opened last; what its file holds. */
UNUSED static const mo_desc *opened(const tree *t) { return &t->wasi->descs[t->fd]; }
UNUSED static bool opened_holds(const tree *t, const char *text)
{
    char have[256] = "";
    return pread(opened(t)->host, have, sizeof have - 1, 0) >= 0 && strcmp(have, text) == 0;
}
UNUSED static ssize_t host_write(const tree *t, const char *text)
{
    return write(opened(t)->host, text, strlen(text));
}

#endif
