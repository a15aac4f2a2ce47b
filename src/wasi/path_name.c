/* path_name.c - names come, go and move: folders made, files and folders removed, renamed.
 * A symbolic link at the name itself is never followed. */
#include "wasi/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

mo_errno mo_wasi_path_create_directory(mo_wasi_call *c, const mote_raw *args)
{
    mo_path path;
    mo_path_place place;
    mo_errno err = mo_path_take_place(c, args[0].u32, MO_RIGHT_PATH_CREATE_DIRECTORY, args[1].u32, args[2].u32,
                                      MO_E_EXIST, &path, &place);
    if (err)
        return err;
    err = mo_path_done(mkdirat(place.parent, place.name, 0777));
    mo_path_leave(&place);
    return err;
}

mo_errno mo_wasi_path_remove_directory(mo_wasi_call *c, const mote_raw *args)
{
    mo_path path;
    mo_path_place place;
    mo_errno err = mo_path_take_place(c, args[0].u32, MO_RIGHT_PATH_REMOVE_DIRECTORY, args[1].u32, args[2].u32,
                                      MO_E_INVAL, &path, &place);
    if (err)
        return err;
    err = mo_path_done(unlinkat(place.parent, place.name, AT_REMOVEDIR));
    mo_path_leave(&place);
    return err;
}

mo_errno mo_wasi_path_unlink_file(mo_wasi_call *c, const mote_raw *args)
{
    mo_path path;
    mo_path_place place;
    mo_errno err = mo_path_take_place(c, args[0].u32, MO_RIGHT_PATH_UNLINK_FILE, args[1].u32, args[2].u32, MO_E_ISDIR,
                                      &path, &place);
    if (err)
        return err;
    err = place.slash ? mo_path_with_slash(&place, MO_E_ISDIR) : mo_path_done(unlinkat(place.parent, place.name, 0));
    mo_path_leave(&place);
    return err;
}

/* --- renaming ---------------------------------------------------------------------- */

/* A slash after either name: only a folder is renamed so. */
static mo_errno move(const mo_path_place *from, const mo_path_place *to)
{
    if (from->slash || to->slash) {
        mo_errno err = mo_path_with_slash(from, MO_E_SUCCESS);
        if (err)
            return err;
    }
    return mo_path_done(renameat(from->parent, from->name, to->parent, to->name));
}

mo_errno mo_wasi_path_rename(mo_wasi_call *c, const mote_raw *args)
{
    mo_path path, to_path;
    mo_path_place from, to;
    mo_errno err = mo_path_may_move(c, args[0].u32, MO_RIGHT_PATH_RENAME_SOURCE, args[3].u32,
                                    MO_RIGHT_PATH_RENAME_TARGET);
    if (err)
        return err;
    err = mo_path_take_place(c, args[0].u32, MO_RIGHT_PATH_RENAME_SOURCE, args[1].u32, args[2].u32, MO_E_BUSY, &path,
                             &from);
    if (err)
        return err;
    err = mo_path_take_place(c, args[3].u32, MO_RIGHT_PATH_RENAME_TARGET, args[4].u32, args[5].u32, MO_E_BUSY, &to_path,
                             &to);
    if (!err) {
        err = move(&from, &to);
        mo_path_leave(&to);
    }
    mo_path_leave(&from);
    return err;
}
