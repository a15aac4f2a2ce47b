/* wasi.def as a whole, and the numbers of types.def. */
#include "wasi/sandbox.h"

#include <errno.h>
#include <poll.h>

TEST(there_are_46_functions_each_once)
{
    expect_u64(MO_COUNT(wasi_rows), 46);
    for (size_t i = 0; i < MO_COUNT(wasi_rows); i++)
        for (size_t k = 0; k < i; k++) expect(strcmp(wasi_rows[i].name, wasi_rows[k].name) != 0);
}

TEST(each_parameter_has_a_name)
{
    static const char *const names[] = {
#define WASI(name, params, args, text) args,
#include "wasi/wasi.def"
    };
    for (size_t i = 0; i < MO_COUNT(wasi_rows); i++) {
        size_t words = names[i][0] != 0;
        for (const char *c = names[i]; *c; c++) words += *c == ' ';
        if (!expect_u64(words, strlen(wasi_rows[i].params))) fprintf(stderr, "    %s\n", wasi_rows[i].name);
    }
}

TEST(each_function_is_offered_under_both_names_with_its_type)
{
    need_compiler();
    for (int old = 0; old < 2; old++) {
        guest g = {0};
        const char *module = old ? "wasi_unstable" : "wasi_snapshot_preview1";
        for (size_t i = 0; i < MO_COUNT(wasi_rows); i++)
            if (!old || strcmp(wasi_rows[i].name, "sock_accept") != 0) import_one(&g, module, wasi_rows[i].name);
        world w = world_before(compiled(&g));
        require(mote_wasi_link(w.linker, &w.err) == MOTE_OK);
        expect(world_go(&w) == MOTE_OK);
        world_end(&w);
    }
}

static int never_waits(void *data, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    (void)data, (void)timeout_ns;
    for (size_t i = 0; i < nfds; i++) fds[i].revents = fds[i].events;
    return (int)nfds;
}

/* With every argument the same wild word, on descriptors that are there and that are
 * not: no crash, no trap, an errno of the table. */
TEST(wild_arguments_get_an_errno)
{
    need_compiler();
    static const uint64_t words[] = {0, 1, 3, 4, 7, 63, 1000, MEMORY - 1, MEMORY, INT32_MAX, 0x80000000u, UINT32_MAX,
                                     INT64_MAX, UINT64_MAX};
    for (size_t word = 0; word < MO_COUNT(words); word++)
        for (uint64_t fd = 0; fd < 5; fd++) {
            sandbox s = sandbox_of(new_wasi());
            mote_wasi_set_wait(s.wasi, never_waits, NULL);
            expect(mote_wasi_preopen(s.wasi, "/proc/self/fdinfo", "/", MOTE_WASI_READ_ONLY, NULL) == MOTE_OK);
            for (size_t i = 0; i < MO_COUNT(wasi_rows); i++) {
                uint64_t args[16];
                for (size_t k = 0; k < MO_COUNT(args); k++) args[k] = words[word];
                if (strstr(wasi_rows[i].name, "proc_")) continue; /* their ends are program.c's */
                if (strncmp(wasi_rows[i].name, "fd_", 3) == 0 || strncmp(wasi_rows[i].name, "path_", 5) == 0)
                    args[0] = fd;
                uint32_t e = sandbox_call(&s, wasi_rows[i].name, args, strlen(wasi_rows[i].params));
                if (!expect(e <= MO_E_NOTCAPABLE))
                    fprintf(stderr, "    %s of 0x%" PRIx64 ": %" PRIu32 ", %s\n", wasi_rows[i].name, words[word], e,
                            s.w.err.message);
            }
            sandbox_end(&s);
        }
}

/* --- errors -------------------------------------------------------------------------- */

TEST(errors_of_the_same_name_are_the_same)
{
#define ERRNO(name, number) expect_u64(mo_wasi_errno(E##name), MO_E_##name);
#define ERRNO_ONLY(name, number)
#include "wasi/types.def"
    expect_u64(mo_wasi_errno(0), MO_E_SUCCESS);
    expect_u64(mo_wasi_errno(EWOULDBLOCK), MO_E_AGAIN);
    expect_u64(mo_wasi_errno(EOPNOTSUPP), MO_E_NOTSUP);
}

TEST(every_other_error_is_one_too)
{
    expect_u64(mo_wasi_errno(ESHUTDOWN), MO_E_PIPE);
    expect_u64(mo_wasi_errno(EKEYREVOKED), MO_E_IO);
    for (int e = -10; e < 5000; e++)
        if (e) expect(mo_wasi_errno(e) > 0 && mo_wasi_errno(e) <= MO_E_NOTCAPABLE);
    expect_u64(mo_wasi_errno(-5), MO_E_IO);
    expect_u64(mo_wasi_errno(INT32_MAX), MO_E_IO);
}

/* The specification's numbers, where a slip of the table would not be seen otherwise. */
TEST(numbers_are_the_specification_s)
{
    static const struct { uint32_t have, want; } numbers[] = {
        {MO_E_2BIG, 1}, {MO_E_INVAL, 28}, {MO_E_XDEV, 75}, {MO_E_NOTCAPABLE, 76},
        {MO_RIGHT_FD_DATASYNC, 1}, {MO_RIGHT_PATH_OPEN, 1 << 13}, {MO_RIGHT_SOCK_ACCEPT, 1 << 29},
        {MO_SIGNAL_CHLD, 16}, {MO_SIGNAL_SYS, 30},
    };
    uint64_t rights = 0;
    for (size_t i = 0; i < MO_COUNT(numbers); i++) expect_u64(numbers[i].have, numbers[i].want);
#define RIGHT(name, bit) rights |= (uint64_t)MO_RIGHT_##name;
#include "wasi/types.def"
    expect_u64(rights, MO_RIGHTS_ALL);
}
