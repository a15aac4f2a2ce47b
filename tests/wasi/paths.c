/* paths.c - every path_ function: what must work, and each thing that must fail. What a
 * guest may not reach is in escapes.c. */
#include "wasi/tree.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

static tree tree_with_file(void)
{
    tree t = tree_new();
    put(&t, "rw/f", "hello");
    put(&t, "ro/f", "hello");
    folder(&t, "rw/dir");
    put(&t, "rw/dir/x", "x");
    link_to(&t, "f", "rw/lf");
    link_to(&t, "dir", "rw/ld");
    link_to(&t, "loop", "rw/loop");
    link_to(&t, "nowhere", "rw/dangling");
    return t;
}

/* --- path_open -------------------------------------------------------------------- */

TEST(open_gives_the_lowest_free_number)
{
    tree t = tree_with_file();
    expect_errno(t_open(&t, RW, "f"), SUCCESS);
    expect_u64(t.fd, RO + 1);
    expect(opened_holds(&t, "hello"));
    expect_u64(opened(&t)->filetype, MO_FILETYPE_REGULAR_FILE);
    expect_errno(t_open(&t, RW, "f"), SUCCESS);
    expect_u64(t.fd, RO + 2);
    t.fd = RO + 1;
    t_close(&t);
    expect_errno(t_open(&t, RW, "f"), SUCCESS);
    expect_u64(t.fd, RO + 1);
    tree_end(&t);
}

TEST(open_follows_links_only_where_asked)
{
    tree t = tree_with_file();
    expect_errno(t_open(&t, RW, "lf"), SUCCESS);
    expect_errno(t_open_with(&t, RW, 0, "lf", 0, READ, 0), LOOP);
    expect_errno(t_open(&t, RW, "ld/x"), SUCCESS);
    expect_errno(t_open_with(&t, RW, 0, "ld/x", 0, READ, 0), SUCCESS); /* the last name alone */
    expect_errno(t_open_with(&t, RW, 0, "ld/", 0, READ, 0), SUCCESS);
    expect_errno(t_open(&t, RW, "loop"), LOOP);
    expect_errno(t_open(&t, RW, "dangling"), NOENT);
    tree_end(&t);
}

TEST(open_of_folders)
{
    tree t = tree_with_file();
    expect_errno(t_open(&t, RW, "dir"), SUCCESS);
    expect_u64(opened(&t)->kind, MO_DESC_FOLDER);
    expect_u64(opened(&t)->filetype, MO_FILETYPE_DIRECTORY);
    uint32_t dir = t.fd;
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir/", MO_OFLAG_DIRECTORY, MO_RIGHTS_ALL & ~WRITE, 0), SUCCESS);
    expect_errno(t_open(&t, t.fd, "x"), SUCCESS);
    expect_errno(t_open(&t, dir, "x"), NOTCAPABLE); /* PATH_OPEN was not asked for */
    expect_errno(t_open(&t, RW, "."), SUCCESS);
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", MO_OFLAG_DIRECTORY, READ, 0), NOTDIR);
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir", 0, WRITE, 0), ISDIR);
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir", MO_OFLAG_CREAT, READ | WRITE, 0), ISDIR);
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir", MO_OFLAG_TRUNC, READ | WRITE, 0), ISDIR);
    expect_errno(t_open(&t, RW, "f/"), NOTDIR);
    expect_errno(t_open(&t, RW, "f/x"), NOTDIR);
    expect_errno(t_open(&t, RW, "lf/"), NOTDIR);
    tree_end(&t);
}

TEST(open_makes_and_empties_files)
{
    tree t = tree_with_file();
    expect_errno(t_open(&t, RW, "new"), NOENT);
    expect_errno(t_open_with(&t, RW, FOLLOW, "new", MO_OFLAG_CREAT, READ | WRITE, 0), SUCCESS);
    expect(host_write(&t, "abc") == 3 && holds(&t, "rw/new", "abc"));
    expect_errno(t_open_with(&t, RW, FOLLOW, "new", MO_OFLAG_CREAT, READ, 0), SUCCESS);
    expect(opened_holds(&t, "abc"));
    expect_errno(t_open_with(&t, RW, FOLLOW, "new", MO_OFLAG_CREAT | MO_OFLAG_EXCL, WRITE, 0), EXIST);
    expect_errno(t_open_with(&t, RW, FOLLOW, "new", MO_OFLAG_TRUNC, WRITE, 0), SUCCESS);
    expect(holds(&t, "rw/new", ""));
    expect_errno(t_open_with(&t, RW, FOLLOW, "other/", MO_OFLAG_CREAT, WRITE, 0), ISDIR);
    expect_errno(t_open_with(&t, RW, FOLLOW, "no/other", MO_OFLAG_CREAT, WRITE, 0), NOENT);
    expect_errno(t_open_with(&t, RW, FOLLOW, "dangling", MO_OFLAG_CREAT, WRITE, 0), SUCCESS);
    expect(exists(&t, "rw/nowhere"));
    expect_errno(t_open_with(&t, RW, 0, "loop", MO_OFLAG_CREAT, WRITE, 0), LOOP);
    expect_errno(t_open_with(&t, RW, FOLLOW, "loop", MO_OFLAG_CREAT | MO_OFLAG_EXCL, WRITE, 0), EXIST);
    tree_end(&t);
}

