/* folder.c - folders: granted ones and their names, and what is in one.
 * A cookie is the number of entries before it, for libc's telldir() keeps 32 bits of one
 * and the system's offsets have 63. Each folder knows the offsets behind the cookies that
 * it gave, so that a listing goes on where it was however many entries came and went
 * meanwhile, and without reading from the start again. */
#include "wasi/guest.h"
#include "wasi/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- granted folders ---------------------------------------------------------------- */

/* Lists of granted folders end at the first EBADF; a granted socket among them must not be
 * one. libc and Go pass over a tag that they do not know. */
#define TAG_SOCKET 1

mo_errno mo_wasi_fd_prestat_get(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno err;
    const mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, 0, &err);
    if (!d)
        return err;
    if (!d->preopen && d->kind != MO_DESC_SOCKET)
        return MO_E_BADF;
    uint8_t *to = mo_guest_write(c, args[1].u32, MO_PRESTAT_SIZE);
    if (!to)
        return MO_E_FAULT;
    memset(to, 0, MO_PRESTAT_SIZE);
    to[MO_PRESTAT_TAG] = d->preopen ? MO_PREOPEN_DIR : TAG_SOCKET;
    mo_put32(to + MO_PRESTAT_NAME_LEN, d->preopen ? (uint32_t)strlen(d->preopen) : 0);
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_prestat_dir_name(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno err;
    const mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, 0, &err);
    if (!d)
        return err;
    if (!d->preopen)
        return MO_E_NOTDIR;
    size_t len = strlen(d->preopen);
    if (len > args[2].u32)
        return MO_E_NAMETOOLONG;
    return mo_guest_put_bytes(c, args[1].u32, d->preopen, len) ? MO_E_SUCCESS : MO_E_FAULT;
}

/* openat2 came with Linux 5.6; sandboxes forbid it here and there. */
static mote_status try_beneath(const mo_desc *folder, const char *host_path, mote_error *err)
{
    int fd = mo_path_open(NULL, folder, ".", O_PATH, 0);
    if (fd < 0)
        return mo_tell(err, MOTE_UNSUPPORTED, "wasi: folder '%.100s': the system call openat2 (Linux 5.6): %s",
                       host_path, strerror(-fd));
    close(fd);
    return MOTE_OK;
}

/* A read-only one passes FD_WRITE on as far as the guest can see: libc asks for no more
 * than is passed on, and a program would get a file that it cannot write to instead of
 * the error that it waits for. path_open gives it. */
