/* main.c - finds the scripts, gives each a process of its own, adds up.
 *   mote-spec [options] FOLDER...
 * Prints `N passed, N failed, N skipped` per folder and, as the last line, in all. */
#include "spec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct script {
    char *path;
    uint32_t folder; /* which of the command line's */
    off_t size;
    progress *progress;
    FILE *told;      /* what its process printed */
    pid_t pid;       /* while it runs */
    time_t deadline;
    const char *ended; /* how, if badly */
    int signal;
} script;

typedef struct scripts {
    script *at;
    size_t n, cap;
} scripts;

static void die(const char *what, const char *which)
{
    fprintf(stderr, "mote-spec: %s%s%s\n", what, which ? ": " : "", which ? which : "");
    exit(2);
}

/* --- finding ------------------------------------------------------------- */

static void add_script(scripts *list, const char *path, uint32_t folder, off_t size)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 64;
        list->at = realloc(list->at, list->cap * sizeof *list->at);
        if (!list->at)
            die("out of memory", NULL);
    }
    list->at[list->n++] = (script){.path = strdup(path), .folder = folder, .size = size};
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Every .json at or below path. */
static void find_scripts(scripts *list, const char *path, uint32_t folder)
{
    struct stat st;
    if (stat(path, &st) != 0)
        die(strerror(errno), path);
    if (!S_ISDIR(st.st_mode)) {
        if (ends_with(path, ".json"))
            add_script(list, path, folder, st.st_size);
        return;
    }
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0)
        die(strerror(errno), path);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        bool is_folder = names[i]->d_type == DT_DIR || names[i]->d_type == DT_UNKNOWN;
        if (name[0] != '.' && (is_folder || ends_with(name, ".json"))) {
            char below[4096];
            snprintf(below, sizeof below, "%s/%s", path, name);
            find_scripts(list, below, folder);
        }
        free(names[i]);
    }
    free(names);
}