TEST(open_refuses_flags_that_are_none_or_do_not_go_together)
{
    tree t = tree_with_file();
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 16, READ, 0), INVAL);
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, READ, 32), INVAL);
    expect_errno(t_open_with(&t, RW, 2, "f", 0, READ, 0), INVAL);
    expect_errno(t_open_with(&t, RW, FOLLOW, "d", MO_OFLAG_DIRECTORY | MO_OFLAG_CREAT, READ, 0), INVAL);
    expect_errno(t_open_with(&t, RW, FOLLOW, "d", MO_OFLAG_DIRECTORY | MO_OFLAG_EXCL, READ, 0), INVAL);
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", MO_OFLAG_DIRECTORY | MO_OFLAG_TRUNC, READ | WRITE, 0), INVAL);
    expect(holds(&t, "rw/f", "hello") && !exists(&t, "rw/d"));
    tree_end(&t);
}

/* io.c hands them to the system with each call; a guest may take them back. */
TEST(open_keeps_flags_in_the_descriptor)
{
    tree t = tree_with_file();
    const uint32_t all = MO_FDFLAG_APPEND | MO_FDFLAG_DSYNC | MO_FDFLAG_NONBLOCK | MO_FDFLAG_RSYNC | MO_FDFLAG_SYNC;
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, WRITE, all), SUCCESS);
    expect_u64(opened(&t)->flags, all);
    expect_u64(fcntl(opened(&t)->host, F_GETFL) & (O_APPEND | O_SYNC), 0);
    expect(fcntl(opened(&t)->host, F_GETFD) & FD_CLOEXEC);
    tree_end(&t);
}

/* The host's descriptor itself is opened for no more than was asked for. */
TEST(open_enforces_rights_on_the_handle)
{
    tree t = tree_with_file();
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, READ, 0), SUCCESS);
    expect_u64(fcntl(opened(&t)->host, F_GETFL) & O_ACCMODE, O_RDONLY);
    expect(!(opened(&t)->rights & (WRITE | MO_RIGHT_FD_FILESTAT_SET_SIZE | MO_RIGHT_FD_ALLOCATE)));
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, WRITE, 0), SUCCESS);
    expect_u64(fcntl(opened(&t)->host, F_GETFL) & O_ACCMODE, O_WRONLY);
    expect(!(opened(&t)->rights & READ));
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, MO_RIGHTS_ALL, 0), SUCCESS);
    expect_u64(fcntl(opened(&t)->host, F_GETFL) & O_ACCMODE, O_RDWR);
    expect(!(opened(&t)->rights & MO_RIGHT_PATH_OPEN));
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, MO_RIGHT_FD_FILESTAT_SET_SIZE | MO_RIGHT_FD_ALLOCATE, 0), SUCCESS);
    expect(!(opened(&t)->rights & (MO_RIGHT_FD_FILESTAT_SET_SIZE | MO_RIGHT_FD_ALLOCATE | READ | WRITE)));
    tree_end(&t);
}

TEST(open_gives_no_right_that_the_folder_does_not_pass_on)
{
    tree t = tree_with_file();
    mo_desc *rw = &t.wasi->descs[RW];
    rw->inheriting &= ~(uint64_t)(WRITE | MO_RIGHT_FD_ADVISE | MO_RIGHT_PATH_UNLINK_FILE);
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, READ | WRITE, 0), NOTCAPABLE);
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", MO_OFLAG_TRUNC, READ, 0), NOTCAPABLE);
    expect_errno(t_open_with(&t, RW, FOLLOW, "f", 0, MO_RIGHTS_ALL & ~WRITE, 0), SUCCESS);
    expect(!(opened(&t)->rights & MO_RIGHT_FD_ADVISE));
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir", 0, MO_RIGHTS_ALL & ~WRITE, 0), SUCCESS);
    expect_errno(t_unlink(&t, t.fd, "x"), NOTCAPABLE);
    expect_errno(t_open_with(&t, t.fd, FOLLOW, "x", 0, WRITE, 0), NOTCAPABLE);
    rw->rights &= ~(uint64_t)MO_RIGHT_PATH_CREATE_FILE;
    expect_errno(t_open_with(&t, RW, FOLLOW, "new", MO_OFLAG_CREAT, READ, 0), NOTCAPABLE);
    rw->rights &= ~(uint64_t)MO_RIGHT_PATH_OPEN;
    expect_errno(t_open(&t, RW, "f"), NOTCAPABLE);
    expect(holds(&t, "rw/f", "hello") && exists(&t, "rw/dir/x") && !exists(&t, "rw/new"));
    tree_end(&t);
}

