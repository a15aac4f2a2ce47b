/* folders.c - granted folders and listings. */
#include "wasi/tree.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* --- granted folders ----------------------------------------------------------------- */

static mo_errno prestat(tree *t, uint32_t fd) { return mo_wasi_fd_prestat_get(&t->c, ARGS(raw(fd), raw(AT_RET))); }
static mo_errno prestat_name(tree *t, uint32_t fd, uint32_t len)
{
    return mo_wasi_fd_prestat_dir_name(&t->c, ARGS(raw(fd), raw(AT_BUF), raw(len)));
}

TEST(granted_folders_have_names)
{
    tree t = tree_new();
    memset(t.memory + AT_BUF, '#', 8);
    expect_errno(prestat(&t, RW2), SUCCESS);
    expect_u64(t.memory[AT_RET], MO_PREOPEN_DIR);
    expect_u64(mo_get32(t.memory + AT_RET + MO_PRESTAT_NAME_LEN), 3);
    expect_errno(prestat_name(&t, RW2, 3), SUCCESS);
    expect(memcmp(t.memory + AT_BUF, "rw2#", 4) == 0); /* no NUL */
    expect_errno(prestat_name(&t, RW2, 2), NAMETOOLONG);
    expect_errno(prestat_name(&t, RW2, BUF_LEN), SUCCESS);
    tree_end(&t);
}

TEST(what_is_no_granted_folder_has_no_name)
{
    tree t = tree_new();
    folder(&t, "rw/dir");
    must(t_open(&t, RW, "dir") == 0, "open");
    const uint32_t none[] = {0, 1, t.fd, 99, UINT32_MAX};
    for (size_t i = 0; i < MO_COUNT(none); i++) expect_errno(prestat(&t, none[i]), BADF);
    expect_errno(prestat_name(&t, t.fd, 9), NOTDIR);
    expect_errno(prestat_name(&t, 1, 9), NOTDIR);
    expect_errno(prestat_name(&t, 99, 9), BADF);
    expect_errno(mo_wasi_fd_prestat_get(&t.c, ARGS(raw(RW), raw(MEMORY_LEN - 7))), FAULT);
    expect_errno(mo_wasi_fd_prestat_dir_name(&t.c, ARGS(raw(RW), raw(MEMORY_LEN - 1), raw(2))), FAULT);
    tree_end(&t);
}

TEST(what_is_no_folder_cannot_be_granted)
{
    tree t = tree_new();
    mote_error err = {0};
    expect_u64(mote_wasi_preopen(t.wasi, tree_path(&t, "no"), "x", MOTE_WASI_READ_ONLY, &err), MOTE_IO);
    expect(strstr(err.message, "No such file") != NULL);
    err = (mote_error){0};
    expect_u64(mote_wasi_preopen(t.wasi, tree_path(&t, "out/secret"), "x", MOTE_WASI_READ_ONLY, &err), MOTE_IO);
    expect(strstr(err.message, "Not a directory") != NULL);
    err = (mote_error){0};
    expect_u64(mote_wasi_preopen(t.wasi, t.at, "x", (mote_wasi_access)2, &err), MOTE_MISUSE);
    if (geteuid() != 0) {
        must(fchmodat(t.host, "rw", 0, 0) == 0, "chmod");
        err = (mote_error){0};
        expect_u64(mote_wasi_preopen(t.wasi, tree_path(&t, "rw"), "x", MOTE_WASI_READ_ONLY, &err), MOTE_IO);
        expect(strstr(err.message, "Permission denied") != NULL);
    }
    tree_end(&t);
}

TEST(granting_survives_each_failed_allocation)
{
    tree t = tree_new();
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0;; n++) {
        mo_alloc_fail_at(n);
        mote_status status = mote_wasi_preopen(t.wasi, t.at, "again", MOTE_WASI_READ_ONLY, NULL);
        mo_alloc_fail_at(UINT64_MAX);
        if (status == MOTE_OK) break;
        expect_u64(status, MOTE_NOMEM);
        expect_u64(mo_alloc_live(), live);
    }
    tree_end(&t);
}

