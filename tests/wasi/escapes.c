/* escapes.c - ways out of a granted folder, and to more rights than it has. None works. */
#include "wasi/tree.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Is what is not granted as it was? */
static bool out_is_untouched(const tree *t)
{
    struct stat st;
    int n = 0;
    DIR *out = fdopendir(openat(t->host, "out", O_RDONLY | O_DIRECTORY));
    for (const struct dirent *e; out && (e = readdir(out));) n += e->d_name[0] != '.';
    if (out) closedir(out);
    return n == 1 && holds(t, "out/secret", "secret") && fstatat(t->host, "out/secret", &st, 0) == 0 &&
           st.st_nlink == 1 && st.st_mtime > 1000000;
}

/* Every function on that way out; each must answer err. link: the way is a link itself, so
 * those that do not follow are left out. */
static void refuses(tree *t, const char *way, mo_errno err, bool link)
{
    char text[64], below[128];
    put(t, "rw/f", "hello");
    snprintf(below, sizeof below, "%s/new", way);
    const mo_errno answers[] = {
        t_open(t, RW, way),
        t_open_with(t, RW, FOLLOW, way, MO_OFLAG_TRUNC, WRITE, 0),
        t_open_with(t, RW, FOLLOW, way, MO_OFLAG_CREAT, WRITE, 0),
        t_open_with(t, RW, FOLLOW, way, MO_OFLAG_DIRECTORY, MO_RIGHTS_ALL & ~WRITE, 0),
        t_stat(t, RW, FOLLOW, way),
        t_times(t, RW, FOLLOW, way, 0, 0, MO_FST_ATIM | MO_FST_MTIM),
        t_open_with(t, RW, FOLLOW, below, MO_OFLAG_CREAT, WRITE, 0),
        t_mkdir(t, RW, below),
        t_rmdir(t, RW, below),
        t_unlink(t, RW, below),
        t_rename(t, RW, "f", RW, below),
        t_rename(t, RW, below, RW, "g"),
        t_link(t, RW, "f", RW, below),
        t_link(t, RW, below, RW, "g"),
        t_symlink(t, "f", RW, below),
        t_readlink(t, RW, below, text, 60),
        link ? err : t_open_with(t, RW, 0, way, 0, READ, 0),
        link ? err : t_stat(t, RW, 0, way),
        link ? err : t_mkdir(t, RW, way),
        link ? err : t_rmdir(t, RW, way),
        link ? err : t_unlink(t, RW, way),
        link ? err : t_rename(t, RW, "f", RW, way),
        link ? err : t_rename(t, RW, way, RW, "g"),
        link ? err : t_link(t, RW, way, RW, "g"),
        link ? err : t_link(t, RW, "f", RW, way),
        link ? err : t_symlink(t, "f", RW, way),
        link ? err : t_readlink(t, RW, way, text, 60),
    };
    for (size_t k = 0; k < MO_COUNT(answers); k++)
        if (!expect_u64(answers[k], err))
            fprintf(stderr, "    way %s, function %zu\n", way, k);
    expect(out_is_untouched(t) && holds(t, "rw/f", "hello"));
}

TEST(dots_do_not_lead_out)
{
    tree t = tree_new();
    folder(&t, "rw/dir");
    const char *const ways[] = {"..", "../out", "../out/secret", "../rw", "dir/../..", "dir/../../out/secret",
                                "./../out", "dir/./.././../out/secret", "..//out", "../../../../../../etc"};
    for (size_t i = 0; i < MO_COUNT(ways); i++) refuses(&t, ways[i], MO_E_PERM, false);
    tree_end(&t);
}

TEST(absolute_names_are_refused)
{
    tree t = tree_new();
    refuses(&t, "/", MO_E_PERM, false);
    refuses(&t, "/etc", MO_E_PERM, false);
    refuses(&t, "//proc/version", MO_E_PERM, false);
    refuses(&t, tree_path(&t, "out/secret"), MO_E_PERM, false);
    tree_end(&t);
}