/* Go's os.Root opens its folder with the right to create files, not the one to cut them. */
TEST(open_truncates_in_a_folder_where_files_may_be_created)
{
    tree t = tree_with_file();
    const uint64_t making = MO_RIGHT_PATH_OPEN | MO_RIGHT_PATH_CREATE_FILE;
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir", MO_OFLAG_DIRECTORY, making, 0), SUCCESS);
    uint32_t dir = t.fd;
    expect_errno(t_open_with(&t, dir, FOLLOW, "new", MO_OFLAG_CREAT | MO_OFLAG_TRUNC, WRITE, 0), SUCCESS);
    expect(exists(&t, "rw/dir/new"));
    expect_errno(t_open_with(&t, RW, FOLLOW, "dir", MO_OFLAG_DIRECTORY, MO_RIGHT_PATH_OPEN, 0), SUCCESS);
    expect_errno(t_open_with(&t, t.fd, FOLLOW, "new", MO_OFLAG_TRUNC, WRITE, 0), NOTCAPABLE);
    tree_end(&t);
}

TEST(open_of_a_fifo_does_not_wait)
{
    tree t = tree_with_file();
    must(mkfifoat(t.host, "rw/fifo", 0666) == 0, "mkfifo");
    expect_errno(t_open(&t, RW, "fifo"), SUCCESS);
    expect_u64(opened(&t)->filetype, MO_FILETYPE_UNKNOWN);
    expect(!(opened(&t)->rights & (MO_RIGHT_FD_SEEK | MO_RIGHT_FD_TELL)));
    t_close(&t);
    expect_errno(t_open_with(&t, RW, FOLLOW, "fifo", 0, WRITE, 0), NXIO); /* nobody reads */
    expect_errno(t_open_with(&t, RW, FOLLOW, "fifo", 0, READ | WRITE, 0), SUCCESS);
    expect_errno(t_stat(&t, RW, FOLLOW, "fifo"), SUCCESS);
    expect_errno(t_times(&t, RW, FOLLOW, "fifo", 1, 2, MO_FST_ATIM | MO_FST_MTIM), SUCCESS);
    tree_end(&t);
}

TEST(open_of_a_socket_and_devices)
{
    tree t = tree_with_file();
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%.80s/rw/socket", t.at);
    must(s >= 0 && bind(s, (struct sockaddr *)&name, sizeof name) == 0, "socket");
    expect_errno(t_open(&t, RW, "socket"), NXIO);
    close(s);
    mote_error err = {0};
    require(mote_wasi_preopen(t.wasi, "/dev", "/dev", MOTE_WASI_READ_WRITE, &err) == MOTE_OK);
    expect_errno(t_open_with(&t, RO + 1, FOLLOW, "null", 0, READ | WRITE, 0), SUCCESS);
    expect_u64(opened(&t)->filetype, MO_FILETYPE_CHARACTER_DEVICE);
    if (mknodat(t.host, "rw/disk", S_IFBLK | 0666, makedev(7, 250)) == 0) {
        mo_errno e = t_open(&t, RW, "disk");
        expect(e == MO_E_PERM || e == MO_E_NXIO || e == MO_E_ACCES || e == MO_E_NODEV);
    }
    tree_end(&t);
}

TEST(open_checks_its_pointers_before_it_acts)
{
    tree t = tree_with_file();
    const mote_raw new = raw(give(&t, AT_PATH, "new", 3)), creat = raw(MO_OFLAG_CREAT);
    const mote_raw at = raw(AT_PATH), out = raw(MEMORY_LEN - 2);
#define OPEN(path, len, ret) \
    mo_wasi_path_open(&t.c, ARGS(raw(RW), raw(FOLLOW), path, len, creat, raw(READ), raw(0), raw(0), ret))
    expect_errno(OPEN(out, new, raw(AT_RET)), FAULT);
    expect_errno(OPEN(at, new, out), FAULT);
    expect_errno(OPEN(at, new, raw(UINT32_MAX)), FAULT);
    expect_errno(OPEN(at, raw(UINT32_MAX), raw(AT_RET)), FAULT);
    expect(!exists(&t, "rw/new"));
    t.c.memory = NULL;
    expect_errno(OPEN(at, new, raw(AT_RET)), FAULT);
    tree_end(&t);
}

/* --- names ------------------------------------------------------------------------ */

