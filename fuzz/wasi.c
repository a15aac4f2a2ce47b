/* wasi.c - any bytes: a sequence of calls of preview 1, as a guest would make them that
 * means no good, each answered with an errno; nothing outside of the granted folder is
 * touched or read, no descriptor and no memory is left over.
 *
 *   input: calls, one after the other:  function, then for each parameter a selector:
 *          below 0xc0 something that makes sense for a parameter of that name,
 *          else a number of the input's own; or bytes for memory; or a file to look into
 *
 * The functions are those that the linker has, called through the imports of an instance
 * that exports them again: no compiler is needed. Waiting is forbidden: what would wait for
 * ever fails, what would wait for a while does not.
 *   clang -fsanitize=fuzzer,address,undefined ...; corpus: any bytes */
#include "artifact/link.h"
#include "artifact/write.h"
#include "module/module.h"
#include "mote/mote.h"
#include "wasi/wasi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST_CALLS = 100, MOST_PARAMS = 9, PAGE = 65536, MEMORY = 2 * PAGE, FILE_LIMIT = 1 << 20 };

static void must(bool claim, const char *what)
{
    if (claim) return;
    fprintf(stderr, "fuzz: %s (errno %d)\n", what, errno);
    abort();
}

/* --- functions ------------------------------------------------------------------- */

typedef struct row {
    const char *module, *name, *params, *args;
} row;

static const row stable[] = {
#define WASI(name, params, args, text) {"wasi_snapshot_preview1", #name, params, args},
#include "wasi/wasi.def"
};
static const char *const unstable[] = {
#define UNSTABLE(name) #name,
#include "wasi/wasi.def"
};
enum { NSTABLE = MO_COUNT(stable), NROWS = NSTABLE + MO_COUNT(unstable) };
static row rows[NROWS];

static void fill_rows(void)
{
    memcpy(rows, stable, sizeof stable);
    for (size_t i = 0; i < MO_COUNT(unstable); i++)
        for (size_t k = 0; k < NSTABLE; k++)
            if (strcmp(unstable[i], stable[k].name) == 0)
                rows[NSTABLE + i] = (row){"wasi_unstable", stable[k].name, stable[k].params, stable[k].args};
}

/* --- the guest --------------------------------------------------------------------- */

static void put_u32(mo_buffer *b, size_t n)
{
    do {
        uint8_t byte = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        mo_buffer_put(b, &byte, 1);
        n >>= 7;
    } while (n);
}

static void put_name(mo_buffer *b, const char *name)
{
    put_u32(b, strlen(name));
    mo_buffer_put(b, name, strlen(name));
}

static void put_section(mo_buffer *w, uint8_t id, mo_buffer *content)
{
    mo_buffer_put(w, &id, 1);
    put_u32(w, content->len);
    mo_buffer_put(w, content->at, content->len);
    mo_buffer_free(content);
}

static void put_type(mo_buffer *types, const row *r)
{
    mo_buffer_put(types, "\x60", 1);
    put_u32(types, strlen(r->params));
    for (const char *p = r->params; *p; p++) mo_buffer_put(types, *p == 'l' ? "\x7e" : "\x7f", 1);
    bool returns = strcmp(r->name, "proc_exit") != 0;
    mo_buffer_put(types, returns ? "\1\x7f" : "\0", returns ? 2 : 1);
}

/* Function i is row i; its export is named by the number. */
static mo_module *make_module(void)
{
    mo_buffer w = {0}, types = {0}, imports = {0}, memory = {0}, exports = {0};
    mote_error err = {0};
    mo_module *m = NULL;
    char name[8];
    put_u32(&types, NROWS);
    put_u32(&imports, NROWS);
    put_u32(&exports, NROWS + 1);
    for (uint32_t i = 0; i < NROWS; i++) {
        put_type(&types, &rows[i]);
        put_name(&imports, rows[i].module);
        put_name(&imports, rows[i].name);
        mo_buffer_put(&imports, "", 1);
        put_u32(&imports, i);
        snprintf(name, sizeof name, "%u", i);
        put_name(&exports, name);
        mo_buffer_put(&exports, "", 1);
        put_u32(&exports, i);
    }
    put_name(&exports, "memory");
    mo_buffer_put(&exports, "\2", 2);
    mo_buffer_put(&memory, "\1\0\2", 3);
    mo_buffer_put(&w, "\0asm\1\0\0\0", 8);
    put_section(&w, 1, &types);
    put_section(&w, 2, &imports);
    put_section(&w, 5, &memory);
    put_section(&w, 7, &exports);
    must(mo_module_load(w.at, w.len, mo_features_all(), NULL, &m, &err) == MOTE_OK, err.message);
    mo_buffer_free(&w);
    return m;
}

