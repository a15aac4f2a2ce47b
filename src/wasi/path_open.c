/* path_open.c - a name becomes a descriptor.
 * One openat2 and one fstat. The system's descriptor itself is opened for no more than
 * the guest's rights allow, so that a check that was forgotten elsewhere still fails.
 * O_NONBLOCK stays on what is no regular file: io.c waits where the guest wants to. */
#include "wasi/guest.h"
#include "wasi/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* path_open's arguments. */
typedef struct wish {
    uint32_t lookup, oflags, fdflags;
    uint64_t rights;
} wish;

static bool is_known(const wish *w)
{
    const uint32_t flags = MO_FDFLAG_APPEND | MO_FDFLAG_DSYNC | MO_FDFLAG_NONBLOCK | MO_FDFLAG_RSYNC | MO_FDFLAG_SYNC;
    const uint32_t lone = MO_OFLAG_CREAT | MO_OFLAG_EXCL | MO_OFLAG_TRUNC; /* not of folders */
    if (w->oflags & MO_OFLAG_DIRECTORY && w->oflags & lone)
        return false;
    return !(w->lookup & ~(uint32_t)MO_LOOKUP_SYMLINK_FOLLOW) && !(w->oflags & ~(lone | MO_OFLAG_DIRECTORY)) &&
           !(w->fdflags & ~flags);
}

/* --- rights ------------------------------------------------------------------------- */

/* May a file be opened so beneath folder? */
static mo_errno may_open(const mo_desc *folder, const wish *w)
{
    uint64_t own = 0, passed = w->rights & (MO_RIGHT_FD_READ | MO_RIGHT_FD_WRITE);
    if (w->oflags & MO_OFLAG_CREAT)
        own |= MO_RIGHT_PATH_CREATE_FILE;
    if (w->oflags & MO_OFLAG_TRUNC) {
        own |= MO_RIGHT_PATH_FILESTAT_SET_SIZE;
        passed |= MO_RIGHT_FD_WRITE;
    }
    if (folder->read_only && (own | (passed & MO_RIGHT_FD_WRITE)))
        return MO_E_PERM;
    return (own & ~folder->rights) | (passed & ~folder->inheriting) ? MO_E_NOTCAPABLE : MO_E_SUCCESS;
}

/* Programs that Wasmtime runs, which looks at few rights, ask for too few: what only looks
 * comes with every descriptor, what changes a file comes with writing, and whoever may
 * create files in a folder may truncate them there (Go's os.Root opens its folder so). */
static uint64_t implied(uint64_t rights)
{
    uint64_t more = MO_RIGHT_FD_SEEK | MO_RIGHT_FD_TELL | MO_RIGHT_FD_FILESTAT_GET | MO_RIGHT_FD_ADVISE |
                    MO_RIGHT_FD_FDSTAT_SET_FLAGS | MO_RIGHT_FD_SYNC | MO_RIGHT_FD_DATASYNC |
                    MO_RIGHT_POLL_FD_READWRITE;
    if (rights & MO_RIGHT_FD_READ)
        more |= MO_RIGHT_FD_READDIR;
    if (rights & MO_RIGHT_FD_WRITE)
        more |= MO_RIGHT_FD_ALLOCATE | MO_RIGHT_FD_FILESTAT_SET_SIZE | MO_RIGHT_FD_FILESTAT_SET_TIMES;
    if (rights & MO_RIGHT_PATH_CREATE_FILE)
        more |= MO_RIGHT_PATH_FILESTAT_SET_SIZE;
    return more;
}

static uint64_t rights_of(const mo_desc *folder, const wish *w, uint64_t sensible)
{
    uint64_t rights = (w->rights | implied(w->rights)) & folder->inheriting & sensible;
    if (folder->read_only)
        rights &= ~(uint64_t)MO_RIGHTS_WRITING;
    if (!(rights & MO_RIGHT_FD_WRITE))
        rights &= ~(uint64_t)(MO_RIGHT_FD_ALLOCATE | MO_RIGHT_FD_FILESTAT_SET_SIZE);
    return rights;
}

/* --- opening ------------------------------------------------------------------------ */