TEST(bad_names_are_refused_by_every_function)
{
    tree t = tree_with_file();
    char *long_name = calloc(1, 5001);
    const struct { const char *bytes; size_t len; mo_errno err; } bad[] = {
        {"", 0, MO_E_NOENT},
        {"f\0x", 3, MO_E_INVAL},
        {"\0", 1, MO_E_INVAL},
        {"\xff\xfe", 2, MO_E_ILSEQ},
        {"dir/\xed\xa0\x80", 7, MO_E_ILSEQ},
        {long_name, 300, MO_E_NAMETOOLONG},
        {long_name, 4096, MO_E_NAMETOOLONG},
        {long_name, 5000, MO_E_NAMETOOLONG},
    };
    memset(long_name, 'a', 5000);
    for (size_t i = 0; i < MO_COUNT(bad); i++) {
        const mote_raw at = raw(AT_PATH), len = raw(give(&t, AT_PATH, bad[i].bytes, bad[i].len)), fd = raw(RW);
        const mote_raw ok = raw(AT_PATH2), ok_len = raw(give(&t, AT_PATH2, "ok", 2)), zero = raw(0);
        const mote_raw f = raw(AT_BUF), f_len = raw(give(&t, AT_BUF, "f", 1)), ret = raw(AT_RET);
        const mo_errno answers[] = {
            mo_wasi_path_open(&t.c, ARGS(fd, zero, at, len, zero, raw(READ), zero, zero, ret)),
            mo_wasi_path_open(&t.c, ARGS(fd, zero, at, len, raw(MO_OFLAG_CREAT), raw(READ), zero, zero, ret)),
            mo_wasi_path_create_directory(&t.c, ARGS(fd, at, len)),
            mo_wasi_path_remove_directory(&t.c, ARGS(fd, at, len)),
            mo_wasi_path_unlink_file(&t.c, ARGS(fd, at, len)),
            mo_wasi_path_filestat_get(&t.c, ARGS(fd, zero, at, len, ret)),
            mo_wasi_path_filestat_set_times(&t.c, ARGS(fd, zero, at, len, zero, zero, zero)),
            mo_wasi_path_readlink(&t.c, ARGS(fd, at, len, ok, raw(10), ret)),
            mo_wasi_path_rename(&t.c, ARGS(fd, at, len, fd, ok, ok_len)),
            mo_wasi_path_rename(&t.c, ARGS(fd, f, f_len, fd, at, len)),
            mo_wasi_path_link(&t.c, ARGS(fd, zero, at, len, fd, ok, ok_len)),
            mo_wasi_path_link(&t.c, ARGS(fd, zero, f, f_len, fd, at, len)),
            mo_wasi_path_symlink(&t.c, ARGS(f, f_len, fd, at, len)),
        };
        for (size_t k = 0; k < MO_COUNT(answers); k++)
            if (!expect_u64(answers[k], bad[i].err)) fprintf(stderr, "    name %zu, function %zu\n", i, k);
    }
    free(long_name);
    expect(!exists(&t, "rw/ok") && exists(&t, "rw/f"));
    tree_end(&t);
}

TEST(every_function_wants_an_open_folder_with_the_right)
{
    tree t = tree_with_file();
    must(t_open(&t, RW, "f") == 0, "open");
    const struct { uint32_t fd; mo_errno err; } bad[] = {
        {99, MO_E_BADF}, {UINT32_MAX, MO_E_BADF}, {1, MO_E_NOTDIR}, {t.fd, MO_E_NOTDIR}, {RW2, MO_E_NOTCAPABLE},
    };
    char text[8];
    t.wasi->descs[RW2].rights = 0;
    for (size_t i = 0; i < MO_COUNT(bad); i++) {
        uint32_t fd = bad[i].fd;
        const mo_errno answers[] = {
            t_open(&t, fd, "f"), t_mkdir(&t, fd, "d"), t_rmdir(&t, fd, "dir"), t_unlink(&t, fd, "f"),
            t_rename(&t, fd, "f", RW, "g"), t_rename(&t, RW, "f", fd, "g"), t_link(&t, fd, "f", RW, "g"),
            t_link(&t, RW, "f", fd, "g"), t_symlink(&t, "f", fd, "s"), t_readlink(&t, fd, "lf", text, 1),
            t_stat(&t, fd, 0, "f"), t_times(&t, fd, 0, "f", 0, 0, 0),
        };
        for (size_t k = 0; k < MO_COUNT(answers); k++)
            if (!expect_u64(answers[k], bad[i].err)) fprintf(stderr, "    fd %" PRIu32 ", function %zu\n", fd, k);
    }
    tree_end(&t);
}