/* From now on openat2 fails so in this process. */
static bool break_openat2(unsigned err)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = MO_COUNT(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

enum { AS_IT_SHOULD = 0, WRONG = 1, NO_FILTER = 2 };

static int without_openat2(tree *t, unsigned host_errno, mo_errno err)
{
    mote_error e = {0};
    if (!break_openat2(host_errno)) return NO_FILTER;
    mote_status status = mote_wasi_preopen(t->wasi, t->at, "x", MOTE_WASI_READ_ONLY, &e);
    bool told = status == MOTE_UNSUPPORTED && strstr(e.message, "openat2");
    bool refused = t_open(t, RW, "f") == err && t_mkdir(t, RW, "dir/d") == err && t_stat(t, RW, FOLLOW, "f") == err &&
                   t_unlink(t, RW, "dir/f") == err && t_rename(t, RW, "dir/f", RW, "g") == err;
    return told && refused && exists(t, "rw/dir/f") ? AS_IT_SHOULD : WRONG;
}

/* Old kernels and strict sandboxes: nothing is looked up in another way. An EAGAIN that
 * stays is one, not a loop without end. */
TEST(without_openat2_there_are_no_files)
{
    const struct { unsigned host; mo_errno err; } cases[] = {
        {ENOSYS, MO_E_NOSYS}, {EPERM, MO_E_PERM}, {EAGAIN, MO_E_AGAIN},
    };
    for (size_t i = 0; i < MO_COUNT(cases); i++) {
        tree t = tree_new();
        int status = 0;
        put(&t, "rw/f", ""), folder(&t, "rw/dir"), put(&t, "rw/dir/f", "");
        pid_t pid = fork();
        must(pid >= 0, "fork");
        if (pid == 0) _exit(without_openat2(&t, cases[i].host, cases[i].err));
        must(waitpid(pid, &status, 0) == pid, "waitpid");
        tree_end(&t);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER) skip("no seccomp");
        expect_u64(status, AS_IT_SHOULD);
    }
}

/* --- listings ------------------------------------------------------------------------ */

static mo_errno readdir_into(tree *t, uint32_t fd, uint32_t len, uint64_t cookie, uint32_t *retused)
{
    mo_errno e = mo_wasi_fd_readdir(&t->c, ARGS(raw(fd), raw(AT_BUF), raw(len), raw(cookie), raw(AT_RET)));
    if (!e) *retused = mo_get32(t->memory + AT_RET);
    return e;
}

typedef struct entry {
    char name[32];
    uint64_t next, ino;
    uint8_t type;
} entry;

typedef struct listing {
    entry all[1200];
    size_t n;
} listing;

/* Takes the whole entries of a buffer; the cookie after them. */
static uint64_t take_entries(const tree *t, uint32_t used, uint64_t cookie, listing *ret)
{
    const uint8_t *at = t->memory + AT_BUF, *end = at + used;
    while ((size_t)(end - at) >= MO_DIRENT_SIZE) {
        uint32_t len = mo_get32(at + MO_DIRENT_NAMLEN);
        if (len > (size_t)(end - at) - MO_DIRENT_SIZE) break;
        entry *e = &ret->all[ret->n++];
        must(ret->n < MO_COUNT(ret->all) && len < sizeof e->name, "a listing ends");
        *e = (entry){.next = mo_get64(at), .ino = mo_get64(at + MO_DIRENT_INO), .type = at[MO_DIRENT_FILETYPE]};
        memcpy(e->name, at + MO_DIRENT_SIZE, len);
        cookie = e->next;
        at += MO_DIRENT_SIZE + len;
    }
    return cookie;
}

/* Lists as libc does: a buffer that is not full was the last. false: an error, or an
 * entry that does not fit. */
static bool list_all(tree *t, uint32_t fd, uint32_t len, listing *ret)
{
    uint64_t cookie = 0;
    uint32_t used = len;
    ret->n = 0;
    while (used == len) {
        size_t before = ret->n;
        if (readdir_into(t, fd, len, cookie, &used)) return false;
        if (used > len) return false;
        cookie = take_entries(t, used, cookie, ret);
        if (used == len && ret->n == before) return false;
    }
    return true;
}

static const entry *find(const listing *l, const char *name)
{
    const entry *found = NULL;
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->all[i].name, name) != 0) continue;
        if (found) return NULL; /* twice */
        found = &l->all[i];
    }
    return found;
}

static uint8_t type_of(const listing *l, const char *name)
{
    const entry *e = find(l, name);
    return e ? e->type : 255;
}