static mo_artifact *make_artifact(void)
{
    const mo_artifact_info info = {.target_cpu = "none", .compiler = "none"};
    const mo_code none = {NULL, 0};
    mo_module *m = make_module();
    mo_linked linked = {0};
    mo_buffer file = {0};
    mo_artifact *a = NULL;
    mote_error err = {0};
    must(mo_link(&none, m->nfuncs, &linked, &err) && mo_artifact_write(m, &linked, &info, &file, &err) &&
             mo_artifact_open_bytes(file.at, file.len, &a, &err),
         err.message);
    mo_linked_free(&linked);
    mo_buffer_free(&file);
    mo_module_unref(m);
    return a;
}

/* --- the folder ---------------------------------------------------------------------- */

/* root/outside/secret is what nobody may touch or read; root/in is granted. */
static uint64_t secret; /* of this process, or the fuzzer would learn it */
static char root[64];
static struct stat secret_before, outside_before;

static const char *secret_text(void)
{
    static char text[20];
    snprintf(text, sizeof text, "%016" PRIx64, secret);
    return text;
}

/* Not seen by the fuzzer, which would put into its inputs what it sees compared. */
__attribute__((no_sanitize("coverage"))) static bool has_secret(const uint8_t *memory, size_t len)
{
    const char *text = secret_text();
    for (size_t i = 0; i + 16 <= len; i++) {
        size_t k = 0;
        while (k < 16 && memory[i + k] == (uint8_t)text[k]) k++;
        if (k == 16) return true;
    }
    return false;
}

static const char *path_in(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_small(const char *name, const char *text)
{
    int fd = open(path_in(name), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), name);
    close(fd);
}

static void link_to(const char *target, const char *name) { must(symlink(target, path_in(name)) == 0, name); }

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    if (type == FTW_DP || type == FTW_D || type == FTW_DNR) {
        chmod(path, 0700);
        return rmdir(path);
    }
    return unlink(path);
}

static void remove_all(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }
static void remove_root(void) { remove_all(root); }

static void make_folder(void)
{
    must(mkdir(path_in("in"), 0700) == 0 && mkdir(path_in("in/d"), 0700) == 0, "mkdir");
    write_small("in/a", "some bytes\n");
    write_small("in/d/b", "more bytes\n");
    link_to("a", "in/l");
    link_to("../outside", "in/up");
    link_to(path_in("outside/secret"), "in/absolute");
    link_to("round", "in/round");
    must(mkfifo(path_in("in/p"), 0600) == 0, "mkfifo");
}