TEST(names_with_dots_and_slashes_inside_of_the_folder_work)
{
    tree t = tree_with_file();
    expect_errno(t_open(&t, RW, "./f"), SUCCESS);
    expect_errno(t_open(&t, RW, ".//dir///x"), SUCCESS);
    expect_errno(t_open(&t, RW, "dir/../f"), SUCCESS);
    expect_errno(t_open(&t, RW, "dir/.././dir/x"), SUCCESS);
    expect_errno(t_open(&t, RW, "no/../f"), NOENT);
    expect_errno(t_mkdir(&t, RW, "dir/../d2"), SUCCESS);
    expect_errno(t_rename(&t, RW, "dir/./x", RW, "./d2//x"), SUCCESS);
    expect(exists(&t, "rw/d2/x"));
    expect_errno(t_unlink(&t, RW, "ld/../d2/x"), SUCCESS);
    expect_errno(t_open(&t, RW, "h\xc3\xa9"), NOENT); /* UTF-8 is fine */
    tree_end(&t);
}

/* --- path_create_directory, path_remove_directory, path_unlink_file ------------------ */

TEST(folders_are_made_and_removed)
{
    tree t = tree_with_file();
    expect_errno(t_mkdir(&t, RW, "d1"), SUCCESS);
    expect_errno(t_mkdir(&t, RW, "d2/"), SUCCESS);
    expect_errno(t_mkdir(&t, RW, "d3//"), SUCCESS);
    expect_errno(t_mkdir(&t, RW, "ld/d4"), SUCCESS);
    expect_errno(t_mkdir(&t, RW, "d1"), EXIST);
    expect_errno(t_mkdir(&t, RW, "f"), EXIST);
    expect_errno(t_mkdir(&t, RW, "dangling"), EXIST);
    expect_errno(t_mkdir(&t, RW, "."), EXIST);
    expect_errno(t_mkdir(&t, RW, "dir/.."), EXIST);
    expect_errno(t_mkdir(&t, RW, "no/."), NOENT);
    expect_errno(t_mkdir(&t, RW, "no/d"), NOENT);
    expect_errno(t_mkdir(&t, RW, "f/d"), NOTDIR);
    expect_errno(t_mkdir(&t, RW, "loop/d"), LOOP);
    expect_errno(t_rmdir(&t, RW, "d1"), SUCCESS);
    expect_errno(t_rmdir(&t, RW, "d2//"), SUCCESS);
    expect_errno(t_rmdir(&t, RW, "d1"), NOENT);
    expect_errno(t_rmdir(&t, RW, "dir"), NOTEMPTY);
    expect_errno(t_rmdir(&t, RW, "f"), NOTDIR);
    expect_errno(t_rmdir(&t, RW, "f/"), NOTDIR);
    expect_errno(t_rmdir(&t, RW, "ld"), NOTDIR);
    expect_errno(t_rmdir(&t, RW, "ld/"), NOTDIR);
    expect_errno(t_rmdir(&t, RW, "."), INVAL);
    expect_errno(t_rmdir(&t, RW, "dir/.."), INVAL);
    expect(exists(&t, "rw/d3") && exists(&t, "rw/dir/d4") && !exists(&t, "rw/d2"));
    tree_end(&t);
}

TEST(files_are_unlinked)
{
    tree t = tree_with_file();
    expect_errno(t_unlink(&t, RW, "dir"), ISDIR);
    expect_errno(t_unlink(&t, RW, "dir/"), ISDIR);
    expect_errno(t_unlink(&t, RW, "f/"), NOTDIR);
    expect_errno(t_unlink(&t, RW, "lf/"), NOTDIR);
    expect_errno(t_unlink(&t, RW, "ld/"), NOTDIR);
    expect_errno(t_unlink(&t, RW, "no/"), NOENT);
    expect_errno(t_unlink(&t, RW, "no"), NOENT);
    expect_errno(t_unlink(&t, RW, "."), ISDIR);
    expect_errno(t_unlink(&t, RW, "dir/.."), ISDIR);
    expect_errno(t_unlink(&t, RW, "f/x"), NOTDIR);
    expect(exists(&t, "rw/f") && exists(&t, "rw/lf") && exists(&t, "rw/ld"));
    expect_errno(t_unlink(&t, RW, "lf"), SUCCESS);
    expect_errno(t_unlink(&t, RW, "ld"), SUCCESS);
    expect_errno(t_unlink(&t, RW, "dangling"), SUCCESS);
    expect_errno(t_unlink(&t, RW, "loop"), SUCCESS);
    expect(exists(&t, "rw/f") && exists(&t, "rw/dir") && !exists(&t, "rw/lf") && !exists(&t, "rw/ld"));
    expect_errno(t_unlink(&t, RW, "f"), SUCCESS);
    tree_end(&t);
}

/* --- path_rename ------------------------------------------------------------------ */