TEST(a_listing_has_each_entry_once_with_its_type)
{
    static listing l;
    tree t = tree_new();
    struct stat st;
    put(&t, "rw/file", "");
    folder(&t, "rw/dir");
    link_to(&t, "file", "rw/link");
    must(mkfifoat(t.host, "rw/fifo", 0666) == 0, "mkfifo");
    require(list_all(&t, RW, BUF_LEN, &l));
    expect_u64(l.n, 6);
    expect_u64(type_of(&l, "."), MO_FILETYPE_DIRECTORY);
    expect_u64(type_of(&l, ".."), MO_FILETYPE_DIRECTORY);
    expect_u64(type_of(&l, "file"), MO_FILETYPE_REGULAR_FILE);
    expect_u64(type_of(&l, "dir"), MO_FILETYPE_DIRECTORY);
    expect_u64(type_of(&l, "link"), MO_FILETYPE_SYMBOLIC_LINK);
    expect_u64(type_of(&l, "fifo"), MO_FILETYPE_UNKNOWN);
    must(fstatat(t.host, "rw/file", &st, 0) == 0, "stat");
    expect_u64(find(&l, "file")->ino, st.st_ino);
    must(fstatat(t.host, "rw", &st, 0) == 0, "stat");
    expect_u64(find(&l, ".")->ino, st.st_ino);
    expect_u64(find(&l, "..")->ino, st.st_ino); /* what is above is not told */
    tree_end(&t);
}

static void put_many(const tree *t, unsigned n)
{
    char name[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "rw/%0*u", (int)(1 + i % 9), i);
        put(t, name, "");
    }
}

TEST(a_listing_is_the_same_through_buffers_of_any_size)
{
    static listing whole, l;
    tree t = tree_new();
    put_many(&t, 100);
    require(list_all(&t, RW, BUF_LEN, &whole));
    expect_u64(whole.n, 102);
    for (uint32_t len = MO_DIRENT_SIZE + 9; len < 200; len++) {
        if (!expect(list_all(&t, RW, len, &l)) || !expect_u64(l.n, whole.n)) break;
        for (size_t i = 0; i < l.n; i++) expect_text(l.all[i].name, whole.all[i].name);
    }
    tree_end(&t);
}

TEST(a_listing_of_many_entries)
{
    static listing l;
    tree t = tree_new();
    put_many(&t, 1000);
    require(list_all(&t, RW, 4096, &l));
    expect_u64(l.n, 1002);
    for (size_t i = 0; i < l.n; i++) expect(find(&l, l.all[i].name) == &l.all[i]);
    tree_end(&t);
}

TEST(an_entry_that_does_not_fit_is_cut)
{
    tree t = tree_new();
    uint32_t used;
    uint8_t whole[2 * MO_DIRENT_SIZE];
    expect_errno(readdir_into(&t, RW, BUF_LEN, 0, &used), SUCCESS);
    expect_u64(used, 2 * MO_DIRENT_SIZE + 3); /* . and .. */
    memcpy(whole, t.memory + AT_BUF, sizeof whole);
    for (uint32_t len = 0; len < sizeof whole; len++) {
        memset(t.memory + AT_BUF, '#', sizeof whole);
        expect_errno(readdir_into(&t, RW, len, 0, &used), SUCCESS);
        expect_u64(used, len);
        expect(memcmp(t.memory + AT_BUF, whole, len) == 0 && t.memory[AT_BUF + len] == '#');
    }
    tree_end(&t);
}

TEST(a_cookie_goes_on_after_its_entry)
{
    static listing whole, rest;
    tree t = tree_new();
    uint32_t used = 0;
    put_many(&t, 30);
    require(list_all(&t, RW, BUF_LEN, &whole));
    for (size_t i = 0; i < whole.n; i++) {
        rest.n = 0;
        expect_errno(readdir_into(&t, RW, BUF_LEN, whole.all[i].next, &used), SUCCESS);
        take_entries(&t, used, 0, &rest);
        if (!expect_u64(rest.n, whole.n - i - 1)) continue;
        if (rest.n) expect_text(rest.all[0].name, whole.all[i + 1].name);
    }
    tree_end(&t);
}

/* libc's telldir() keeps 32 bits of one; and a fresh descriptor knows none yet. */
TEST(cookies_count_entries)
{
    static listing whole, rest;
    tree t = tree_new();
    uint32_t used = 0;
    put_many(&t, 30);
    require(list_all(&t, RW, BUF_LEN, &whole));
    for (size_t i = 0; i < whole.n; i++) expect_u64(whole.all[i].next, i + 1);
    must(t_open(&t, RW, ".") == 0, "open");
    expect_errno(readdir_into(&t, t.fd, BUF_LEN, 20, &used), SUCCESS);
    rest.n = 0;
    take_entries(&t, used, 0, &rest);
    if (expect_u64(rest.n, whole.n - 20)) expect_text(rest.all[0].name, whole.all[20].name);
    tree_end(&t);
}

