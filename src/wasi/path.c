/* path.c - from a guest's text to files beneath a folder: the only calls of openat2. */
#include "wasi/guest.h"
#include "wasi/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2 gives up where another process renames or mounts while it walks up; so often
 * in a row is no chance. */
#define MAX_TRIES 256

/* --- text ------------------------------------------------------------------------ */

/* Names are short and mostly ASCII: one loop beats three calls. The copy is what counts,
 * for another thread may change the guest's bytes. */
mo_errno mo_path_take(const mo_wasi_call *c, uint32_t at, uint32_t len, mo_path *ret)
{
    const char *from = mo_guest_read(c, at, len);
    unsigned char high = 0;
    bool has_nul = false;
    if (!from)
        return MO_E_FAULT;
    if (len >= sizeof ret->text)
        return MO_E_NAMETOOLONG;
    for (uint32_t i = 0; i < len; i++) {
        char byte = ((const volatile char *)from)[i];
        ret->text[i] = byte;
        high |= (unsigned char)byte;
        has_nul |= byte == 0;
    }
    ret->text[len] = 0;
    ret->len = len;
    if (has_nul)
        return MO_E_INVAL;
    return high < 0x80 || mo_utf8_ok(ret->text, len) ? MO_E_SUCCESS : MO_E_ILSEQ;
}

mo_desc *mo_path_folder(mo_wasi_call *c, uint32_t fd, uint64_t rights, mo_errno *err)
{
    mo_desc *folder = mo_wasi_take(c->wasi, fd, 0, err);
    if (!folder)
        return NULL;
    if (folder->kind != MO_DESC_FOLDER) {
        *err = MO_E_NOTDIR;
        return NULL;
    }
    if ((folder->rights & rights) == rights)
        return folder;
    *err = folder->read_only && (rights & MO_RIGHTS_WRITING) ? MO_E_PERM : MO_E_NOTCAPABLE;
    return NULL;
}

mo_errno mo_path_may_move(mo_wasi_call *c, uint32_t from, uint64_t from_rights, uint32_t to, uint64_t to_rights)
{
    mo_errno err;
    const mo_desc *a = mo_path_folder(c, from, from_rights, &err);
    const mo_desc *b = a ? mo_path_folder(c, to, to_rights, &err) : NULL;
    if (!b)
        return err;
    return b->inheriting & ~a->inheriting ? MO_E_PERM : MO_E_SUCCESS;
}

/* --- beneath ----------------------------------------------------------------------- */

/* Of a guest that is not to wait here only what is in memory and on the folder's own file system is
 * found; names that are made anew are looked up on the disk. */
static bool hurries(const mo_wasi_call *c) { return c && c->wasi->elsewhere && !c->moved; }

int mo_path_open(mo_wasi_call *c, const mo_desc *folder, const char *text, uint64_t flags, uint32_t mode)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    if (hurries(c)) {
        if (mo_wasi_moves_for(c, folder))
            return -EAGAIN;
        how.resolve |= RESOLVE_NO_XDEV | (flags & (O_CREAT | O_TRUNC) ? 0 : RESOLVE_CACHED);
    }
    for (int tries = 0;; tries++) {
        long fd = syscall(SYS_openat2, folder->host, text, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (hurries(c) && (errno == EAGAIN || errno == EXDEV || errno == EINVAL) && mo_wasi_moves(c))
            return -EAGAIN;
        if ((errno != EAGAIN && errno != EINTR) || tries == MAX_TRIES)
            return -errno;
    }
}

mo_errno mo_path_errno(int host_errno)
{
    return host_errno == EXDEV ? MO_E_PERM : mo_wasi_errno(host_errno);
}

mo_errno mo_path_done(int result)
{
    return result == 0 ? MO_E_SUCCESS : mo_wasi_errno(errno);
}

/* --- places ------------------------------------------------------------------------- */

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* dots, if text is inside of the folder. */
static mo_errno refuse_dots(mo_wasi_call *c, const mo_desc *folder, const char *text, mo_errno dots)
{
    int fd = mo_path_open(c, folder, text, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return mo_path_errno(-fd);
    close(fd);
    return dots;
}

/* Cuts the slashes off the end; the text is not empty and does not start with one. */
static bool cut_slashes(mo_path *path)
{
    size_t len = path->len;
    while (path->text[len - 1] == '/') len--;
    path->text[len] = 0;
    return len < path->len;
}

mo_errno mo_path_find(mo_wasi_call *c, const mo_desc *folder, mo_path *path, mo_errno dots, mo_path_place *ret)
{
    if (path->len == 0)
        return MO_E_NOENT;
    if (path->text[0] == '/')
        return MO_E_PERM;
    if (mo_wasi_moves_for(c, folder))
        return MO_E_AGAIN;
    bool slash = cut_slashes(path);
    char *last = strrchr(path->text, '/');
    char *name = last ? last + 1 : path->text;
    if (is_dots(name))
        return refuse_dots(c, folder, path->text, dots);
    *ret = (mo_path_place){.parent = folder->host, .own = last != NULL, .slash = slash, .name = name};
    if (!last)
        return MO_E_SUCCESS;
    *last = 0;
    ret->parent = mo_path_open(c, folder, path->text, O_PATH | O_DIRECTORY, 0);
    return ret->parent < 0 ? mo_path_errno(-ret->parent) : MO_E_SUCCESS;
}

mo_errno mo_path_take_place(mo_wasi_call *c, uint32_t fd, uint64_t rights, uint32_t at, uint32_t len, mo_errno dots,
                            mo_path *path, mo_path_place *ret)
{
    mo_errno err;
    const mo_desc *folder = mo_path_folder(c, fd, rights, &err);
    if (!folder)
        return err;
    err = mo_path_take(c, at, len, path);
    return err ? err : mo_path_find(c, folder, path, dots, ret);
}

void mo_path_leave(mo_path_place *place)
{
    if (place->own)
        close(place->parent);
}

mo_errno mo_path_with_slash(const mo_path_place *place, mo_errno folder)
{
    struct stat st;
    if (fstatat(place->parent, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return mo_wasi_errno(errno);
    return S_ISDIR(st.st_mode) ? folder : MO_E_NOTDIR;
}

mo_errno mo_path_is_new(const mo_path_place *place)
{
    mo_errno err = mo_path_with_slash(place, MO_E_EXIST);
    return err == MO_E_NOTDIR ? MO_E_EXIST : err;
}