TEST(rename_moves_and_replaces)
{
    tree t = tree_with_file();
    put(&t, "rw/other", "other");
    folder(&t, "rw/empty");
    expect_errno(t_rename(&t, RW, "f", RW, "other"), SUCCESS);
    expect(holds(&t, "rw/other", "hello") && !exists(&t, "rw/f"));
    expect_errno(t_rename(&t, RW, "other", RW2, "f"), SUCCESS);
    expect(holds(&t, "rw2/f", "hello"));
    expect_errno(t_rename(&t, RW2, "f", RW2, "f"), SUCCESS);
    expect_errno(t_rename(&t, RW, "dir", RW, "empty"), SUCCESS);
    expect(exists(&t, "rw/empty/x") && !exists(&t, "rw/dir"));
    expect_errno(t_rename(&t, RW, "empty/", RW, "dir/"), SUCCESS);
    expect_errno(t_rename(&t, RW, "lf", RW, "lf2"), SUCCESS); /* the link, not what it names */
    expect(exists(&t, "rw/lf2") && !exists(&t, "rw/lf"));
    tree_end(&t);
}

TEST(rename_fails_as_the_system_says)
{
    tree t = tree_with_file();
    expect_errno(t_rename(&t, RW, "no", RW, "g"), NOENT);
    expect_errno(t_rename(&t, RW, "f", RW, "no/g"), NOENT);
    expect_errno(t_rename(&t, RW, "f", RW, "dir"), ISDIR);
    expect_errno(t_rename(&t, RW, "dir", RW, "f"), NOTDIR);
    expect_errno(t_rename(&t, RW, "dir", RW, "dir/sub"), INVAL);
    expect_errno(t_rename(&t, RW, "f/", RW, "g"), NOTDIR);
    expect_errno(t_rename(&t, RW, "f", RW, "g/"), NOTDIR);
    expect_errno(t_rename(&t, RW, "f", RW, "dir/"), NOTDIR);
    expect_errno(t_rename(&t, RW, "ld/", RW, "g"), NOTDIR);
    expect_errno(t_rename(&t, RW, ".", RW, "g"), BUSY);
    expect_errno(t_rename(&t, RW, "dir/..", RW, "g"), BUSY);
    expect_errno(t_rename(&t, RW, "f", RW, "."), BUSY);
    expect_errno(t_rename(&t, RW, "f", RW, "dir/."), BUSY);
    expect(holds(&t, "rw/f", "hello") && exists(&t, "rw/dir/x") && !exists(&t, "rw/g"));
    tree_end(&t);
}

/* --- path_link, path_symlink, path_readlink -------------------------------------------- */

TEST(hard_links)
{
    tree t = tree_with_file();
    expect_errno(t_link(&t, RW, "f", RW, "h"), SUCCESS);
    expect_errno(t_link(&t, RW, "f", RW2, "h"), SUCCESS);
    expect(holds(&t, "rw2/h", "hello"));
    expect_errno(t_stat(&t, RW, 0, "f"), SUCCESS);
    expect_u64(stat_field(&t, MO_FILESTAT_NLINK), 3);
    expect_errno(t_link(&t, RW, "lf", RW, "hl"), SUCCESS); /* the link, not what it names */
    expect_errno(t_stat(&t, RW, 0, "hl"), SUCCESS);
    expect_u64(stat_type(&t), MO_FILETYPE_SYMBOLIC_LINK);
    expect_errno(t_link(&t, RW, "f", RW, "h"), EXIST);
    expect_errno(t_link(&t, RW, "f", RW, "."), EXIST);
    expect_errno(t_link(&t, RW, "f", RW, "h/"), EXIST);
    expect_errno(t_link(&t, RW, "f", RW, "new/"), NOENT);
    expect_errno(t_link(&t, RW, "f", RW, "no/h"), NOENT);
    expect_errno(t_link(&t, RW, "no", RW, "h2"), NOENT);
    expect_errno(t_link(&t, RW, "dir", RW, "h2"), PERM);
    expect_errno(t_link(&t, RW, "dir/", RW, "h2"), PERM);
    expect_errno(t_link(&t, RW, ".", RW, "h2"), PERM);
    expect_errno(t_link(&t, RW, "f/", RW, "h2"), NOTDIR);
    const mote_raw follow[] = {raw(RW), raw(FOLLOW), PATH1(&t, "lf"), raw(RW), PATH2(&t, "h2")};
    expect_errno(mo_wasi_path_link(&t.c, follow), INVAL);
    expect(!exists(&t, "rw/h2") && !exists(&t, "rw/new"));
    tree_end(&t);
}

