/* open.c - a file or bytes -> a mapping that is ready to run.
 *   open, fstat, mmap of the whole file (read), mprotect of header and TEXT (read +
 *   execute)
 * Owner and mode are looked at on the open file, so a name that changes meanwhile
 * does not matter. */
#define _GNU_SOURCE
#include "artifact/hash.h"
#include "artifact/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool system_fails(mote_error *err, const char *what)
{
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%s: %s", what, strerror(errno));
}

static bool too_short(size_t len, mote_error *err)
{
    return mo_fail(err, MOTE_REFUSED, MOTE_NOWHERE, "not an artifact, or truncated: %zu bytes, want at least %d", len,
                   MO_FILE_PAGE);
}

static bool check_file(const struct stat *st, bool trust_any_owner, mote_error *err)
{
    if (!S_ISREG(st->st_mode)) return mo_fail(err, MOTE_REFUSED, MOTE_NOWHERE, "artifact: not a regular file");
    if (!trust_any_owner) {
        if (st->st_uid != 0 && st->st_uid != geteuid())
            return mo_fail(err, MOTE_REFUSED, MOTE_NOWHERE, "artifact belongs to user %ju, want this user (%ju) or root",
                           (uintmax_t)st->st_uid, (uintmax_t)geteuid());
        if (st->st_mode & (S_IWGRP | S_IWOTH))
            return mo_fail(err, MOTE_REFUSED, MOTE_NOWHERE, "artifact can be written by others (mode %04o), want 0755 or less",
                           (unsigned)(st->st_mode & 07777));
    }
    return st->st_size >= MO_FILE_PAGE || too_short((size_t)st->st_size, err);
}

/* --- the mapping ------------------------------------------------------- */

static bool check_contents(const mo_file_header *h, const uint8_t *file, mote_error *err)
{
    uint64_t hash[2];
    mo_hash_contents(file + MO_FILE_PAGE, h->file_len - MO_FILE_PAGE, hash);
    if (hash[0] == h->contents_hash[0] && hash[1] == h->contents_hash[1]) return true;
    return mo_fail(err, MOTE_REFUSED, MOTE_NOWHERE, "artifact is damaged: contents hash %016" PRIx64 "%016" PRIx64
                   ", want %016" PRIx64 "%016" PRIx64, hash[1], hash[0], h->contents_hash[1], h->contents_hash[0]);
}

/* From the mapping's start, which costs one split of the mapping instead of two and
 * a third less time; the header holds no bytes that code couldn't. */
static bool make_executable(const mo_file_header *h, uint8_t *file, mote_error *err)
{
    const mo_file_section *text = &h->sections[MO_SECTION_TEXT];
    if (text->len == 0 || mprotect(file, text->at + text->len, PROT_READ | PROT_EXEC) == 0) return true;
    return system_fails(err, "mprotect of machine code");
}

/* Checks what is mapped and fills a, whose type_ids have room for META's types. */
static mo_artifact *make(uint8_t *file, int fd, mote_error *err)
{
    const mo_file_header *h = (const mo_file_header *)file;
    const mo_meta *meta = (const mo_meta *)(file + h->sections[MO_SECTION_META].at);
    mo_artifact *a = mo_alloc(sizeof *a + (size_t)meta->ntypes * sizeof *a->type_ids);
    if (!a) {
        mo_fail_nomem(err);
        return NULL;
    }
    *a = (mo_artifact){
        .header = h, .text = file + h->sections[MO_SECTION_TEXT].at, .text_len = h->sections[MO_SECTION_TEXT].len,
        .meta = meta, .sites = (const mo_sites *)(file + h->sections[MO_SECTION_SITES].at),
        .image_at = h->sections[MO_SECTION_IMAGE].at, .fd = fd, .image = file + h->sections[MO_SECTION_IMAGE].at,
        .type_ids = (uint32_t *)(a + 1), .base = file, .base_len = h->file_len, .refs = 1,
    };
    if (mo_types_intern(meta, a->type_ids, err)) {
        if (mo_registry_add(a)) return a;
        mo_fail_nomem(err);
    }
    mo_free(a);
    return NULL;
}

/* Takes fd over if it succeeds. */
static bool load(int fd, size_t len, bool verify, mo_artifact **ret, mote_error *err)
{
    uint8_t *file = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED) return system_fails(err, "mmap");
    const mo_file_header *h = (const mo_file_header *)file;
    mo_artifact *a = NULL;
    if (mo_header_check(file, len, err) && (!verify || check_contents(h, file, err)) &&
        make_executable(h, file, err) && mo_meta_check(h, file, err))
        a = make(file, fd, err);
    if (a)
        *ret = a;
    else
        munmap(file, len);
    return a != NULL;
}

bool mo_artifact_open(const char *path, const mo_open_options *options, mo_artifact **ret, mote_error *err)
{
    const mo_open_options o = options ? *options : (mo_open_options){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a fifo must not hold us up */
    if (fd < 0) return system_fails(err, path);
    struct stat st;
    bool ok = fstat(fd, &st) == 0 || system_fails(err, path);
    ok = ok && check_file(&st, o.trust_any_owner, err) && load(fd, (size_t)st.st_size, o.verify_contents, ret, err);
    if (!ok) close(fd);
    return ok;
}

bool mo_artifact_open_fd(int fd, const struct stat *st, mo_artifact **ret, mote_error *err)
{
    return check_file(st, false, err) && load(fd, (size_t)st->st_size, false, ret, err);
}

bool mo_artifact_check_bytes(const void *bytes, size_t len, mote_error *err)
{
    if (len < MO_FILE_PAGE) return too_short(len, err);
    return mo_header_check(bytes, len, err) && check_contents(bytes, bytes, err);
}

/* --- bytes ------------------------------------------------------------- */

static bool write_all(int fd, const uint8_t *bytes, size_t len, mote_error *err)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return system_fails(err, "write to memory");
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

bool mo_artifact_open_bytes(const void *bytes, size_t len, mo_artifact **ret, mote_error *err)
{
    if (len < MO_FILE_PAGE) return too_short(len, err);
    int fd = memfd_create("mote", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return system_fails(err, "memfd_create");
    bool ok = write_all(fd, bytes, len, err);
    if (ok) fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE); /* as good as we can */
    ok = ok && load(fd, len, false, ret, err);
    if (!ok) close(fd);
    return ok;
}

/* --- lifetime ---------------------------------------------------------- */

bool mo_artifact_verify(const mo_artifact *a, mote_error *err)
{
    return check_contents(a->header, a->base, err);
}

void mo_artifact_rest(const mo_artifact *a)
{
    madvise(a->base, a->base_len, MADV_DONTNEED);
}

void mo_artifact_ref(mo_artifact *a)
{
    __atomic_fetch_add(&a->refs, 1, __ATOMIC_RELAXED);
}

void mo_artifact_unref(mo_artifact *a)
{
    if (!a || __atomic_fetch_sub(&a->refs, 1, __ATOMIC_ACQ_REL) != 1) return;
    mo_registry_remove(a);
    munmap(a->base, a->base_len);
    close(a->fd);
    mo_free(a);
}