TEST(listing_survives_each_failed_allocation)
{
    tree t = tree_new();
    uint32_t used;
    put_many(&t, 30);
    for (uint64_t n = 0;; n++) {
        must(t_open(&t, RW, ".") == 0, "open");
        mo_alloc_fail_at(n);
        mo_errno e = readdir_into(&t, t.fd, BUF_LEN, 0, &used);
        mo_alloc_fail_at(UINT64_MAX);
        if (e == MO_E_SUCCESS) break;
        expect_u64(e, MO_E_NOMEM);
        expect_errno(readdir_into(&t, t.fd, BUF_LEN, 0, &used), SUCCESS);
        t_close(&t);
    }
    tree_end(&t);
}

/* As rm -r does: list some, remove them, go on. */
TEST(entries_may_go_while_a_listing_runs)
{
    static listing some;
    tree t = tree_new();
    uint64_t cookie = 0;
    uint32_t used = 512;
    put_many(&t, 300);
    while (used == 512) {
        some.n = 0;
        require(readdir_into(&t, RW, 512, cookie, &used) == MO_E_SUCCESS);
        cookie = take_entries(&t, used, cookie, &some);
        for (size_t i = 0; i < some.n; i++)
            if (some.all[i].name[0] != '.') expect_errno(t_unlink(&t, RW, some.all[i].name), SUCCESS);
    }
    require(list_all(&t, RW, BUF_LEN, &some));
    expect_u64(some.n, 2);
    tree_end(&t);
}

TEST(two_descriptors_list_on_their_own)
{
    static listing whole, l;
    tree t = tree_new();
    uint32_t used = 0;
    put_many(&t, 20);
    must(t_open(&t, RW, ".") == 0, "open");
    require(list_all(&t, RW, BUF_LEN, &whole));
    expect_errno(readdir_into(&t, t.fd, 100, 0, &used), SUCCESS);
    require(list_all(&t, RW, BUF_LEN, &l));
    expect_u64(l.n, whole.n);
    require(list_all(&t, t.fd, 100, &l));
    expect_u64(l.n, whole.n);
    tree_end(&t);
}

TEST(names_that_are_no_utf8_are_shown_as_they_are)
{
    static listing l;
    tree t = tree_new();
    put(&t, "rw/\xff\xfe", "");
    require(list_all(&t, RW, BUF_LEN, &l));
    expect(find(&l, "\xff\xfe") != NULL);
    tree_end(&t);
}

TEST(listings_fail_as_they_should)
{
    tree t = tree_new();
    uint32_t used = 7;
    put(&t, "rw/f", "");
    folder(&t, "rw/gone");
    must(t_open(&t, RW, "gone") == 0 && unlinkat(t.host, "rw/gone", AT_REMOVEDIR) == 0, "gone");
    expect_errno(readdir_into(&t, t.fd, BUF_LEN, 0, &used), SUCCESS);
    expect_u64(used, 0);
    must(t_open(&t, RW, "f") == 0, "open");
    expect_errno(readdir_into(&t, t.fd, BUF_LEN, 0, &used), NOTDIR);
    expect_errno(readdir_into(&t, 1, BUF_LEN, 0, &used), NOTDIR);
    expect_errno(readdir_into(&t, 99, BUF_LEN, 0, &used), BADF);
    expect_errno(readdir_into(&t, RW, BUF_LEN, UINT64_MAX, &used), SUCCESS); /* behind the end */
    expect_u64(used, 0);
    expect_errno(readdir_into(&t, RW, MEMORY_LEN, 0, &used), FAULT);
    expect_errno(readdir_into(&t, RW, UINT32_MAX, 0, &used), FAULT);
    expect_errno(mo_wasi_fd_readdir(&t.c, ARGS(raw(RW), raw(AT_BUF), raw(99), raw(0), raw(MEMORY_LEN - 3))), FAULT);
    t.wasi->descs[RW].rights &= ~(uint64_t)MO_RIGHT_FD_READDIR;
    expect_errno(readdir_into(&t, RW, BUF_LEN, 0, &used), NOTCAPABLE);
    tree_end(&t);
}