static int by_size(const void *a, const void *b)
{
    off_t x = (*(script *const *)a)->size, y = (*(script *const *)b)->size;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* --- running --------------------------------------------------------------- */

static void start_script(script *s, const options *o)
{
    s->told = tmpfile();
    if (!s->told)
        die("temporary file", strerror(errno));
    s->deadline = time(NULL) + o->timeout_s;
    fflush(stdout);
    s->pid = fork();
    if (s->pid < 0)
        die("fork", strerror(errno));
    if (s->pid == 0) {
        dup2(fileno(s->told), STDOUT_FILENO);
        dup2(fileno(s->told), STDERR_FILENO);
        run_script(s->path, o, s->progress);
        fflush(stdout);
        exit(0); /* not _exit: a sanitizer looks for leaks here */
    }
}

static void finish_script(script *s, int status)
{
    s->pid = 0;
    if (WIFSIGNALED(status)) {
        s->signal = WTERMSIG(status);
        s->ended = s->ended ? s->ended : strsignal(s->signal);
    } else if (WEXITSTATUS(status) != 0) {
        s->ended = "error exit";
    }
    progress *p = s->progress;
    uint32_t counted = p->passed + p->failed;
    for (int i = 0; i < SKIP_REASONS; i++)
        counted += p->skipped[i];
    if (s->ended && counted < p->ncommands)
        p->failed += p->ncommands - counted;
    else if (s->ended || p->ncommands == 0)
        p->failed++;
}

static void tell_script(script *s, const options *o)
{
    char line[4096];
    uint32_t told = 0;
    rewind(s->told);
    while (fgets(line, sizeof line, s->told)) {
        if (o->verbose || told < 3)
            fputs(line, stdout);
        told++;
    }
    if (told > 3 && !o->verbose)
        printf("  ... and %u lines more (--verbose)\n", told - 3);
    if (s->ended)
        printf("%s:%u: %s; what follows has failed\n", s->path, s->progress->line, s->ended);
    fclose(s->told);
    fflush(stdout);
}

/* One of the running scripts has ended, or one has to. */
static void await_any(scripts *list, const options *o)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        for (size_t i = 0; i < list->n; i++) {
            script *s = &list->at[i];
            if (s->pid > 0 && s->pid == pid) {
                finish_script(s, status);
                tell_script(s, o);
                return;
            }
            if (s->pid > 0 && time(NULL) > s->deadline) {
                s->ended = "took too long";
                kill(s->pid, SIGKILL);
            }
        }
        if (pid <= 0)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

/* The largest first, so that no long one is left for the end. */
static void run_all(scripts *list, const options *o)
{
    progress *shared = mmap(NULL, (list->n + 1) * sizeof *shared, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    script **order = calloc(list->n + 1, sizeof *order);
    if (shared == MAP_FAILED || !order)
        die("out of memory", NULL);
    for (size_t i = 0; i < list->n; i++) {
        list->at[i].progress = &shared[i];
        order[i] = &list->at[i];
    }
    qsort(order, list->n, sizeof *order, by_size);

    size_t running = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (running == o->jobs) {
            await_any(list, o);
            running--;
        }
        start_script(order[i], o);
        running++;
    }
    for (; running; running--)
        await_any(list, o);
    free(order);
}

/* --- telling ----------------------------------------------------------------- */

static void add_progress(progress *sum, const progress *p)
{
    sum->passed += p->passed;
    sum->failed += p->failed;
    for (int i = 0; i < SKIP_REASONS; i++)
        sum->skipped[i] += p->skipped[i];
}

static void print_sum(const char *name, const progress *p)
{
    static const char *const reasons[] = {
#define X(name, text) text,
        SKIPS(X)
#undef X
    };
    uint32_t skipped = 0;
    for (int i = 0; i < SKIP_REASONS; i++)
        skipped += p->skipped[i];
    if (name)
        printf("%s: ", name);
    printf("%u passed, %u failed, %u skipped", p->passed, p->failed, skipped);
    for (int i = 0, n = 0; name && i < SKIP_REASONS; i++)
        if (p->skipped[i])
            printf("%s%u %s", n++ ? ", " : " (", p->skipped[i], reasons[i]);
    puts(name && skipped ? ")" : "");
}

static bool print_sums(const scripts *list, char *const *folders, uint32_t nfolders)
{
    progress all = {0};
    for (uint32_t f = 0; f < nfolders; f++) {
        progress sum = {0};
        for (size_t i = 0; i < list->n; i++)
            if (list->at[i].folder == f)
                add_progress(&sum, list->at[i].progress);
        print_sum(folders[f], &sum);
        add_progress(&all, &sum);
    }
    print_sum(NULL, &all);
    return all.failed == 0;
}

/* --- options ------------------------------------------------------------------ */

static const char usage[] =
    "usage: mote-spec [options] FOLDER...\n"
    "  --compiler PATH  the mote-compile to use\n"
    "  -j N             scripts at a time (one per processor)\n"
    "  --timeout S      seconds that one script may take (600)\n"
    "  --cache FOLDER   keep compiled modules there from run to run\n"
    "  -v, --verbose    tell every failure, not the first three of a script\n"
    "  -O0 ... -O3, --strict, ...  go to the compiler\n";

static void add_flag(options *o, const char *flag)
{
    if (o->nflags == MAX_FLAGS)
        die("too many options", flag);
    o->flags[o->nflags++] = flag;
}

/* Leaves the folders at the front of argv; returns how many. */
static uint32_t read_options(int argc, char **argv, options *o)
{
    uint32_t n = 0;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (word[0] != '-') {
            argv[n++] = argv[i];
        } else if (strcmp(word, "-v") == 0 || strcmp(word, "--verbose") == 0) {
            o->verbose = true;
        } else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            fputs(usage, stdout);
            exit(0);
        } else if (strcmp(word, "-j") == 0 || strcmp(word, "--timeout") == 0) {
            char *end;
            unsigned long value = next ? strtoul(next, &end, 10) : 0;
            if (!next || *end || value == 0 || value > 100000)
                die("a number is wanted after", word);
            *(strcmp(word, "-j") == 0 ? &o->jobs : &o->timeout_s) = (uint32_t)value;
            i++;
        } else if (strcmp(word, "--compiler") == 0 || strcmp(word, "--cache") == 0) {
            if (!next)
                die("a path is wanted after", word);
            if (strcmp(word, "--cache") == 0)
                o->cache = argv[i + 1];
            else
                o->compiler = next;
            i++;
        } else {
            add_flag(o, word);
        }
    }
    return n;
}

/* Artifacts of this run are kept until its end, so that a module that many scripts hold
 * is compiled once. */
static void open_cache(options *o, char *temporary)
{
    if (!o->cache && !(o->cache = mkdtemp(temporary)))
        die("temporary folder", strerror(errno));
    if (mkdir(o->cache, 0700) != 0 && errno != EEXIST)
        die(strerror(errno), o->cache);
}

static void remove_cache(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, NULL);
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            unlink(file);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    rmdir(path);
}

int main(int argc, char **argv)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options o = {.jobs = cores > 0 ? (uint32_t)cores : 1, .timeout_s = 600};
    char temporary[] = "/tmp/mote-spec.XXXXXX";
    uint32_t nfolders = read_options(argc, argv, &o);
    if (nfolders == 0) {
        fputs(usage, stderr);
        return 2;
    }
    open_cache(&o, temporary);
    scripts list = {0};
    for (uint32_t f = 0; f < nfolders; f++)
        find_scripts(&list, argv[f], f);
    run_all(&list, &o);
    if (o.cache == temporary)
        remove_cache(temporary);
    bool good = print_sums(&list, argv, nfolders) && list.n > 0;
    for (size_t i = 0; i < list.n; i++)
        free(list.at[i].path);
    free(list.at);
    return good ? 0 : 1;
}
