/* setup.c - what the embedder grants, before the guest runs. A setter that fails leaves
 * everything as it was. */
#include "wasi/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NSTANDARD 3 /* descriptors that are always there: 0, 1, 2 */
#define FIRST_GRANTED 3

static mote_status no_memory(mote_error *err) { return mo_tell(err, MOTE_NOMEM, "out of memory"); }

static mote_status system_refused(const char *what, mote_error *err)
{
    return mo_tell(err, MOTE_IO, "wasi: %s: %s", what, strerror(errno));
}

/* --- beginning and end ------------------------------------------------------------ */

static int64_t swallow(void *data, const void *from, size_t len)
{
    (void)data, (void)from;
    return (int64_t)len;
}

static mo_desc input_of(const void *bytes, size_t len)
{
    return (mo_desc){
        .kind = MO_DESC_INPUT,
        .host = -1,
        .rights = MO_RIGHT_FD_READ | MO_RIGHT_FD_FDSTAT_SET_FLAGS | MO_RIGHT_FD_FILESTAT_GET |
                  MO_RIGHT_POLL_FD_READWRITE,
        .bytes = bytes,
        .len = len,
    };
}

static mo_desc stream_of(const mote_wasi_stream *stream)
{
    return (mo_desc){
        .kind = MO_DESC_STREAM,
        .host = -1,
        .rights = (stream->read ? MO_RIGHT_FD_READ : 0u) | (stream->write ? MO_RIGHT_FD_WRITE : 0u) |
                  MO_RIGHT_FD_FDSTAT_SET_FLAGS | MO_RIGHT_FD_FILESTAT_GET | MO_RIGHT_POLL_FD_READWRITE,
        .stream = *stream,
    };
}

static bool add_standard(mote_wasi *wasi)
{
    const mote_wasi_stream nowhere = {.write = swallow};
    mo_desc in = input_of("", 0), out = stream_of(&nowhere);
    uint32_t fd;
    in.granted = out.granted = true;
    return mo_wasi_add(wasi, 0, &in, &fd) && mo_wasi_add(wasi, 0, &out, &fd) && mo_wasi_add(wasi, 0, &out, &fd);
}

mote_status mote_wasi_new(mote_wasi **ret, mote_error *err)
{
    mote_error e = {0};
    if (!mo_signals_quiet(&e))
        return mo_told(&e, err);
    mote_wasi *wasi = mo_calloc(1, sizeof *wasi);
    if (!wasi || !add_standard(wasi)) {
        mote_wasi_free(wasi);
        return no_memory(err);
    }
    *ret = wasi;
    return MOTE_OK;
}

void mote_wasi_free(mote_wasi *wasi)
{
    if (!wasi)
        return;
    for (size_t fd = 0; fd < wasi->ndescs; fd++)
        if (wasi->descs[fd].kind != MO_DESC_FREE)
            mo_wasi_drop(wasi, &wasi->descs[fd]);
    mo_free(wasi->descs);
    mo_wasi_lend_args(wasi, NULL, 0, 0);
    mo_wasi_lend_env(wasi, NULL, 0, 0);
    mo_free(wasi);
}

void mote_wasi_attach(mote_wasi *wasi, mote_store *store) { store->wasi = wasi; }

bool mote_wasi_exited(const mote_wasi *wasi, uint32_t *retcode)
{
    if (wasi->exited)
        *retcode = wasi->exit_code;
    return wasi->exited;
}

/* --- arguments and environment ----------------------------------------------------- */

static mote_status too_long(const char *what, mote_error *err)
{
    return mo_tell(err, MOTE_MISUSE, "wasi: %s: more than 2^32 bytes", what);
}

mote_status mote_wasi_set_args(mote_wasi *wasi, const char *const *args, size_t nargs, mote_error *err)
{
    size_t len = 0, at = 0;
    for (size_t i = 0; i < nargs; i++) {
        len += strlen(args[i]) + 1;
        if (len > UINT32_MAX)
            return too_long("arguments", err);
    }
    char *all = mo_alloc(len);
    if (!all)
        return no_memory(err);
    for (size_t i = 0; i < nargs; i++) {
        size_t n = strlen(args[i]) + 1;
        memcpy(all + at, args[i], n);
        at += n;
    }
    mo_wasi_lend_args(wasi, all, len, nargs);
    wasi->lent_args = false;
    return MOTE_OK;
}

/* The variable of that name, or the end of the environment. */
static size_t find_env(const mote_wasi *wasi, const char *name)
{
    size_t at = 0, n = strlen(name);
    while (at < wasi->env_len && !(strncmp(wasi->env + at, name, n) == 0 && wasi->env[at + n] == '='))
        at += strlen(wasi->env + at) + 1;
    return at;
}

mote_status mote_wasi_set_env(mote_wasi *wasi, const char *name, const char *value, mote_error *err)
{
    size_t n = strlen(name), m = strlen(value), at = find_env(wasi, name);
    bool is_new = at == wasi->env_len;
    size_t old = is_new ? 0 : strlen(wasi->env + at) + 1, len = wasi->env_len - old + n + m + 2;
    if (n == 0 || strchr(name, '='))
        return mo_tell(err, MOTE_MISUSE, "wasi: '%.100s' is no name of a variable", name);
    if (n > UINT32_MAX || m > UINT32_MAX || len > UINT32_MAX)
        return too_long("environment", err);
    char *all = mo_alloc(len);
    if (!all)
        return no_memory(err);
    memcpy(all, wasi->env_len ? wasi->env : "", at);
    memcpy(all + at, name, n);
    all[at + n] = '=';
    memcpy(all + at + n + 1, value, m + 1);
    if (!is_new)
        memcpy(all + at + n + m + 2, wasi->env + at + old, wasi->env_len - at - old);
    mo_wasi_lend_env(wasi, all, len, wasi->nenv + is_new);
    wasi->lent_env = false;
    return MOTE_OK;
}

