/* path_link.c - hard links and symbolic links.
 * A symbolic link holds text, which is looked at when somebody follows it; so a guest may
 * write one that leaves its folder, and follow it nowhere. Absolute texts are the host's
 * paths: a guest neither writes nor reads them. */
#include "wasi/guest.h"
#include "wasi/path.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* --- hard links -------------------------------------------------------------------- */

/* A slash after a name would have to be a folder's, which cannot be linked. */
static mo_errno link_places(const mo_path_place *from, const mo_path_place *to)
{
    if (from->slash)
        return mo_path_with_slash(from, MO_E_PERM);
    if (to->slash)
        return mo_path_is_new(to);
    return mo_path_done(linkat(from->parent, from->name, to->parent, to->name, 0));
}

mo_errno mo_wasi_path_link(mo_wasi_call *c, const mote_raw *args)
{
    mo_path path, to_path;
    mo_path_place from, to;
    mo_errno err = mo_path_may_move(c, args[0].u32, MO_RIGHT_PATH_LINK_SOURCE, args[4].u32,
                                    MO_RIGHT_PATH_LINK_TARGET);
    if (err)
        return err;
    if (args[1].u32)
        return MO_E_INVAL; /* following: no call links a file that was looked up safely */
    err = mo_path_take_place(c, args[0].u32, MO_RIGHT_PATH_LINK_SOURCE, args[2].u32, args[3].u32, MO_E_PERM, &path,
                             &from);
    if (err)
        return err;
    err = mo_path_take_place(c, args[4].u32, MO_RIGHT_PATH_LINK_TARGET, args[5].u32, args[6].u32, MO_E_EXIST, &to_path,
                             &to);
    if (!err) {
        err = link_places(&from, &to);
        mo_path_leave(&to);
    }
    mo_path_leave(&from);
    return err;
}

/* --- symbolic links ---------------------------------------------------------------- */

static mo_errno take_text(const mo_wasi_call *c, uint32_t at, uint32_t len, mo_path *ret)
{
    mo_errno err = mo_path_take(c, at, len, ret);
    if (err)
        return err;
    return ret->text[0] == '/' ? MO_E_PERM : MO_E_SUCCESS;
}

mo_errno mo_wasi_path_symlink(mo_wasi_call *c, const mote_raw *args)
{
    mo_path text, path;
    mo_path_place place;
    mo_errno err = mo_path_take_place(c, args[2].u32, MO_RIGHT_PATH_SYMLINK, args[3].u32, args[4].u32, MO_E_EXIST,
                                      &path, &place);
    if (err)
        return err;
    err = take_text(c, args[0].u32, args[1].u32, &text);
    if (!err)
        err = place.slash ? mo_path_is_new(&place) : mo_path_done(symlinkat(text.text, place.parent, place.name));
    mo_path_leave(&place);
    return err;
}

/* Reads the link that host is, at most len bytes of it. */
static mo_errno read_link(int host, void *to, size_t len, uint32_t *retlen)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(host, "", text, sizeof text);
    if (n < 0)
        return errno == ENOENT ? MO_E_INVAL : mo_wasi_errno(errno); /* ENOENT: it is no link */
    if (n > 0 && text[0] == '/')
        return MO_E_PERM;
    if ((size_t)n < len)
        len = (size_t)n;
    memcpy(to, text, len);
    *retlen = (uint32_t)len;
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_path_readlink(mo_wasi_call *c, const mote_raw *args)
{
    mo_path path;
    mo_errno err;
    const mo_desc *folder = mo_path_folder(c, args[0].u32, MO_RIGHT_PATH_READLINK, &err);
    if (!folder)
        return err;
    err = mo_path_take(c, args[1].u32, args[2].u32, &path);
    if (err)
        return err;
    void *to = mo_guest_write(c, args[3].u32, args[4].u32);
    void *retlen = mo_guest_write(c, args[5].u32, sizeof(uint32_t));
    if (!to || !retlen)
        return MO_E_FAULT;
    int host = mo_path_open(c, folder, path.text, O_PATH | O_NOFOLLOW, 0);
    if (host < 0)
        return mo_path_errno(-host);
    uint32_t len = 0;
    err = read_link(host, to, args[4].u32, &len);
    close(host);
    if (!err)
        mo_put32(retlen, len);
    return err;
}
