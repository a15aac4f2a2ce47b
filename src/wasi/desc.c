/* desc.c - the guest's descriptors: what each number is and may be used for. */
#include "wasi/wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* --- the table ------------------------------------------------------------------ */

mo_desc *mo_wasi_take(mote_wasi *wasi, uint32_t fd, uint64_t rights, mo_errno *err)
{
    mo_desc *d = fd < wasi->ndescs ? &wasi->descs[fd] : NULL;
    if (mo_unlikely(!d || d->kind == MO_DESC_FREE)) {
        *err = MO_E_BADF;
        return NULL;
    }
    if (mo_unlikely(rights & ~d->rights)) {
        *err = MO_E_NOTCAPABLE;
        return NULL;
    }
    return d;
}

static size_t first_free(const mote_wasi *wasi, size_t from)
{
    while (from < wasi->ndescs && wasi->descs[from].kind != MO_DESC_FREE)
        from++;
    return from;
}

bool mo_wasi_add(mote_wasi *wasi, uint32_t from, const mo_desc *d, uint32_t *retfd)
{
    bool from_lowest = from <= wasi->lowest;
    size_t fd = first_free(wasi, from_lowest ? wasi->lowest : from);
    if (fd > INT32_MAX || !mo_grow(&wasi->descs, &wasi->cap, fd + 1, sizeof *wasi->descs))
        return false;
    while (wasi->ndescs <= fd)
        wasi->descs[wasi->ndescs++] = (mo_desc){.kind = MO_DESC_FREE};
    wasi->descs[fd] = *d;
    if (from_lowest)
        wasi->lowest = fd + 1;
    *retfd = (uint32_t)fd;
    return true;
}

/* ext4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ramfs, squashfs, EROFS, ZFS. */
bool mo_desc_is_local(int host)
{
    static const uint32_t kinds[] = {0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630,
                                     0xf2f52010, 0x858458f6, 0x73717368, 0xe0f5e1e2, 0x2fc12fc1};
    struct statfs fs;
    if (fstatfs(host, &fs) != 0)
        return false;
    for (size_t i = 0; i < MO_COUNT(kinds); i++)
        if ((uint32_t)fs.f_type == kinds[i])
            return true;
    return false;
}

/* After an error of close() the descriptor is closed all the same, as on Linux. */
mo_errno mo_wasi_drop(mote_wasi *wasi, mo_desc *d)
{
    mo_desc old = *d;
    mo_errno result = MO_E_SUCCESS;
    *d = (mo_desc){.kind = MO_DESC_FREE};
    if ((size_t)(d - wasi->descs) < wasi->lowest)
        wasi->lowest = (size_t)(d - wasi->descs);
    if (old.kind == MO_DESC_STREAM && old.stream.close)
        old.stream.close(old.stream.data);
    if (old.owned && old.host >= 0 && close(old.host) != 0 && errno != EINTR)
        result = mo_wasi_errno(errno);
    mo_folder_forget(old.cookies);
    mo_free(old.preopen);
    return result;
}

/* --- what a descriptor of the host's is ------------------------------------------- */

#define RIGHTS_BYTES                                                                                 \
    (MO_RIGHT_FD_READ | MO_RIGHT_FD_WRITE | MO_RIGHT_FD_FDSTAT_SET_FLAGS | MO_RIGHT_FD_FILESTAT_GET | \
     MO_RIGHT_POLL_FD_READWRITE)
#define RIGHTS_FILE                                                                                       \
    (RIGHTS_BYTES | MO_RIGHT_FD_DATASYNC | MO_RIGHT_FD_SYNC | MO_RIGHT_FD_SEEK | MO_RIGHT_FD_TELL |       \
     MO_RIGHT_FD_ADVISE | MO_RIGHT_FD_ALLOCATE | MO_RIGHT_FD_FILESTAT_SET_SIZE | MO_RIGHT_FD_FILESTAT_SET_TIMES)

/* A terminal is told from other devices by having no offset. */
static uint64_t rights_of(int host, uint32_t mode)
{
    if (S_ISDIR(mode))
        return MO_RIGHTS_ALL;
    if (S_ISSOCK(mode))
        return RIGHTS_BYTES | MO_RIGHT_SOCK_SHUTDOWN | MO_RIGHT_SOCK_ACCEPT;
    if (S_ISFIFO(mode) || (S_ISCHR(mode) && isatty(host)))
        return RIGHTS_BYTES;
    return RIGHTS_FILE;
}

static uint8_t socket_type(int host)
{
    int type = SOCK_STREAM;
    socklen_t len = sizeof type;
    getsockopt(host, SOL_SOCKET, SO_TYPE, &type, &len);
    return type == SOCK_DGRAM ? MO_FILETYPE_SOCKET_DGRAM : MO_FILETYPE_SOCKET_STREAM;
}

/* Of the memory devices (major 1) those that always have bytes, or room: random waits
 * for entropy. */
bool mo_desc_is_ready(const struct stat *st)
{
    enum { DEV_NULL = 3, ZERO = 5, FULL = 7, URANDOM = 9 };
    unsigned minor_of = minor(st->st_rdev);
    if (!S_ISCHR(st->st_mode))
        return S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
    return major(st->st_rdev) == 1 &&
           (minor_of == DEV_NULL || minor_of == ZERO || minor_of == FULL || minor_of == URANDOM);
}

mo_errno mo_desc_of(int host, mo_desc *ret)
{
    struct stat st;
    int flags = fcntl(host, F_GETFL);
    if (flags < 0 || fstat(host, &st) != 0)
        return mo_wasi_errno(errno);
    *ret = (mo_desc){
        .kind = S_ISDIR(st.st_mode) ? MO_DESC_FOLDER : S_ISSOCK(st.st_mode) ? MO_DESC_SOCKET : MO_DESC_HOST,
        .filetype = S_ISSOCK(st.st_mode) ? socket_type(host) : mo_file_type(st.st_mode),
        .flags = flags & O_APPEND ? MO_FDFLAG_APPEND : 0,
        .ready = mo_desc_is_ready(&st),
        .host = host,
        .rights = rights_of(host, st.st_mode),
        .inheriting = S_ISDIR(st.st_mode) ? MO_RIGHTS_ALL : 0,
    };
    if (!S_ISDIR(st.st_mode) && (flags & O_ACCMODE) == O_RDONLY)
        ret->rights &= ~(uint64_t)MO_RIGHTS_WRITING;
    if (!S_ISDIR(st.st_mode) && (flags & O_ACCMODE) == O_WRONLY)
        ret->rights &= ~(uint64_t)MO_RIGHT_FD_READ;
    return MO_E_SUCCESS;
}