/* --- standard descriptors ------------------------------------------------------------ */

static mote_status set_standard(mote_wasi *wasi, uint32_t fd, const mo_desc *d, mote_error *err)
{
    if (fd >= NSTANDARD)
        return mo_tell(err, MOTE_MISUSE, "wasi: descriptor %" PRIu32 ": only 0, 1 and 2 can be set", fd);
    if (wasi->descs[fd].kind != MO_DESC_FREE)
        mo_wasi_drop(wasi, &wasi->descs[fd]);
    wasi->descs[fd] = *d;
    wasi->descs[fd].granted = true;
    return MOTE_OK;
}

/* A folder that is a program's standard input can be looked at, but nothing beneath it. */
#define RIGHTS_BARE_FOLDER (MO_RIGHT_FD_FILESTAT_GET | MO_RIGHT_FD_FDSTAT_SET_FLAGS | MO_RIGHT_POLL_FD_READWRITE)

mote_status mote_wasi_set_fd(mote_wasi *wasi, uint32_t fd, int host_fd, bool owned, mote_error *err)
{
    mo_desc d;
    if (mo_desc_of(host_fd, &d) != MO_E_SUCCESS)
        return system_refused("descriptor", err);
    d.owned = owned;
    if (d.kind == MO_DESC_FOLDER) {
        d.rights = RIGHTS_BARE_FOLDER;
        d.inheriting = 0;
    }
    return set_standard(wasi, fd, &d, err);
}

mote_status mote_wasi_set_input(mote_wasi *wasi, uint32_t fd, const void *bytes, size_t len, mote_error *err)
{
    mo_desc d = input_of(bytes, len);
    return set_standard(wasi, fd, &d, err);
}

mote_status mote_wasi_set_stream(mote_wasi *wasi, uint32_t fd, const mote_wasi_stream *stream, mote_error *err)
{
    mo_desc d = stream_of(stream);
    return set_standard(wasi, fd, &d, err);
}

/* What the host itself lacks (a program started with its standard input closed) stays
 * what it was. */
mote_status mote_wasi_inherit_stdio(mote_wasi *wasi, mote_error *err)
{
    mote_status status = MOTE_OK;
    for (int fd = 0; fd < NSTANDARD && !status; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            status = mote_wasi_set_fd(wasi, (uint32_t)fd, fd, false, err);
    return status;
}

/* --- grants ----------------------------------------------------------------------------- */

/* d and what it owns are wasi's on success. */
static mote_status grant(mote_wasi *wasi, const mo_desc *d, mote_error *err)
{
    uint32_t fd;
    if (!mo_wasi_add(wasi, FIRST_GRANTED, d, &fd))
        return no_memory(err);
    wasi->descs[fd].granted = true;
    return MOTE_OK;
}

mote_status mote_wasi_preopen(mote_wasi *wasi, const char *host_path, const char *guest_path,
                              mote_wasi_access access, mote_error *err)
{
    size_t len = strlen(guest_path) + 1;
    mo_desc d;
    if (access != MOTE_WASI_READ_ONLY && access != MOTE_WASI_READ_WRITE)
        return mo_tell(err, MOTE_MISUSE, "wasi: folder '%.100s': no such access", host_path);
    if (len > UINT32_MAX)
        return too_long("folder's name", err);
    mote_status status = mo_folder_open(host_path, access, &d, err);
    if (status)
        return status;
    d.preopen = mo_alloc(len);
    if (d.preopen)
        memcpy(d.preopen, guest_path, len);
    status = d.preopen ? grant(wasi, &d, err) : no_memory(err);
    if (status) {
        close(d.host);
        mo_free(d.preopen);
    }
    return status;
}

/* A connection may be gone between poll() and accept(): that must not block. */
mote_status mote_wasi_preopen_socket(mote_wasi *wasi, int host_fd, mote_error *err)
{
    mo_desc d;
    int listens = 0, flags = fcntl(host_fd, F_GETFL);
    socklen_t len = sizeof listens;
    if (flags < 0 || getsockopt(host_fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 ||
        mo_desc_of(host_fd, &d) != MO_E_SUCCESS)
        return system_refused("socket", err);
    if (!listens)
        return mo_tell(err, MOTE_MISUSE, "wasi: socket: it does not listen");
    if (fcntl(host_fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return system_refused("socket", err);
    d.owned = true;
    d.inheriting = d.rights;
    return grant(wasi, &d, err);
}

/* --- time, randomness, waiting ------------------------------------------------------------ */

void mote_wasi_set_clock(mote_wasi *wasi, mote_wasi_clock *clock, void *data)
{
    wasi->clock = clock;
    wasi->clock_data = data;
}

void mote_wasi_set_random(mote_wasi *wasi, mote_wasi_random *random, void *data)
{
    wasi->random = random;
    wasi->random_data = data;
}

void mote_wasi_set_elsewhere(mote_wasi *wasi, mote_wasi_elsewhere *elsewhere, void *data)
{
    wasi->elsewhere = elsewhere;
    wasi->elsewhere_data = data;
}

void mote_wasi_set_wait(mote_wasi *wasi, mote_wasi_wait *wait, void *data)
{
    wasi->wait = wait;
    wasi->wait_data = data;
}