TEST(symbolic_links_are_written_and_read)
{
    tree t = tree_with_file();
    char text[64];
    expect_errno(t_symlink(&t, "dir/x", RW, "s"), SUCCESS);
    expect_errno(t_readlink(&t, RW, "s", text, 60), SUCCESS);
    expect_text(text, "dir/x");
    expect_errno(t_readlink(&t, RW, "s", text, 3), SUCCESS);
    expect_text(text, "dir");
    expect_errno(t_readlink(&t, RW, "s", text, 0), SUCCESS);
    expect_text(text, "");
    expect_errno(t_open(&t, RW, "s"), SUCCESS);
    expect_errno(t_readlink(&t, RW, "f", text, 60), INVAL);
    expect_errno(t_readlink(&t, RW, "dir", text, 60), INVAL);
    expect_errno(t_readlink(&t, RW, ".", text, 60), INVAL);
    expect_errno(t_readlink(&t, RW, "ld/", text, 60), INVAL);
    expect_errno(t_readlink(&t, RW, "s/", text, 60), NOTDIR);
    expect_errno(t_readlink(&t, RW, "no", text, 60), NOENT);
    expect_errno(t_symlink(&t, "f", RW, "s"), EXIST);
    expect_errno(t_symlink(&t, "f", RW, "dir/"), EXIST);
    expect_errno(t_symlink(&t, "f", RW, "."), EXIST);
    expect_errno(t_symlink(&t, "f", RW, "s2/"), NOENT);
    expect_errno(t_symlink(&t, "f", RW, "no/s2"), NOENT);
    expect_errno(t_symlink(&t, "", RW, "s2"), NOENT);
    expect_errno(t_symlink(&t, "\xff", RW, "s2"), ILSEQ);
    expect(!exists(&t, "rw/s2"));
    tree_end(&t);
}

TEST(links_check_their_pointers)
{
    tree t = tree_with_file();
    const mote_raw out = raw(MEMORY_LEN - 1), fd = raw(RW);
    expect_errno(mo_wasi_path_readlink(&t.c, ARGS(fd, PATH1(&t, "lf"), out, raw(2), raw(AT_RET))), FAULT);
    expect_errno(mo_wasi_path_readlink(&t.c, ARGS(fd, PATH1(&t, "lf"), raw(AT_BUF), raw(2), out)), FAULT);
    expect_errno(mo_wasi_path_readlink(&t.c, ARGS(fd, out, raw(2), raw(AT_BUF), raw(2), raw(AT_RET))), FAULT);
    expect_errno(mo_wasi_path_symlink(&t.c, ARGS(out, raw(2), fd, PATH1(&t, "s"))), FAULT);
    expect_errno(mo_wasi_path_symlink(&t.c, ARGS(PATH2(&t, "f"), fd, out, raw(2))), FAULT);
    expect_errno(mo_wasi_path_link(&t.c, ARGS(fd, raw(0), PATH1(&t, "f"), fd, out, raw(9))), FAULT);
    expect_errno(mo_wasi_path_rename(&t.c, ARGS(fd, PATH1(&t, "f"), fd, out, raw(9))), FAULT);
    expect_errno(mo_wasi_path_filestat_get(&t.c, ARGS(fd, raw(0), PATH1(&t, "f"), out)), FAULT);
    expect(!exists(&t, "rw/s") && exists(&t, "rw/f"));
    tree_end(&t);
}

/* --- path_filestat_get, path_filestat_set_times ---------------------------------------- */

TEST(stat_tells_what_is_there)
{
    tree t = tree_with_file();
    struct stat st;
    expect_errno(t_stat(&t, RW, FOLLOW, "f"), SUCCESS);
    must(fstatat(t.host, "rw/f", &st, 0) == 0, "stat");
    expect_u64(stat_field(&t, MO_FILESTAT_INO), st.st_ino);
    expect_u64(stat_field(&t, MO_FILESTAT_DEV), st.st_dev);
    expect_u64(stat_field(&t, MO_FILESTAT_LEN), 5);
    expect_u64(stat_type(&t), MO_FILETYPE_REGULAR_FILE);
    expect_errno(t_stat(&t, RW, FOLLOW, "lf"), SUCCESS);
    expect_u64(stat_field(&t, MO_FILESTAT_INO), st.st_ino);
    expect_errno(t_stat(&t, RW, 0, "lf"), SUCCESS);
    expect_u64(stat_type(&t), MO_FILETYPE_SYMBOLIC_LINK);
    expect_errno(t_stat(&t, RW, 0, "ld/"), SUCCESS);
    expect_u64(stat_type(&t), MO_FILETYPE_DIRECTORY);
    expect_errno(t_stat(&t, RW, 0, "."), SUCCESS);
    expect_u64(stat_type(&t), MO_FILETYPE_DIRECTORY);
    expect_errno(t_stat(&t, RW, 0, "loop"), SUCCESS);
    expect_errno(t_stat(&t, RW, FOLLOW, "loop"), LOOP);
    expect_errno(t_stat(&t, RW, FOLLOW, "dangling"), NOENT);
    expect_errno(t_stat(&t, RW, FOLLOW, "f/"), NOTDIR);
    expect_errno(t_stat(&t, RW, FOLLOW, "f/x"), NOTDIR);
    expect_errno(t_stat(&t, RW, 2, "f"), INVAL);
    tree_end(&t);
}

#define S UINT64_C(1000000000)