/* The flags of a descriptor are not the system's: io.c passes them with each call. */
static uint64_t open_flags(const wish *w)
{
    const uint64_t both = MO_RIGHT_FD_READ | MO_RIGHT_FD_WRITE;
    uint64_t flags = O_NOCTTY | O_NONBLOCK;
    flags |= (w->rights & both) == both ? O_RDWR : w->rights & MO_RIGHT_FD_WRITE ? O_WRONLY : O_RDONLY;
    if (!(w->lookup & MO_LOOKUP_SYMLINK_FOLLOW)) flags |= O_NOFOLLOW;
    if (w->oflags & MO_OFLAG_CREAT) flags |= O_CREAT;
    if (w->oflags & MO_OFLAG_DIRECTORY) flags |= O_DIRECTORY;
    if (w->oflags & MO_OFLAG_EXCL) flags |= O_EXCL;
    if (w->oflags & MO_OFLAG_TRUNC) flags |= O_TRUNC;
    return flags;
}

/* Makes *ret of a file that was opened beneath folder. EPERM: it is a disk. */
static mo_errno describe(const mo_wasi_call *c, const mo_desc *folder, const wish *w, int host, mo_desc *ret)
{
    struct stat st; /* libc's fstat() takes the way through an empty path, a sixth longer */
    if (syscall(SYS_fstat, host, &st) < 0)
        return mo_wasi_errno(errno);
    if (S_ISBLK(st.st_mode))
        return MO_E_PERM;
    bool is_folder = S_ISDIR(st.st_mode);
    *ret = (mo_desc){
        .kind = is_folder ? MO_DESC_FOLDER : MO_DESC_HOST,
        .filetype = mo_file_type(st.st_mode),
        .flags = (uint16_t)w->fdflags,
        .owned = true,
        .read_only = folder->read_only,
        .ready = mo_desc_is_ready(&st),
        .local = c->moved ? mo_desc_is_local(host) : folder->local,
        .host = host,
        .rights = rights_of(folder, w, is_folder ? MO_RIGHTS_FOLDER : MO_RIGHTS_FILE),
        .inheriting = is_folder ? folder->inheriting : 0,
    };
    /* Terminals and pipes have no offset; libc tells a terminal by that. */
    if (!is_folder && !S_ISREG(st.st_mode) && lseek(host, 0, SEEK_CUR) < 0)
        ret->rights &= ~(uint64_t)(MO_RIGHT_FD_SEEK | MO_RIGHT_FD_TELL);
    return MO_E_SUCCESS;
}

static mo_errno open_beneath(mo_wasi_call *c, const mo_desc *folder, const wish *w, const char *text, uint32_t *retfd)
{
    int host = mo_path_open(c, folder, text, open_flags(w), w->oflags & MO_OFLAG_CREAT ? 0666 : 0);
    if (host < 0)
        return mo_path_errno(-host);
    mo_desc d;
    mo_errno err = describe(c, folder, w, host, &d);
    if (!err && !mo_wasi_add(c->wasi, 0, &d, retfd))
        err = MO_E_NFILE;
    if (err)
        close(host);
    return err;
}

mo_errno mo_wasi_path_open(mo_wasi_call *c, const mote_raw *args)
{
    const wish w = {
        .lookup = args[1].u32,
        .oflags = args[4].u32,
        .rights = args[5].u64, /* args[6], what to pass on, is not looked at: see docs/wasi.md */
        .fdflags = args[7].u32,
    };
    mo_path path;
    mo_errno err;
    const mo_desc *folder = mo_path_folder(c, args[0].u32, MO_RIGHT_PATH_OPEN, &err);
    if (!folder)
        return err;
    if (!is_known(&w))
        return MO_E_INVAL;
    if ((err = may_open(folder, &w)) || (err = mo_path_take(c, args[2].u32, args[3].u32, &path)))
        return err;
    void *to = mo_guest_write(c, args[8].u32, sizeof(uint32_t));
    if (!to)
        return MO_E_FAULT;
    uint32_t fd = 0;
    err = open_beneath(c, folder, &w, path.text, &fd);
    if (!err)
        mo_put32(to, fd);
    return err;
}