TEST(links_do_not_lead_out)
{
    tree t = tree_new();
    folder(&t, "rw/dir");
    link_to(&t, "../out", "rw/up");
    link_to(&t, "../../out", "rw/dir/up");
    link_to(&t, "dir/up", "rw/twice");
    link_to(&t, "/etc", "rw/absolute");
    link_to(&t, "..", "rw/parent");
    link_to(&t, "../rw", "rw/back"); /* out and in again */
    refuses(&t, "up", MO_E_PERM, true);
    refuses(&t, "dir/up", MO_E_PERM, true);
    refuses(&t, "twice", MO_E_PERM, true);
    refuses(&t, "absolute", MO_E_PERM, true);
    refuses(&t, "parent", MO_E_PERM, true);
    refuses(&t, "back", MO_E_PERM, true);
    refuses(&t, "up/secret", MO_E_PERM, false);
    refuses(&t, "parent/out/secret", MO_E_PERM, false);
    refuses(&t, "back/f", MO_E_PERM, false);
    expect_errno(t_open(&t, RW, "up/"), PERM);
    expect_errno(t_stat(&t, RW, 0, "up/"), PERM);
    expect_errno(t_open_with(&t, RW, 0, "up/", MO_OFLAG_DIRECTORY, READ, 0), PERM);
    tree_end(&t);
}

TEST(links_that_the_guest_makes_do_not_lead_out)
{
    tree t = tree_new();
    char text[64];
    expect_errno(t_symlink(&t, "../out/secret", RW, "s"), SUCCESS);
    expect_errno(t_symlink(&t, "..", RW, "p"), SUCCESS);
    refuses(&t, "s", MO_E_PERM, true);
    refuses(&t, "p", MO_E_PERM, true);
    refuses(&t, "p/out/secret", MO_E_PERM, false);
    expect_errno(t_link(&t, RW, "s", RW2, "s"), SUCCESS);
    expect_errno(t_rename(&t, RW, "p", RW2, "p"), SUCCESS);
    expect_errno(t_open(&t, RW2, "s"), PERM);
    expect_errno(t_open(&t, RW2, "p/out/secret"), PERM);
    expect_errno(t_symlink(&t, "/proc/version", RW, "a"), PERM);
    expect_errno(t_symlink(&t, "/", RW, "a"), PERM);
    expect(!exists(&t, "rw/a"));
    link_to(&t, "/proc/version", "rw/host"); /* the host's paths are not told */
    expect_errno(t_readlink(&t, RW, "host", text, 60), PERM);
    expect_errno(t_unlink(&t, RW, "s"), SUCCESS); /* the link, not the secret */
    expect(out_is_untouched(&t));
    tree_end(&t);
}

/* A folder that was opened stays a border of its own. */
TEST(a_folder_within_is_a_border_too)
{
    tree t = tree_new();
    folder(&t, "rw/dir");
    put(&t, "rw/f", "hello");
    link_to(&t, "../f", "rw/dir/up");
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir", 0, MO_RIGHTS_ALL & ~WRITE, 0), SUCCESS);
    uint32_t dir = t.fd;
    expect_errno(t_open(&t, dir, "../f"), PERM);
    expect_errno(t_open(&t, dir, "up"), PERM);
    expect_errno(t_open(&t, RW, "dir/up"), SUCCESS);
    tree_end(&t);
}

TEST(magic_links_of_proc_are_not_followed)
{
    tree t = tree_new();
    const uint32_t proc = RO + 1;
    require(mote_wasi_preopen(t.wasi, "/proc", "proc", MOTE_WASI_READ_ONLY, NULL) == MOTE_OK);
    expect_errno(t_open(&t, proc, "self/root"), LOOP);
    expect_errno(t_open(&t, proc, "self/root/etc/passwd"), LOOP);
    expect_errno(t_open(&t, proc, "self/cwd"), LOOP);
    expect_errno(t_open(&t, proc, "self/exe"), LOOP);
    expect_errno(t_open(&t, proc, "self/fd/0"), LOOP);
    expect_errno(t_open(&t, proc, "thread-self/root/etc"), LOOP);
    expect_errno(t_stat(&t, proc, FOLLOW, "self/root"), LOOP);
    expect_errno(t_open(&t, proc, "self/stat"), SUCCESS); /* an honest link and file */
    char name[64];
    snprintf(name, sizeof name, "self/fd/%d/secret", openat(t.host, "out", O_RDONLY | O_DIRECTORY));
    expect_errno(t_open(&t, proc, name), LOOP);
    tree_end(&t);
}