static void make_root(void)
{
    snprintf(root, sizeof root, "%s/mote-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(root) != NULL, "mkdtemp");
    atexit(remove_root);
    must(mkdir(path_in("outside"), 0700) == 0, "mkdir");
    must(getrandom(&secret, sizeof secret, 0) == sizeof secret, "getrandom");
    write_small("outside/secret", secret_text());
    must(stat(path_in("outside/secret"), &secret_before) == 0 && stat(path_in("outside"), &outside_before) == 0, "stat");
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_nlink == b->st_nlink && a->st_size == b->st_size &&
           memcmp(&a->st_mtim, &b->st_mtim, sizeof a->st_mtim) == 0 &&
           memcmp(&a->st_ctim, &b->st_ctim, sizeof a->st_ctim) == 0;
}

static void check_outside(void)
{
    struct stat file, outside;
    must(stat(path_in("outside/secret"), &file) == 0 && stat(path_in("outside"), &outside) == 0, "outside is gone");
    must(same(&file, &secret_before) && same(&outside, &outside_before), "outside was touched");
}

/* --- the host's side ---------------------------------------------------------------------- */

static int64_t read_stream(void *data, void *to, size_t len)
{
    uint64_t *state = data;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    size_t n = len < (*state >> 60) ? len : (size_t)(*state >> 60);
    if (*state >> 32 & 1) return -(int64_t)(*state >> 34 & 127);
    memset(to, 'x', n);
    return (int64_t)n;
}

static int64_t write_stream(void *data, const void *from, size_t len)
{
    static volatile uint8_t sink;
    for (size_t i = 0; i < len; i++) sink ^= ((const uint8_t *)from)[i];
    return read_stream(data, (char[16]){0}, len);
}

static int wait_never(void *data, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    (void)data;
    int ready = poll(fds, nfds, 0);
    return ready ? ready : timeout_ns == UINT64_MAX ? -EIO : 0;
}

static int listener = -1;

static void make_listener(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", root);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 16) == 0, "listen");
}

/* A connection that waits to be accepted; what earlier inputs left is taken first. */
static int connect_one(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    for (int old; (old = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) close(old);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", root);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 && write(fd, "hello", 5) == 5, "connect");
    return fd;
}

/* 0 a stream, bytes or a socket, 1 a stream, 2 a pipe, 3 and 4 folders, 5 a listener. */
static mote_wasi *make_wasi(uint8_t kind, uint64_t *random, int ends[2])
{
    static const char *const args[] = {"fuzz", "", "two words"};
    const mote_wasi_stream stream = {.read = read_stream, .write = write_stream, .data = random};
    mote_wasi *wasi = NULL;
    mote_error err = {0};
    must(mote_wasi_new(&wasi, &err) == MOTE_OK, err.message);
    mote_wasi_set_wait(wasi, wait_never, NULL);
    bool ok = !mote_wasi_set_args(wasi, args, MO_COUNT(args), &err) && !mote_wasi_set_env(wasi, "A", "b", &err) &&
              !mote_wasi_set_stream(wasi, 1, &stream, &err);
    if (kind % 3 == 0)
        ok = ok && !mote_wasi_set_stream(wasi, 0, &stream, &err);
    else if (kind % 3 == 1)
        ok = ok && !mote_wasi_set_input(wasi, 0, "line\nline\n", 10, &err);
    else
        ok = ok && socketpair(AF_UNIX, kind & 4 ? SOCK_DGRAM : SOCK_STREAM, 0, ends) == 0 &&
             send(ends[1], "datagram", 8, 0) == 8 && !mote_wasi_set_fd(wasi, 0, ends[0], true, &err);
    int in_and_out[2];
    ok = ok && pipe(in_and_out) == 0 && !mote_wasi_set_fd(wasi, 2, in_and_out[1], true, &err);
    close(in_and_out[0]);
    ok = ok && !mote_wasi_preopen(wasi, path_in("in"), "/", MOTE_WASI_READ_WRITE, &err) &&
         !mote_wasi_preopen(wasi, path_in("in/d"), "/d", MOTE_WASI_READ_ONLY, &err) &&
         !mote_wasi_preopen_socket(wasi, dup(listener), &err);
    must(ok, err.message);
    return wasi;
}

/* --- what makes sense ------------------------------------------------------------------------ */

static const char *const paths[] = {
    "a", "d", "d/b", "l", "up", "up/secret", "absolute", "round", "p", "p/", "a/", "d/", ".", "..", "", "new", "d/new",
    "../outside/secret", "/proc/version", "d/../../outside", "d/./../a", "up/../in/a", "/", "//a", "new/new", "new2",
    "../in/a", "./d/b", "l/", "\xff\xfe", "up/new", "../outside/new", "outside", "../outside",
};
enum { PATHS = 0x1000, PATH_ROOM = 64, IOVS = 0x4000, SUBS = 0x5000, ROOM = 0x8000 };

static void fill_memory(uint8_t *memory)
{
    for (uint32_t i = 0; i < MO_COUNT(paths); i++)
        memcpy(memory + PATHS + i * PATH_ROOM, paths[i], strlen(paths[i]));
    memset(memory + PAGE, 'x', 300); /* a name that is too long */
    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t iovec[] = {i % 13 == 12 ? MEMORY - i : ROOM + i * 64, i % 7 == 6 ? 20000 : i};
        memcpy(memory + IOVS + i * sizeof iovec, iovec, sizeof iovec);
    }
    for (uint32_t i = 0; i < 64; i++) { /* of both layouts, more or less */
        const uint64_t sub[] = {i, i % 3, i % 5, 1000, i, i % 2};
        memcpy(memory + SUBS + i * sizeof sub, sub, sizeof sub);
    }
}

typedef struct input {
    const uint8_t *at, *end;
    uint32_t path_len; /* of the path that came last */
} input;

static uint64_t take(input *in, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n && in->at < in->end; i++) value |= (uint64_t)*in->at++ << (8 * i);
    return value;
}