TEST(times_are_set_to_the_nanosecond)
{
    tree t = tree_with_file();
    const uint32_t both = MO_FST_ATIM | MO_FST_MTIM;
    expect_errno(t_times(&t, RW, FOLLOW, "lf", 7 * S + 1, 8 * S + 999999999, both), SUCCESS);
    expect_errno(t_stat(&t, RW, 0, "f"), SUCCESS);
    expect_u64(stat_field(&t, MO_FILESTAT_ATIM), 7 * S + 1);
    expect_u64(stat_field(&t, MO_FILESTAT_MTIM), 8 * S + 999999999);
    expect_errno(t_times(&t, RW, 0, "lf", 9 * S, 9 * S, both), SUCCESS); /* the link's own */
    expect_errno(t_times(&t, RW, FOLLOW, "f", 1, 10 * S, MO_FST_MTIM), SUCCESS);
    expect_errno(t_times(&t, RW, FOLLOW, "f", 1, 1, 0), SUCCESS);
    expect_errno(t_stat(&t, RW, 0, "f"), SUCCESS);
    expect_u64(stat_field(&t, MO_FILESTAT_ATIM), 7 * S + 1);
    expect_u64(stat_field(&t, MO_FILESTAT_MTIM), 10 * S);
    expect_errno(t_times(&t, RW, FOLLOW, "f", 0, 0, MO_FST_MTIM_NOW), SUCCESS);
    expect_errno(t_stat(&t, RW, 0, "f"), SUCCESS);
    expect(stat_field(&t, MO_FILESTAT_MTIM) > 1000000 * S);
    expect_errno(t_times(&t, RW, FOLLOW, "f", 0, 0, MO_FST_MTIM | MO_FST_MTIM_NOW), INVAL);
    expect_errno(t_times(&t, RW, FOLLOW, "f", 0, 0, MO_FST_ATIM | MO_FST_ATIM_NOW), INVAL);
    expect_errno(t_times(&t, RW, FOLLOW, "f", 0, 0, 16), INVAL);
    expect_errno(t_times(&t, RW, 2, "f", 0, 0, both), INVAL);
    expect_errno(t_times(&t, RW, FOLLOW, "f/", 0, 0, both), NOTDIR);
    expect_errno(t_times(&t, RW, FOLLOW, "no", 0, 0, both), NOENT);
    expect_errno(t_times(&t, RW, FOLLOW, "loop", 0, 0, both), LOOP);
    tree_end(&t);
}

/* --- other file systems within --------------------------------------------------------- */

enum { AS_IT_SHOULD = 0, WRONG = 1, NO_MOUNT = 2 };

/* rw/small has room for three names. */
static void fill_a_small_disk(tree *t)
{
    mo_errno e = MO_E_SUCCESS;
    char name[32];
    put(t, "rw/f", "hello");
    expect_errno(t_open_with(t, RW, FOLLOW, "small/f", MO_OFLAG_CREAT, WRITE, 0), SUCCESS);
    expect_errno(t_rename(t, RW, "f", RW, "small/g"), XDEV);
    expect_errno(t_rename(t, RW, "small/f", RW, "g"), XDEV);
    expect_errno(t_link(t, RW, "f", RW, "small/g"), XDEV);
    expect_errno(t_rmdir(t, RW, "small"), BUSY);
    expect_errno(t_open(t, RW, "small/../../out/secret"), PERM);
    for (int i = 0; i < 8 && !e; i++) {
        snprintf(name, sizeof name, "small/%d", i);
        e = t_mkdir(t, RW, name);
    }
    expect_u64(e, MO_E_NOSPC);
    expect_errno(t_open_with(t, RW, FOLLOW, "small/new", MO_OFLAG_CREAT, WRITE, 0), NOSPC);
    expect_errno(t_symlink(t, "f", RW, "small/s"), NOSPC);
    expect(holds(t, "rw/f", "hello") && !exists(t, "rw/small/new"));
    t_close(t);
}

/* In a child, whose mounts are its own. */
static int mount_within(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) return NO_MOUNT;
    tree t = tree_new();
    folder(&t, "rw/small");
    bool mounted = !mount("small", tree_path(&t, "rw/small"), "tmpfs", 0, "size=64k,nr_inodes=4");
    if (mounted) {
        fill_a_small_disk(&t);
        must(umount2(tree_path(&t, "rw/small"), MNT_DETACH) == 0, "umount");
    }
    tree_end(&t);
    return !mounted ? NO_MOUNT : tests.failures ? WRONG : AS_IT_SHOULD;
}

TEST(mounts_within_a_folder_belong_to_it_and_may_be_full)
{
    int status = 0;
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) _exit(mount_within());
    must(waitpid(pid, &status, 0) == pid, "waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MOUNT) skip("no mounts of our own: this needs root");
    expect_u64(status, AS_IT_SHOULD);
}