/* --- rights ---------------------------------------------------------------------------- */

TEST(nothing_changes_in_a_read_only_folder)
{
    tree t = tree_new();
    put(&t, "ro/f", "hello"), folder(&t, "ro/dir"), put(&t, "rw/g", "g");
    const uint64_t all = MO_RIGHTS_ALL;
    require(t_open_with(&t, RO, FOLLOW, ".", MO_OFLAG_DIRECTORY, all & ~WRITE, 0) == MO_E_SUCCESS);
    const uint32_t within = t.fd, folders[] = {RO, within};
    for (size_t i = 0; i < MO_COUNT(folders); i++) {
        uint32_t fd = folders[i];
        const mo_errno answers[] = {
            t_open_with(&t, fd, FOLLOW, "f", 0, WRITE, 0), t_open_with(&t, fd, FOLLOW, "f", 0, READ | WRITE, 0),
            t_open_with(&t, fd, FOLLOW, "f", MO_OFLAG_TRUNC, READ, 0),
            t_open_with(&t, fd, FOLLOW, "f", MO_OFLAG_TRUNC, 0, 0),
            t_open_with(&t, fd, FOLLOW, "f", MO_OFLAG_CREAT, READ, 0),
            t_open_with(&t, fd, FOLLOW, "n", MO_OFLAG_CREAT, READ, 0),
            t_open_with(&t, fd, FOLLOW, "n", MO_OFLAG_CREAT | MO_OFLAG_EXCL, 0, 0),
            t_mkdir(&t, fd, "n"), t_rmdir(&t, fd, "dir"), t_unlink(&t, fd, "f"), t_symlink(&t, "f", fd, "n"),
            t_times(&t, fd, FOLLOW, "f", 0, 0, MO_FST_MTIM), t_rename(&t, fd, "f", fd, "n"),
            t_rename(&t, fd, "f", RW, "n"), t_rename(&t, RW, "g", fd, "n"), t_rename(&t, fd, "dir", RW, "n"),
            t_link(&t, fd, "f", fd, "n"), t_link(&t, fd, "f", RW, "n"), t_link(&t, RW, "g", fd, "n"),
        };
        for (size_t k = 0; k < MO_COUNT(answers); k++)
            if (!expect_u64(answers[k], MO_E_PERM)) fprintf(stderr, "    folder %zu, function %zu\n", i, k);
    }
    expect(holds(&t, "ro/f", "hello") && exists(&t, "ro/dir") && !exists(&t, "ro/n") && !exists(&t, "rw/n"));
    expect_errno(t_open(&t, RO, "f"), SUCCESS);
    expect_errno(t_stat(&t, RO, FOLLOW, "f"), SUCCESS);
    tree_end(&t);
}