static bool ends_with(const char *name, size_t len, const char *end)
{
    return len >= strlen(end) && memcmp(name + len - strlen(end), end, strlen(end)) == 0;
}

/* name: a parameter's in wasi.def, up to the blank. */
static uint64_t sensible(input *in, const char *name, size_t len, char letter, uint8_t pick)
{
    if (ends_with(name, len, "path_len") || ends_with(name, len, "text_len")) return in->path_len;
    if (ends_with(name, len, "path") || ends_with(name, len, "text")) {
        size_t i = pick % (MO_COUNT(paths) + 1);
        in->path_len = i < MO_COUNT(paths) ? (uint32_t)strlen(paths[i]) : 300;
        return i < MO_COUNT(paths) ? PATHS + i * PATH_ROOM : PAGE;
    }
    if (ends_with(name, len, "fd") && name[0] != 'r') return pick % 10;
    if (len == 2 && memcmp(name, "to", 2) == 0) return pick % 16;
    if (ends_with(name, len, "niovs") || (len == 1 && *name == 'n')) return pick % 12;
    if (ends_with(name, len, "iovs")) return IOVS + pick % 56 * 8u;
    if (ends_with(name, len, "subscriptions")) return SUBS + pick % 40 * 8u;
    if (ends_with(name, len, "rights") || ends_with(name, len, "inheriting"))
        return pick % 4 ? MO_RIGHTS_ALL : UINT64_C(1) << pick % 30;
    if (strncmp(name, "ret", 3) == 0 || ends_with(name, len, "buf") || ends_with(name, len, "events"))
        return pick == 0 ? MEMORY - 8 : ROOM + pick * 128u;
    if (ends_with(name, len, "buf_len")) return pick * 16u;
    if (ends_with(name, len, "flags") || ends_with(name, len, "lookup")) return pick & 0x80 ? pick % 32u : pick % 2u;
    return letter == 'l' ? pick * 1000u : pick % 32u;
}

static uint64_t one_value(input *in, const char *name, size_t len, char letter)
{
    static const uint64_t odd[] = {UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, UINT32_MAX, INT32_MAX, MEMORY, MEMORY - 1,
                                   UINT64_C(1) << 32, FILE_LIMIT, MEMORY - 8};
    uint8_t pick = (uint8_t)take(in, 1);
    if (pick < 0xc0) return sensible(in, name, len, letter, pick);
    return pick < 0xe0 ? odd[pick % MO_COUNT(odd)] : take(in, letter == 'l' ? 8 : 4);
}

/* --- calls --------------------------------------------------------------------------------------- */

typedef struct guest {
    mote_store *store;
    mote_instance *instance;
    uint8_t *memory;
} guest;

static guest make_guest(mote_engine *engine, mo_artifact *artifact, mote_wasi *wasi)
{
    static mote_linker *linker;
    guest g = {0};
    mote_error err = {0};
    if (!linker)
        must(mote_linker_new(engine, &linker, &err) == MOTE_OK && mote_wasi_link(linker, &err) == MOTE_OK, err.message);
    must(mote_store_new(engine, NULL, NULL, &g.store, &err) == MOTE_OK &&
             mote_linker_instantiate(linker, g.store, (mote_artifact *)artifact, &g.instance, &err) == MOTE_OK,
         err.message);
    mote_wasi_attach(wasi, g.store);
    g.memory = mote_memory_data(mote_instance_memory(g.instance, "memory"));
    fill_memory(g.memory);
    return g;
}

/* Bytes of the input's into memory. */
static void poke(const guest *g, input *in)
{
    uint32_t at = (uint32_t)take(in, 3) % MEMORY, n = (uint32_t)take(in, 1) % 64;
    for (uint32_t i = 0; i < n && at + i < MEMORY; i++) g->memory[at + i] = (uint8_t)take(in, 1);
}

