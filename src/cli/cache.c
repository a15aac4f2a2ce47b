/* cache.c - mote cache: what mote run has compiled and kept, listed, removed, found. */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const option options[] = {
    {{0}, NULL, NULL, 0},
};

/* EXIT_OK with NULL in *ret: there is none yet. */
static int open_cache(mote_cache **ret)
{
    char path[4096];
    mote_error err = {0};
    mote_cache_options how = {.path = path, .must_exist = true};
    *ret = NULL;
    if (mote_cache_default_path(path, sizeof path, &err) != MOTE_OK)
        return say("%s", err.message), EXIT_SYSTEM;
    if (access(path, F_OK) != 0)
        return EXIT_OK;
    if (mote_cache_open(&how, ret, &err) == MOTE_OK)
        return EXIT_OK;
    say("%s", err.message);
    return exit_for(&err);
}

/* "512", "7.3k", "1.0g" */
static void size_text(uint64_t bytes, char text[32])
{
    static const char units[] = " kmgt";
    double n = (double)bytes;
    int unit = 0;
    for (; n >= 1024 && unit < 4; unit++)
        n /= 1024;
    if (unit)
        snprintf(text, 32, "%.1f%c", n, units[unit]);
    else
        snprintf(text, 32, "%llu", (unsigned long long)bytes);
}

/* --- list ------------------------------------------------------------------------ */

typedef struct listing {
    const mote_cache *cache;
    uint64_t n, bytes;
} listing;

static void print_module(const char *path)
{
    mote_artifact *artifact;
    mote_artifact_facts facts;
    if (mote_artifact_open(path, NULL, &artifact, NULL) != MOTE_OK) {
        puts("damaged, or of another version");
        return;
    }
    mote_artifact_describe(artifact, &facts);
    printf("-O%u %s %.*s%s%s\n", facts.opt_level, facts.target_cpu, (int)facts.module_name_len, facts.module_name,
           facts.fuel ? " fuel" : "", facts.strict ? " strict" : "");
    mote_artifact_unref(artifact);
}

static void print_entry(void *data, const mote_cache_entry *entry)
{
    listing *l = data;
    char path[4096], size[32], when[32];
    time_t used = (time_t)entry->used_s;
    struct tm tm;
    l->n++;
    l->bytes += entry->bytes;
    size_text(entry->bytes, size);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime_r(&used, &tm));
    printf("%.12s  %8s  %s  ", entry->name, size, when);
    snprintf(path, sizeof path, "%s/%s", mote_cache_path(l->cache), entry->name);
    print_module(path);
}

static int list(mote_cache *cache)
{
    listing l = {.cache = cache};
    char size[32];
    mote_error err = {0};
    if (cache && mote_cache_list(cache, print_entry, &l, &err) != MOTE_OK)
        return say("%s", err.message), exit_for(&err);
    size_text(l.bytes, size);
    printf("%llu module%s, %s bytes\n", (unsigned long long)l.n, l.n == 1 ? "" : "s", size);
    return EXIT_OK;
}

/* --- clear, path ------------------------------------------------------------------- */

static int clear(mote_cache *cache)
{
    uint64_t entries = 0, bytes = 0;
    char size[32];
    mote_error err = {0};
    if (cache && mote_cache_clear(cache, &entries, &bytes, &err) != MOTE_OK)
        return say("%s", err.message), exit_for(&err);
    size_text(bytes, size);
    printf("removed %llu module%s, %s bytes\n", (unsigned long long)entries, entries == 1 ? "" : "s", size);
    return EXIT_OK;
}

static int print_path(void)
{
    char path[4096];
    mote_error err = {0};
    if (mote_cache_default_path(path, sizeof path, &err) != MOTE_OK)
        return say("%s", err.message), EXIT_SYSTEM;
    puts(path);
    return EXIT_OK;
}

static int run_cache(const command *self, int argc, char **argv)
{
    words w = {.command = self, .argc = argc, .argv = argv};
    const char *action = NULL;
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return EXIT_USAGE;
        if (action) {
            say("cache: one thing at a time: %s, %s", action, w.value);
            return EXIT_USAGE;
        }
        action = w.value;
    }
    if (!action) {
        print_usage(self);
        return EXIT_USAGE;
    }
    if (strcmp(action, "path") == 0)
        return print_path();
    bool clears = strcmp(action, "clear") == 0;
    if (!clears && strcmp(action, "list") != 0) {
        say("cache: want list, clear or path, have %s", action);
        return EXIT_USAGE;
    }
    mote_cache *cache;
    int status = open_cache(&cache);
    if (status == EXIT_OK)
        status = clears ? clear(cache) : list(cache);
    mote_cache_close(cache);
    return status;
}

const command command_cache = {
    .name = "cache",
    .synopsis = "list|clear|path",
    .summary = "look at what mote run has compiled and kept, or remove it",
    .details = "The cache is a folder: $MOTE_CACHE_DIR, or mote in $XDG_CACHE_HOME, or .cache/mote in\n"
               "$HOME. It belongs to one user; nobody else may write there. It keeps at most 1 GiB\n"
               "(mote run -C cache-size=SIZE); what was used least recently goes. A module is found\n"
               "again by its file if that has not changed, otherwise by its contents.\n"
               "\n"
               "list shows a part of the name, the size, when it was used last, and how it was\n"
               "compiled. clear removes everything; programs that run go on. path prints the folder.\n",
    .examples = "  mote cache list\n"
                "  mote cache clear\n"
                "  du -sh \"$(mote cache path)\"\n"
                "  MOTE_CACHE_DIR=/var/tmp/mine mote run prog.wasm\n"
                "  mote run -C cache=n prog.wasm\n",
    .options = options,
    .run = run_cache,
};