mote_status mo_folder_open(const char *host_path, mote_wasi_access access, mo_desc *ret, mote_error *err)
{
    bool read_only = access == MOTE_WASI_READ_ONLY;
    *ret = (mo_desc){
        .kind = MO_DESC_FOLDER,
        .filetype = MO_FILETYPE_DIRECTORY,
        .owned = true,
        .read_only = read_only,
        .host = open(host_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .rights = read_only ? MO_RIGHTS_ALL & ~MO_RIGHTS_WRITING : MO_RIGHTS_ALL,
        .inheriting = read_only ? MO_RIGHTS_ALL & ~MO_RIGHTS_NAMES : MO_RIGHTS_ALL,
    };
    if (ret->host < 0)
        return mo_tell(err, MOTE_IO, "wasi: folder '%.100s': %s", host_path, strerror(errno));
    mote_status status = try_beneath(ret, host_path, err);
    if (status)
        close(ret->host);
    ret->local = mo_desc_is_local(ret->host);
    return status;
}

/* --- listing ------------------------------------------------------------------------ */

/* getdents64()'s entries; the name is terminated. */
typedef struct entry {
    uint64_t ino;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
} entry;

struct mo_cookies {
    int64_t *offsets; /* of cookies 1 to n: where the system goes on */
    size_t n, cap;
};

/* Where a listing is and goes; [to, end) is the guest's. */
typedef struct listing {
    int folder;
    mo_cookies *cookies;
    uint64_t before, first; /* entries read so far, and those that are not wanted */
    uint8_t *to, *end;
} listing;

void mo_folder_forget(mo_cookies *cookies)
{
    if (cookies)
        mo_free(cookies->offsets);
    mo_free(cookies);
}

/* Begins at cookie, or at the last one before it that is known. */
static mo_errno begin(listing *l, mo_desc *folder, uint64_t cookie)
{
    if (!folder->cookies)
        folder->cookies = mo_calloc(1, sizeof *folder->cookies);
    l->cookies = folder->cookies;
    if (!l->cookies)
        return MO_E_NOMEM;
    l->first = cookie;
    l->before = cookie < l->cookies->n ? cookie : l->cookies->n;
    int64_t offset = l->before ? l->cookies->offsets[l->before - 1] : 0;
    return lseek(folder->host, offset, SEEK_SET) < 0 ? mo_wasi_errno(errno) : MO_E_SUCCESS;
}

/* The next cookie stands for this offset. */
static bool note(listing *l, int64_t offset)
{
    mo_cookies *k = l->cookies;
    if (l->before == k->n) {
        if (!mo_grow(&k->offsets, &k->cap, k->n + 1, sizeof *k->offsets))
            return false;
        k->n++;
    }
    k->offsets[l->before++] = offset;
    return true;
}

static uint8_t file_type(int folder, const entry *e)
{
    struct stat st;
    if (e->type != DT_UNKNOWN)
        return mo_file_type(DTTOIF(e->type));
    return fstatat(folder, e->name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? mo_file_type(st.st_mode) : MO_FILETYPE_UNKNOWN;
}

/* The number of the folder above is none of the guest's business. */
static uint64_t file_number(int folder, const entry *e)
{
    struct stat st;
    if (strcmp(e->name, "..") != 0)
        return e->ino;
    return fstat(folder, &st) == 0 ? st.st_ino : 0;
}

/* As much as there is room for. */
static void put(listing *l, const void *bytes, size_t len)
{
    size_t room = (size_t)(l->end - l->to), n = len < room ? len : room;
    memcpy(l->to, bytes, n);
    l->to += n;
}

/* Its cookie is that of the entry after. */
static void put_entry(listing *l, const entry *e)
{
    uint8_t head[MO_DIRENT_SIZE] = {0};
    size_t len = strlen(e->name);
    mo_put64(head + MO_DIRENT_NEXT, l->before);
    mo_put64(head + MO_DIRENT_INO, file_number(l->folder, e));
    mo_put32(head + MO_DIRENT_NAMLEN, (uint32_t)len);
    head[MO_DIRENT_FILETYPE] = file_type(l->folder, e);
    put(l, head, sizeof head);
    put(l, e->name, len);
}

/* Entries from the folder's offset on, until it ends or the room does. */
static mo_errno list(mo_wasi_call *c, listing *l)
{
    _Alignas(entry) char some[8192];
    while (l->to < l->end) {
        long n = syscall(SYS_getdents64, l->folder, some, sizeof some);
        if (n < 0 && errno != ENOENT) /* ENOENT: it was removed, so nothing is in it */
            return mo_wasi_errno(errno);
        if (n <= 0)
            break;
        for (long at = 0; at < n && l->to < l->end;) {
            const entry *e = (const entry *)(some + at);
            if (!note(l, e->next))
                return MO_E_NOMEM;
            if (l->before > l->first)
                put_entry(l, e);
            at += e->size;
        }
        if (c->wasi->wait && mo_wasi_look(c))
            return MO_E_INTR;
    }
    return MO_E_SUCCESS;
}

static mo_errno open_again(mo_desc *folder)
{
    int host = openat(folder->host, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (host < 0)
        return mo_wasi_errno(errno);
    close(folder->host);
    folder->host = host;
    folder->unopened = false;
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_readdir(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno err;
    mo_desc *folder = mo_path_folder(c, args[0].u32, MO_RIGHT_FD_READDIR, &err);
    if (!folder)
        return err;
    uint8_t *to = mo_guest_write(c, args[1].u32, args[2].u32);
    void *retused = mo_guest_write(c, args[4].u32, sizeof(uint32_t));
    if (!to || !retused)
        return MO_E_FAULT;
    if (mo_wasi_moves(c))
        return MO_E_AGAIN;
    if (folder->unopened && (err = open_again(folder)))
        return err;
    listing l = {.folder = folder->host, .to = to, .end = to + args[2].u32};
    if (!(err = begin(&l, folder, args[3].u64)))
        err = list(c, &l);
    if (!err)
        mo_put32(retused, (uint32_t)(l.to - to));
    return err;
}