/* The errno; UINT32_MAX: the guest is gone. */
static uint32_t call_row(const guest *g, uint32_t i, mote_raw *values)
{
    char number[8];
    mote_error err = {0};
    snprintf(number, sizeof number, "%u", i);
    if (mote_func_call_raw(mote_instance_func(g->instance, number), values, &err)) return UINT32_MAX;
    must(strcmp(rows[i].name, "proc_exit") == 0 || values[0].u32 <= MO_E_NOTCAPABLE, "no errno");
    return values[0].u32;
}

static bool call(const guest *g, uint32_t i, input *in)
{
    mote_raw values[MOST_PARAMS + 1] = {{.i64 = 0}};
    const char *name = rows[i].args;
    for (size_t k = 0; rows[i].params[k]; k++) {
        size_t len = strcspn(name, " ");
        values[k].u64 = one_value(in, name, len, rows[i].params[k]);
        name += len + strspn(name + len, " ");
    }
    return call_row(g, i, values) != UINT32_MAX;
}

enum {
#define WASI(name, params, args, text) ROW_##name,
#include "wasi/wasi.def"
};

/* Opens a path, follows it and reads: what random calls seldom do one after the other. */
static void look(const guest *g, input *in)
{
    uint64_t fd = take(in, 1) % 10, path = sensible(in, "path", 4, 'i', (uint8_t)take(in, 1));
    const uint64_t open[] = {fd, MO_LOOKUP_SYMLINK_FOLLOW, path, in->path_len, 0, MO_RIGHT_FD_READ, 0, 0, ROOM};
    mote_raw values[MOST_PARAMS];
    for (size_t k = 0; k < MO_COUNT(open); k++) values[k].u64 = open[k];
    if (call_row(g, ROW_path_open, values) != MO_E_SUCCESS) return;
    const uint64_t read[] = {mo_get32(g->memory + ROOM), IOVS + 20 * 8, 1, ROOM};
    for (size_t k = 0; k < MO_COUNT(read); k++) values[k].u64 = read[k];
    call_row(g, ROW_fd_read, values);
}

static void run(mote_engine *engine, mo_artifact *artifact, input *in)
{
    uint64_t random = take(in, 2);
    int ends[2] = {-1, -1}, other = connect_one();
    mote_wasi *wasi = make_wasi((uint8_t)take(in, 1), &random, ends);
    guest g = make_guest(engine, artifact, wasi);
    for (int n = 0; n < MOST_CALLS && in->at < in->end; n++) {
        uint32_t i = (uint32_t)take(in, 1) % (NROWS + 4);
        if (i >= NROWS + 2)
            look(&g, in);
        else if (i >= NROWS)
            poke(&g, in);
        else if (!call(&g, i, in))
            break;
    }
    must(!has_secret(g.memory, MEMORY), "the secret was read");
    mote_store_free(g.store);
    mote_wasi_free(wasi);
    close(other);
    if (ends[1] >= 0) close(ends[1]);
}

static int lowest_free(void)
{
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    must(fd >= 0, "no descriptor is free");
    close(fd);
    return fd;
}

static mote_engine *engine;
static mo_artifact *artifact;

static void start(void)
{
    mote_error err = {0};
    const struct rlimit small = {FILE_LIMIT, FILE_LIMIT};
    umask(0077);
    fill_rows();
    make_root();
    make_listener();
    must(mote_engine_new(&engine, &err) == MOTE_OK, err.message);
    artifact = make_artifact();
    input none = {NULL, NULL, 0};
    make_folder();
    run(engine, artifact, &none); /* what is made once is made */
    remove_all(path_in("in"));
    setrlimit(RLIMIT_FSIZE, &small); /* nothing may fill the memory that holds the folder */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input in = {bytes, bytes + len, 0};
    if (!engine) start();
    make_folder();
    uint64_t live = mo_alloc_live();
    int lowest = lowest_free();
    run(engine, artifact, &in);
    must(mo_alloc_live() == live, "memory is left over");
    must(lowest_free() == lowest, "a descriptor is left over");
    check_outside();
    remove_all(path_in("in"));
    must(access(path_in("in"), F_OK) != 0, "the folder can't be removed");
    return 0;
}