TEST(no_descriptor_beneath_a_read_only_folder_can_write)
{
    tree t = tree_new();
    put(&t, "ro/f", "hello"), folder(&t, "ro/dir"), put(&t, "ro/dir/f", "hello");
    const uint64_t all_but = MO_RIGHTS_ALL & ~WRITE;
    expect_errno(t_open_with(&t, RO, FOLLOW, "f", 0, all_but, 0), SUCCESS);
    expect_u64(opened(&t)->rights & MO_RIGHTS_WRITING, 0);
    expect_u64(fcntl(opened(&t)->host, F_GETFL) & O_ACCMODE, O_RDONLY);
    expect_errno(mo_wasi_fd_filestat_set_size(&t.c, ARGS(raw(t.fd), raw(0))), NOTCAPABLE);
    expect_errno(mo_wasi_fd_allocate(&t.c, ARGS(raw(t.fd), raw(0), raw(100))), NOTCAPABLE);
    expect_errno(mo_wasi_fd_filestat_set_times(&t.c, ARGS(raw(t.fd), raw(0), raw(0), raw(MO_FST_MTIM))), NOTCAPABLE);
    expect_errno(t_open_with(&t, RO, FOLLOW, "dir", 0, all_but, 0), SUCCESS);
    uint32_t dir = t.fd;
    expect_u64(opened(&t)->rights & MO_RIGHTS_WRITING, 0);
    expect(opened(&t)->read_only);
    expect_errno(t_open_with(&t, dir, FOLLOW, "f", 0, READ | WRITE, 0), PERM);
    expect_errno(t_open_with(&t, dir, FOLLOW, "f", 0, all_but, 0), SUCCESS);
    expect_u64(opened(&t)->rights & MO_RIGHTS_WRITING, 0);
    expect(holds(&t, "ro/f", "hello") && holds(&t, "ro/dir/f", "hello"));
    tree_end(&t);
}

/* Neither a second name nor a move gives a file more rights than it had. */
TEST(names_do_not_move_to_where_they_have_more_rights)
{
    tree t = tree_new();
    put(&t, "rw/f", "hello"), folder(&t, "rw/dir"), put(&t, "rw2/g", "g");
    t.wasi->descs[RW].inheriting &= ~(uint64_t)WRITE;
    expect_errno(t_link(&t, RW, "f", RW2, "f"), PERM);
    expect_errno(t_rename(&t, RW, "f", RW2, "f"), PERM);
    expect_errno(t_rename(&t, RW, "dir", RW2, "dir"), PERM);
    expect_errno(t_link(&t, RW, "f", RW, "f2"), SUCCESS);
    expect_errno(t_rename(&t, RW2, "g", RW, "g"), SUCCESS); /* to fewer */
    expect(!exists(&t, "rw2/f") && !exists(&t, "rw2/dir"));
    tree_end(&t);
}

TEST(truncation_needs_the_write_right)
{
    tree t = tree_new();
    put(&t, "rw/f", "hello");
    t.wasi->descs[RW].inheriting &= ~(uint64_t)WRITE;
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", MO_OFLAG_TRUNC, READ, 0), NOTCAPABLE);
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", MO_OFLAG_TRUNC, 0, 0), NOTCAPABLE);
    t.wasi->descs[RW2].rights &= ~(uint64_t)MO_RIGHT_PATH_FILESTAT_SET_SIZE;
    put(&t, "rw2/f", "hello");
    expect_errno(t_open_with(&t, RW2, FOLLOW, "f", MO_OFLAG_TRUNC, READ | WRITE, 0), NOTCAPABLE);
    expect_errno(t_open(&t, RW, "f"), SUCCESS);
    expect_errno(mo_wasi_fd_filestat_set_size(&t.c, ARGS(raw(t.fd), raw(0))), NOTCAPABLE);
    expect(holds(&t, "rw/f", "hello") && holds(&t, "rw2/f", "hello"));
    tree_end(&t);
}

/* --- races ----------------------------------------------------------------------------- */

/* Another process that changes the tree for as long as it lives. */
static pid_t changer(const tree *t, void (*change)(int host))
{
    pid_t parent = getpid(), pid = fork();
    must(pid >= 0, "fork");
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent) change(t->host);
    _exit(0);
}

