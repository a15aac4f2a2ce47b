/* Claims about the cache: each module is compiled once, changes are seen, damage and
 * death leave nothing, and the folder stays within its bound. The maker is a stand-in
 * for the compiler that writes down each call. */
#include "artifact/cache.h"
#include "artifact/make.h"
#include "mote/artifact.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char base[64], folder[96], module_path[96], log_path[96];

static void run(const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "%s '%s'", command, base);
    expect(system(line) == 0);
}

static void set_up(void)
{
    strcpy(base, "/tmp/mote-test-cache-XXXXXX");
    expect(mkdtemp(base) != NULL);
    snprintf(folder, sizeof folder, "%s/a/b", base);
    snprintf(module_path, sizeof module_path, "%s/m.wasm", base);
    snprintf(log_path, sizeof log_path, "%s/log", base);
}

static void tear_down(void) { run("rm -rf"); }

static void put_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    expect(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}
static void put_module(const char *text) { put_file(module_path, text, strlen(text)); }

static size_t makes(void)
{
    struct stat st;
    return stat(log_path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* --- the maker ------------------------------------------------------------------ */

typedef enum manner { WELL, SLOWLY, BADLY, NOT_AT_ALL, DYING, ALTERED } manner;

static mote_status make_artifact(void *data, const void *bytes, size_t len, const char *const *flags, size_t nflags,
                                 void **ret, size_t *retlen, mote_error *err)
{
    const manner how = *(const manner *)data;
    (void)bytes, (void)len, (void)flags, (void)nflags;
    int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    expect(fd >= 0 && write(fd, "x", 1) == 1);
    close(fd);
    if (how == SLOWLY) usleep(300 * 1000);
    if (how == DYING) kill(getpid(), SIGKILL);
    if (how == NOT_AT_ALL) return mo_fail(err, MOTE_INVALID, 7, "no"), MOTE_INVALID;
    mo_buffer file = example_bytes();
    if (how == BADLY) file.at[3] ^= 1;
    if (how == ALTERED) file.at[file.len - 1] ^= 1;
    *ret = file.at;
    *retlen = file.len;
    return MOTE_OK;
}

static mote_cache *open_cache(uint64_t max_bytes)
{
    mote_cache *cache = NULL;
    mote_error err = {0};
    mote_cache_options options = {.path = folder, .max_bytes = max_bytes};
    if (!expect(mote_cache_open(&options, &cache, &err) == MOTE_OK)) fprintf(stderr, "    %s\n", err.message);
    return cache;
}

static mote_status load_with(mote_cache *cache, manner how, const char *flag)
{
    mote_artifact *a = NULL;
    mote_error err = {0};
    mote_status status = mote_cache_load(cache, module_path, &flag, flag != NULL, make_artifact, &how, &a, &err);
    expect(status == err.status && (status == MOTE_OK) == (a != NULL));
    if (a) expect(mo_artifact_export((mo_artifact *)a, "add", 3) != NULL);
    mote_artifact_unref(a);
    return status;
}
static bool loads(mote_cache *cache) { return load_with(cache, WELL, NULL) == MOTE_OK; }

static bool finds(mote_cache *cache)
{
    mote_artifact *a = NULL;
    bool found = mote_cache_find(cache, module_path, NULL, 0, &a);
    mote_artifact_unref(a);
    return found;
}

/* --- the folder's files ------------------------------------------------------------ */

typedef struct counts { size_t entries, fronts, others; char entry[400]; } counts;

static counts count_files(void)
{
    counts c = {0};
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        const char *dot = strrchr(e->d_name, '.');
        if (e->d_name[0] == '.' || strcmp(e->d_name, "lock") == 0) continue;
        if (dot && strcmp(dot, ".mote") == 0) {
            c.entries++;
            snprintf(c.entry, sizeof c.entry, "%s/%s", folder, e->d_name);
        } else if (dot && strcmp(dot, ".file") == 0) {
            c.fronts++;
        } else {
            c.others++;
        }
    }
    if (d) closedir(d);
    return c;
}

static void settle(void)
{
    struct timespec t = {.tv_sec = 2, .tv_nsec = 600000000};
    nanosleep(&t, NULL);
}

/* --- one process ------------------------------------------------------------------- */

TEST(a_module_is_compiled_once)
{
    set_up();
    mote_cache *cache = open_cache(0);
    struct stat st;
    expect(stat(folder, &st) == 0 && (st.st_mode & 07777) == 0700);
    put_module("one");
    expect(!finds(cache) && loads(cache) && loads(cache));
    expect_u64(makes(), 1);
    expect(load_with(cache, WELL, "-O1") == MOTE_OK); /* other flags, other code */
    expect_u64(makes(), 2);
    expect_u64(count_files().entries, 2);
    expect(stat(count_files().entry, &st) == 0 && (st.st_mode & 07777) == 0600);
    expect(!mote_cache_trouble(cache));
    mote_cache_close(cache);
    tear_down();
}

TEST(a_file_that_was_left_alone_is_known_without_reading)
{
    set_up();
    mote_cache *cache = open_cache(0);
    put_module("one");
    expect(loads(cache));
    expect(!finds(cache)); /* too young to be believed */
    settle();
    expect(!finds(cache) && loads(cache) && finds(cache));
    expect_u64(makes(), 1);
    expect_u64(count_files().fronts, 1);
    put_module("two");
    expect(!finds(cache) && loads(cache));
    expect_u64(makes(), 2);
    mote_cache_close(cache);
    tear_down();
}

TEST(a_change_in_the_same_tick_is_seen)
{
    static const struct timespec long_ago[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    set_up();
    mote_cache *cache = open_cache(0);
    for (int i = 0; i < 200; i++) {
        char text[16];
        snprintf(text, sizeof text, "%03d", i); /* the same size */
        put_module(text);
        if (i % 2) expect(utimensat(AT_FDCWD, module_path, long_ago, 0) == 0);
        expect(!finds(cache) && loads(cache) && !finds(cache));
        if (!expect_u64(makes(), i + 1)) break;
    }
    mote_cache_close(cache);
    tear_down();
}

static void damaged_by(void (*damage)(const char *path))
{
    set_up();
    mote_cache *cache = open_cache(0);
    put_module("one");
    expect(loads(cache));
    damage(count_files().entry);
    expect(loads(cache));
    expect_u64(makes(), 2);
    expect(loads(cache));
    expect_u64(makes(), 2);
    expect_u64(count_files().entries, 1);
    mote_cache_close(cache);
    tear_down();
}
static void cut_short(const char *path) { expect(truncate(path, 5000) == 0); }
static void empty(const char *path) { expect(truncate(path, 0) == 0); }
static void let_others_write(const char *path) { expect(chmod(path, 0666) == 0); }
static void alter(const char *path)
{
    int fd = open(path, O_WRONLY);
    expect(fd >= 0 && pwrite(fd, "?", 1, 100) == 1);
    close(fd);
}
TEST(damaged_entries_are_made_again)
{
    damaged_by(cut_short);
    damaged_by(empty);
    damaged_by(alter);
    damaged_by(let_others_write);
}

TEST(what_the_maker_spoils_is_not_kept)
{
    set_up();
    mote_cache *cache = open_cache(0);
    put_module("one");
    expect(load_with(cache, NOT_AT_ALL, NULL) == MOTE_INVALID);
    expect(load_with(cache, BADLY, NULL) == MOTE_REFUSED);
    expect(load_with(cache, ALTERED, NULL) == MOTE_REFUSED);
    expect_u64(count_files().entries + count_files().others, 0);
    expect(loads(cache));
    unlink(module_path);
    expect(!finds(cache) && load_with(cache, WELL, NULL) == MOTE_IO);
    mote_cache_close(cache);
    tear_down();
}

/* --- bounds ---------------------------------------------------------------------------- */

static void use_at(const char *path, time_t when)
{
    struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
    expect(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void entry_path(const mote_cache *cache, const char *module, char path[200])
{
    mo_cache_name name = mo_cache_entry_name(cache, (mo_cache_flags){0}, module, strlen(module));
    snprintf(path, 200, "%s/%s", folder, name.text);
}

TEST(what_was_used_least_recently_goes_first)
{
    set_up();
    mo_buffer one = example_bytes();
    mote_cache *cache = open_cache(3 * one.len + one.len / 2);
    char paths[3][200];
    for (int i = 0; i < 3; i++) {
        const char *text = (const char *[]){"a", "b", "c"}[i];
        put_module(text);
        expect(loads(cache));
        entry_path(cache, text, paths[i]);
        use_at(paths[i], 1000000 + i);
    }
    put_module("a"); /* used again, which is noted */
    expect(loads(cache) && makes() == 3);
    put_module("d");
    expect(loads(cache));
    expect_u64(count_files().entries, 3);
    expect(access(paths[0], F_OK) == 0 && access(paths[1], F_OK) != 0 && access(paths[2], F_OK) == 0);
    mote_cache_close(cache);

    cache = open_cache(one.len / 2); /* nothing fits: it runs all the same */
    put_module("e");
    expect(loads(cache) && mote_cache_trouble(cache));
    expect_u64(count_files().entries, 3);
    mote_cache_close(cache);
    mo_buffer_free(&one);
    tear_down();
}

static void count_entry(void *data, const mote_cache_entry *entry)
{
    size_t *n = data;
    struct stat st;
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, entry->name);
    expect(stat(path, &st) == 0 && (uint64_t)st.st_size == entry->bytes && (uint64_t)st.st_mtime == entry->used_s);
    ++*n;
}

TEST(listed_and_cleared_and_nothing_else)
{
    set_up();
    mote_cache *cache = open_cache(0);
    char other[200];
    size_t n = 0;
    uint64_t entries = 0, bytes = 0;
    mo_buffer one = example_bytes();
    snprintf(other, sizeof other, "%s/diary.mote", folder);
    put_file(other, "x", 1);
    put_module("one");
    expect(loads(cache));
    put_module("two");
    expect(loads(cache));
    expect(mote_cache_list(cache, count_entry, &n, NULL) == MOTE_OK);
    expect_u64(n, 2);
    expect(mote_cache_clear(cache, &entries, &bytes, NULL) == MOTE_OK);
    expect_u64(entries, 2);
    expect_u64(bytes, 2 * one.len);
    expect(access(other, F_OK) == 0);
    expect_u64(count_files().entries, 1);
    mo_buffer_free(&one);
    mote_cache_close(cache);
    tear_down();
}

TEST(links_to_an_entry_go_with_it_and_do_not_pile_up)
{
    set_up();
    mote_cache *cache = open_cache(0);
    mo_artifact *a = NULL;
    mo_buffer one = example_bytes();
    mote_error err = {0};
    mo_cache_name entry = mo_cache_entry_name(cache, (mo_cache_flags){0}, "one", 3);
    expect(mo_cache_enter(cache, &entry, one.at, one.len, &err) && mo_cache_open_entry(cache, &entry, &a));
    for (int i = 0; a && i < 600; i++) {
        struct stat st = {.st_ino = (ino_t)i};
        mo_cache_name front = mo_cache_front_name(cache, (mo_cache_flags){0}, &st);
        mo_cache_link(cache, a, &entry, &front);
        mo_cache_link(cache, a, &entry, &front); /* there already */
    }
    expect(count_files().fronts > 0 && count_files().fronts <= 257);
    expect(mo_cache_evict(cache, one.len, NULL, NULL, NULL) && count_files().fronts > 0);
    expect(mo_cache_evict(cache, one.len - 1, NULL, NULL, NULL));
    expect_u64(count_files().fronts + count_files().entries, 0);
    mo_artifact_unref(a);
    mo_buffer_free(&one);
    mote_cache_close(cache);
    tear_down();
}

TEST(a_file_system_without_nameless_files_will_do)
{
    set_up();
    mote_cache *cache = open_cache(0);
    mo_artifact *a = NULL;
    mo_buffer one = example_bytes();
    mote_error err = {0};
    char dead[200], other[200];
    mo_cache_name entry = mo_cache_entry_name(cache, (mo_cache_flags){0}, "one", 3);
    expect(mo_cache_enter_named(cache, &entry, one.at, one.len, &err));
    expect(mo_cache_enter_named(cache, &entry, one.at, one.len, &err)); /* somebody was first */
    expect(mo_cache_open_entry(cache, &entry, &a));
    expect(count_files().entries == 1 && count_files().others == 0);
    snprintf(dead, sizeof dead, "%s/new-0123456789abcdef", folder);
    put_file(dead, "x", 1);
    snprintf(other, sizeof other, "%s/newspaper", folder);
    put_file(other, "x", 1);
    settle();
    expect(mo_cache_evict(cache, one.len, NULL, NULL, NULL));
    expect(access(dead, F_OK) != 0 && access(other, F_OK) == 0);
    mo_artifact_unref(a);
    mo_buffer_free(&one);
    mote_cache_close(cache);
    tear_down();
}

/* --- folders that will not do ------------------------------------------------------------- */

static void refuses_folder(mote_status want, const char *words)
{
    mote_cache *cache = NULL;
    mote_error err = {0};
    mote_cache_options options = {.path = folder};
    expect(mote_cache_open(&options, &cache, &err) == want && !cache);
    if (!expect(strstr(err.message, words))) fprintf(stderr, "    have: %s\n", err.message);
}

TEST(only_a_folder_of_ones_own_is_used)
{
    set_up();
    mote_cache_close(open_cache(0));
    expect(chmod(folder, 0770) == 0);
    refuses_folder(MOTE_REFUSED, "can be written by others (mode 0770)");
    expect(chmod(folder, 0700) == 0);
    if (geteuid() == 0) {
        expect(chown(folder, 12345, 12345) == 0);
        refuses_folder(MOTE_REFUSED, "belongs to user 12345");
        snprintf(folder, sizeof folder, "%s/a/b/c/d", base); /* nor is one made below it */
        refuses_folder(MOTE_IO, "");
        expect(access(folder, F_OK) != 0);
    }
    put_module("a file");
    snprintf(folder, sizeof folder, "%s/m.wasm", base);
    refuses_folder(MOTE_IO, "Not a directory");
    snprintf(folder, sizeof folder, "%s/m.wasm/x", base);
    refuses_folder(MOTE_IO, "");
    tear_down();
}

TEST(the_environment_names_the_folder)
{
    char path[64];
    mote_error err = {0};
    setenv("HOME", "/home/x", 1);
    setenv("XDG_CACHE_HOME", "/var/x", 1);
    setenv("MOTE_CACHE_DIR", "rel/x", 1);
    expect(mote_cache_default_path(path, sizeof path, &err) == MOTE_OK);
    expect_text(path, "rel/x");
    unsetenv("MOTE_CACHE_DIR");
    expect(mote_cache_default_path(path, sizeof path, &err) == MOTE_OK);
    expect_text(path, "/var/x/mote");
    setenv("XDG_CACHE_HOME", "var/x", 1); /* not absolute */
    expect(mote_cache_default_path(path, sizeof path, &err) == MOTE_OK);
    expect_text(path, "/home/x/.cache/mote");
    expect(mote_cache_default_path(path, 8, &err) == MOTE_LIMIT);
    setenv("HOME", "", 1);
    err = (mote_error){0};
    expect(mote_cache_default_path(path, sizeof path, &err) == MOTE_IO);
}

TEST(a_full_disk_leaves_nothing_and_the_module_runs)
{
    struct rlimit before, small = {5000, 5000};
    set_up();
    mote_cache *cache = open_cache(0);
    put_module("one");
    signal(SIGXFSZ, SIG_IGN);
    expect(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small.rlim_max = before.rlim_max;
    pid_t child = fork();
    if (child == 0) {
        /* The memory file of an artifact that cannot be kept counts too, so only look. */
        mo_buffer one = example_bytes();
        mote_error err = {0};
        mo_cache_name entry = mo_cache_entry_name(cache, (mo_cache_flags){0}, "one", 3);
        bool ok = setrlimit(RLIMIT_FSIZE, &small) == 0 && !mo_cache_enter(cache, &entry, one.at, one.len, &err) &&
                  !mo_cache_enter_named(cache, &entry, one.at, one.len, NULL) && err.status == MOTE_IO;
        _exit(!ok);
    }
    int status = -1;
    expect(waitpid(child, &status, 0) == child && status == 0);
    counts c = count_files();
    expect_u64(c.entries + c.others, 0);
    mote_cache_close(cache);
    tear_down();
}

TEST(load_survives_each_failed_allocation)
{
    set_up();
    put_module("one");
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0; n < 1000; n++) {
        manner how = WELL;
        mote_artifact *a = NULL;
        mote_cache *cache = NULL;
        mote_error err = {0};
        mote_cache_options options = {.path = folder};
        mo_alloc_fail_at(n);
        mote_status status = mote_cache_open(&options, &cache, &err);
        bool made_before = makes() > 0;
        if (status == MOTE_OK && made_before)
            status = mote_cache_load(cache, module_path, NULL, 0, make_artifact, &how, &a, &err);
        mo_alloc_fail_at(UINT64_MAX);
        if (status == MOTE_OK && !made_before) expect(loads(cache)); /* the maker itself cannot fail so */
        mote_artifact_unref(a);
        mote_cache_close(cache);
        expect(status == MOTE_OK || status == MOTE_NOMEM);
        if (n == 0) expect(status == MOTE_NOMEM);
        if (status == MOTE_OK && made_before) break;
    }
    expect(makes() >= 1);
    expect_u64(mo_alloc_live(), live);
    tear_down();
}

/* --- many processes --------------------------------------------------------------------------- */

static pid_t start_loading(manner how)
{
    pid_t child = fork();
    if (child) return child;
    mote_cache *cache = open_cache(0);
    _exit(load_with(cache, how, NULL) != MOTE_OK);
}

TEST(twenty_processes_compile_once)
{
    pid_t children[20];
    set_up();
    put_module("one");
    for (int i = 0; i < 20; i++) children[i] = start_loading(SLOWLY);
    for (int i = 0; i < 20; i++) {
        int status = -1;
        expect(waitpid(children[i], &status, 0) == children[i] && status == 0);
    }
    expect_u64(makes(), 1);
    expect(count_files().entries == 1 && count_files().others == 0);
    tear_down();
}

TEST(a_process_that_dies_leaves_nothing_and_holds_up_nobody)
{
    set_up();
    put_module("one");
    pid_t child = start_loading(DYING);
    int status = -1;
    expect(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    counts c = count_files();
    expect_u64(c.entries + c.others, 0);
    child = start_loading(WELL);
    expect(waitpid(child, &status, 0) == child && status == 0);
    expect_u64(makes(), 2);
    tear_down();
}
