/* path.h - a guest's names and the files beneath its folders.
 *
 *   guest memory -> mo_path (checked text) -> openat2 beneath a folder -> a file
 *                                          -> mo_path_place: a parent and one name -> an *at call
 *
 * What always holds:
 *   1  text is walked by openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS, which
 *      refuses each step that would leave the folder while it takes it; nothing is
 *      decided by looking at the text first;
 *   2  a call that has no such form (mkdirat and its like) gets an opened parent and one
 *      name, which is not empty, ".", ".." and holds no slash;
 *   3  what was granted read-only cannot be changed, nor can anything opened through it. */
#ifndef MO_WASI_PATH_H
#define MO_WASI_PATH_H

#include "wasi/wasi.h"

#include <limits.h>
#include <sys/stat.h>

/* Rights that mean something on a file, and on a folder; and those that change what a name is. */
enum {
    MO_RIGHTS_FILE = MO_RIGHT_FD_DATASYNC | MO_RIGHT_FD_READ | MO_RIGHT_FD_SEEK | MO_RIGHT_FD_FDSTAT_SET_FLAGS |
                     MO_RIGHT_FD_SYNC | MO_RIGHT_FD_TELL | MO_RIGHT_FD_WRITE | MO_RIGHT_FD_ADVISE |
                     MO_RIGHT_FD_ALLOCATE | MO_RIGHT_FD_FILESTAT_GET | MO_RIGHT_FD_FILESTAT_SET_SIZE |
                     MO_RIGHT_FD_FILESTAT_SET_TIMES | MO_RIGHT_POLL_FD_READWRITE,
    MO_RIGHTS_NAMES = MO_RIGHT_PATH_CREATE_DIRECTORY | MO_RIGHT_PATH_CREATE_FILE | MO_RIGHT_PATH_LINK_SOURCE |
                      MO_RIGHT_PATH_LINK_TARGET | MO_RIGHT_PATH_RENAME_SOURCE | MO_RIGHT_PATH_RENAME_TARGET |
                      MO_RIGHT_PATH_FILESTAT_SET_SIZE | MO_RIGHT_PATH_FILESTAT_SET_TIMES | MO_RIGHT_PATH_SYMLINK |
                      MO_RIGHT_PATH_REMOVE_DIRECTORY | MO_RIGHT_PATH_UNLINK_FILE,
    MO_RIGHTS_FOLDER = MO_RIGHTS_NAMES | MO_RIGHT_PATH_OPEN | MO_RIGHT_PATH_READLINK |
                       MO_RIGHT_PATH_FILESTAT_GET | MO_RIGHT_FD_READDIR | MO_RIGHT_FD_READ | MO_RIGHT_FD_SYNC |
                       MO_RIGHT_FD_DATASYNC | MO_RIGHT_FD_FDSTAT_SET_FLAGS | MO_RIGHT_FD_FILESTAT_GET |
                       MO_RIGHT_FD_FILESTAT_SET_TIMES,
};

/* A guest's text: UTF-8 without a NUL, terminated. */
typedef struct mo_path {
    size_t len;
    char text[PATH_MAX];
} mo_path;

/* Copies the text at [at, at + len). Else EFAULT, ENAMETOOLONG, EINVAL (a NUL) or EILSEQ. */
mo_errno mo_path_take(const mo_wasi_call *c, uint32_t at, uint32_t len, mo_path *ret);

/* The folder fd if it is one and has all of rights. Else NULL and *err is EBADF, ENOTDIR,
 * EPERM (it was granted read-only) or ENOTCAPABLE. Holds until a descriptor is added. */
mo_desc *mo_path_folder(mo_wasi_call *c, uint32_t fd, uint64_t rights, mo_errno *err);

/* openat2 beneath folder. flags, mode: as open(); O_CLOEXEC is added. The system's
 * descriptor, yours to close, or -errno. c NULL: for no guest. Where the look-up may take long,
 * and the call can be made elsewhere, -EAGAIN (mo_wasi_moves). */
int mo_path_open(mo_wasi_call *c, const mo_desc *folder, const char *text, uint64_t flags, uint32_t mode);
/* The guest's errno for what mo_path_open() returned, negated: leaving is EPERM. */
mo_errno mo_path_errno(int host_errno);
/* The guest's errno for what a system call returned: 0, or -1 and errno. */
mo_errno mo_path_done(int result);

/* Where a name is or is going to be: parent is a folder of the system's. */
typedef struct mo_path_place {
    int parent;
    bool own;         /* parent is to be closed */
    bool slash;       /* a slash followed the name, so it must be a folder's */
    const char *name; /* inside of the mo_path */
} mo_path_place;

/* Finds the place of path beneath folder; changes path's text. dots: the answer where its
 * last name is "." or ".." inside of the folder.
 * After MO_E_SUCCESS: mo_path_leave(). */
mo_errno mo_path_find(mo_wasi_call *c, const mo_desc *folder, mo_path *path, mo_errno dots, mo_path_place *ret);
void mo_path_leave(mo_path_place *place);
/* What is said where a slash follows the name: folder if a folder is there, ENOTDIR if
 * something else is, ENOENT if nothing is. */
mo_errno mo_path_with_slash(const mo_path_place *place, mo_errno folder);
/* The same of a name that is to be new and no folder's: EEXIST or ENOENT. */
mo_errno mo_path_is_new(const mo_path_place *place);

/* mo_path_take(), mo_path_folder() and mo_path_find() in one. */
mo_errno mo_path_take_place(mo_wasi_call *c, uint32_t fd, uint64_t rights, uint32_t at, uint32_t len, mo_errno dots,
                            mo_path *path, mo_path_place *ret);

/* May what lies beneath the folder from get a name beneath the folder to? EPERM: it could
 * be opened with more rights there. Else the errors of mo_path_folder(). */
mo_errno mo_path_may_move(mo_wasi_call *c, uint32_t from, uint64_t from_rights, uint32_t to, uint64_t to_rights);

/* path_filestat_get's work, for both layouts. */
mo_errno mo_path_stat(mo_wasi_call *c, const mote_raw *args, struct stat *ret);

/* Opens a folder of the host's to be granted; the name is still to be set.
 * MOTE_IO, or MOTE_UNSUPPORTED: the system cannot look beneath a folder. */
mote_status mo_folder_open(const char *host_path, mote_wasi_access access, mo_desc *ret, mote_error *err);

#endif