static void stop(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

/* rw/a is a folder, nothing, or a link out. */
static void swap_link(int host)
{
    renameat(host, "rw/a", host, "rw/real");
    renameat(host, "rw/link", host, "rw/a");
    renameat(host, "rw/a", host, "rw/link");
    renameat(host, "rw/real", host, "rw/a");
}

/* rw/deep is in the folder, or out of it, where ".." leads to what is not granted. */
static void move_out(int host)
{
    renameat(host, "rw/deep", host, "out/.deep");
    renameat(host, "out/.deep", host, "rw/deep");
}

typedef struct tally {
    unsigned tries, inside, refused, outside;
} tally;

/* One try to open what another process moves about; inside: the only file it may be. */
static void try_open(tree *t, const char *way, uint32_t oflags, uint64_t rights, ino_t inside, tally *n)
{
    struct stat st;
    n->tries++;
    if (t_open_with(t, RW, FOLLOW, way, oflags, rights, 0)) {
        n->refused++;
        return;
    }
    must(fstat(opened(t)->host, &st) == 0, "fstat");
    if (st.st_ino == inside) n->inside++;
    else n->outside++;
    t_close(t);
}

static ino_t number_of(const tree *t, const char *name)
{
    struct stat st;
    must(fstatat(t->host, name, &st, 0) == 0, name);
    return st.st_ino;
}

/* At least this many tries, and until both outcomes were seen. */
static bool goes_on(const tally *n, unsigned tries)
{
    return n->tries < tries || ((!n->inside || !n->refused) && n->tries < 10 * tries);
}

TEST(a_link_that_is_swapped_in_meanwhile_is_not_followed_out)
{
    tree t = tree_new();
    tally n = {0};
    folder(&t, "rw/a"), put(&t, "rw/a/secret", "inside"), link_to(&t, "../out", "rw/link");
    ino_t inside = number_of(&t, "rw/a/secret");
    pid_t pid = changer(&t, swap_link);
    while (goes_on(&n, 60000)) try_open(&t, "a/secret", 0, READ, inside, &n);
    stop(pid);
    expect_u64(n.outside, 0);
    expect(n.inside && n.refused);
    expect(out_is_untouched(&t));
    tree_end(&t);
}

TEST(a_folder_that_is_moved_out_meanwhile_leads_nowhere)
{
    tree t = tree_new();
    tally n = {0};
    folder(&t, "rw/deep"), folder(&t, "rw/deep/er"), put(&t, "rw/secret", "inside");
    ino_t inside = number_of(&t, "rw/secret");
    pid_t pid = changer(&t, move_out);
    while (goes_on(&n, 20000))
        try_open(&t, n.tries % 2 ? "deep/../secret" : "deep/er/../../secret", 0, READ, inside, &n);
    stop(pid);
    expect_u64(n.outside, 0);
    expect(n.inside && n.refused);
    tree_end(&t);
}

/* Makes, moves and removes names behind a parent that is swapped. */
TEST(nothing_is_made_or_removed_behind_a_link_that_is_swapped_in)
{
    tree t = tree_new();
    unsigned done = 0, refused = 0;
    folder(&t, "rw/a"), put(&t, "rw/f", "hello"), link_to(&t, "../out", "rw/link");
    pid_t pid = changer(&t, swap_link);
    for (unsigned i = 0; i < 2500 || ((!done || !refused) && i < 25000); i++) {
        const mo_errno answers[] = {
            t_open_with(&t, RW, FOLLOW, "a/new", MO_OFLAG_CREAT, WRITE, 0),
            t_mkdir(&t, RW, "a/dir"),
            t_rmdir(&t, RW, "a/dir"),
            t_symlink(&t, "x", RW, "a/s"),
            t_unlink(&t, RW, "a/s"),
            t_link(&t, RW, "f", RW, "a/h"),
            t_unlink(&t, RW, "a/h"),
            t_unlink(&t, RW, "a/secret"),
            t_rename(&t, RW, "a/secret", RW, "stolen"),
            t_rename(&t, RW, "a/new", RW, "a/moved"),
            t_times(&t, RW, FOLLOW, "a/secret", 0, 0, MO_FST_MTIM),
            t_open_with(&t, RW, FOLLOW, "a/secret", MO_OFLAG_TRUNC, WRITE, 0),
        };
        if (answers[0] == MO_E_SUCCESS) t_close(&t);
        for (size_t k = 0; k < MO_COUNT(answers); k++)
            if (answers[k] == MO_E_SUCCESS) done++;
            else refused++;
        expect(answers[7] && answers[8] && answers[10] && answers[11]); /* only out has it */
    }
    stop(pid);
    expect(done && refused);
    expect(out_is_untouched(&t) && !exists(&t, "rw/stolen"));
    tree_end(&t);
}
