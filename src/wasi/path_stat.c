/* path_stat.c - what is known of a file by its name, and its timestamps. The file is opened
 * with O_PATH, which neither waits nor wakes a device. */
#include "wasi/guest.h"
#include "wasi/path.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* args: fd, lookup, path, path_len. The system's descriptor, or < 0 and *err. */
static int find(mo_wasi_call *c, uint64_t rights, const mote_raw *args, mo_errno *err)
{
    mo_path path;
    const mo_desc *folder = mo_path_folder(c, args[0].u32, rights, err);
    if (!folder)
        return -1;
    *err = args[1].u32 & ~(uint32_t)MO_LOOKUP_SYMLINK_FOLLOW ? MO_E_INVAL
                                                             : mo_path_take(c, args[2].u32, args[3].u32, &path);
    if (*err)
        return -1;
    int host = mo_path_open(c, folder, path.text, O_PATH | (args[1].u32 ? 0 : O_NOFOLLOW), 0);
    if (host < 0)
        *err = mo_path_errno(-host);
    return host;
}

mo_errno mo_path_stat(mo_wasi_call *c, const mote_raw *args, struct stat *ret)
{
    mo_errno err;
    int host = find(c, MO_RIGHT_PATH_FILESTAT_GET, args, &err);
    if (host < 0)
        return err;
    err = mo_path_done(fstat(host, ret));
    close(host);
    return err;
}

mo_errno mo_wasi_path_filestat_get(mo_wasi_call *c, const mote_raw *args)
{
    struct stat st;
    mo_errno err = mo_path_stat(c, args, &st);
    if (err)
        return err;
    uint8_t *to = mo_guest_write(c, args[4].u32, MO_FILESTAT_SIZE);
    if (!to)
        return MO_E_FAULT;
    mo_file_put_stat(&st, to);
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_path_filestat_set_times(mo_wasi_call *c, const mote_raw *args)
{
    struct timespec times[2];
    mo_errno err;
    int host = find(c, MO_RIGHT_PATH_FILESTAT_SET_TIMES, args, &err);
    if (host < 0)
        return err;
    err = mo_file_times(c, args[4].u64, args[5].u64, args[6].u32, times);
    if (!err)
        err = mo_path_done(utimensat(host, "", times, AT_EMPTY_PATH));
    close(host);
    return err;
}
