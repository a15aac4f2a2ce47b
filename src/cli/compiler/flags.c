/* flags.c - mote-compile's words, the same on its command line and in a worker's
 * request: flags.def, from which parsing and --help come. */
#include "cli/compiler/compiler.h"

#include <stdio.h>
#include <stdlib.h>

typedef bool take(mo_job_flags *f, const char *value, mote_error *err);

static bool wrong(mote_error *err, const char *flag, const char *want, const char *have)
{
    return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "%s: want %s, have '%s'", flag, want, have);
}

static bool number(const char *flag, const char *value, uint64_t *ret, mote_error *err)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);
    uint64_t scale = *end == 'K' ? 1024 : *end == 'M' ? 1024 * 1024 : *end == 'G' ? 1024 * 1024 * 1024 : 1;
    if (end == value || *value == '-' || end[scale > 1 ? 1 : 0] || n > UINT64_MAX / scale)
        return wrong(err, flag, "a number", value);
    *ret = n * scale;
    return true;
}

static bool take_level(mo_job_flags *f, const char *value, mote_error *err)
{
    if (value[0] < '0' || value[0] > '3' || value[1])
        return wrong(err, "-O", "0, 1, 2 or 3", value);
    f->options.opt_level = (uint8_t)(value[0] - '0');
    return true;
}

static bool take_output(mo_job_flags *f, const char *value, mote_error *err) { (void)err; f->output = value; return true; }
static bool take_cpu(mo_job_flags *f, const char *value, mote_error *err) { (void)err; f->options.target_cpu = value; return true; }

static bool take_passes(mo_job_flags *f, const char *value, mote_error *err) { (void)err; f->options.passes = value; return true; }

static bool take_emit(mo_job_flags *f, const char *value, mote_error *err)
{
    static const char *const names[] = {"artifact", "llvm", "asm", "object", "known"};
    for (size_t i = 0; i < MO_COUNT(names); i++)
        if (strcmp(value, names[i]) == 0) {
            f->emit = (mo_emit_kind)i;
            return true;
        }
    return wrong(err, "--emit", "artifact, llvm, asm, object or known", value);
}

/* FEATURE, FEATURE=y or FEATURE=n, several separated by commas; all stands for each. */
static bool take_features(mo_job_flags *f, const char *value, mote_error *err)
{
    while (*value) {
        char name[64];
        size_t len = strcspn(value, ",");
        const char *equals = memchr(value, '=', len);
        size_t name_len = equals ? (size_t)(equals - value) : len;
        snprintf(name, sizeof name, "%.*s", (int)(name_len < sizeof name ? name_len : sizeof name - 1), value);
        bool on = !equals || equals[1] == 'y';
        if (equals && equals[1] != 'y' && equals[1] != 'n')
            return wrong(err, "-W", "FEATURE=y or FEATURE=n", value);
        mo_feature feature = mo_feature_find(name);
        bool all = strcmp(name, "all") == 0 || strcmp(name, "all-proposals") == 0;
        if (feature == MO_FEATURES && !all)
            return wrong(err, "-W", "a feature's name", name);
        mo_features bits = all ? mo_features_all() : UINT64_C(1) << feature;
        f->features = on ? f->features | bits : f->features & ~bits;
        value += len + (value[len] == ',');
    }
    return true;
}

static bool take_threads(mo_job_flags *f, const char *value, mote_error *err)
{
    uint64_t n = 0;
    if (!number("--threads", value, &n, err))
        return false;
    f->options.threads = n > 1024 ? 1024 : (uint32_t)n;
    return true;
}

static bool take_disassemble(mo_job_flags *f, const char *value, mote_error *err) { (void)err; f->disassemble = value; return true; }

static bool take_time(mo_job_flags *f, const char *value, mote_error *err)
{
    uint64_t n = 0;
    if (!number("--time-limit", value, &n, err))
        return false;
    f->time_limit_s = n;
    return true;
}

static bool take_memory(mo_job_flags *f, const char *value, mote_error *err)
{
    return number("--memory-limit", value, &f->memory_limit, err);
}

#define SWITCH(name, field) \
    static bool name(mo_job_flags *f, const char *value, mote_error *err) { (void)value, (void)err; return f->field = true; }
SWITCH(set_fuel, options.fuel)
SWITCH(set_nans, options.canonical_nans)
SWITCH(set_strict, options.strict)
SWITCH(set_timings, timings)
SWITCH(set_worker, worker)
SWITCH(set_background, background)
SWITCH(set_check, check)
SWITCH(set_help, help)
SWITCH(set_version, version)

static const struct flag {
    const char *name;  /* one dash: the value may follow without a space */
    const char *value; /* NULL: a switch */
    take *take;
    const char *help;
} flags[] = {
#define FLAG(name, value, take, help) {name, value, take, help},
#include "cli/compiler/flags.def"
#undef FLAG
};

mo_job_flags mo_flags_default(void)
{
    return (mo_job_flags){
        .options = {.opt_level = 2, .target_cpu = "native"},
        .features = mo_features_default(),
        .time_limit_s = MO_LIMIT_DEFAULT,
        .memory_limit = MO_LIMIT_DEFAULT,
    };
}

/* The value of flag in word, "" if it is still to come, NULL if word is another flag. */
static const char *match(const struct flag *flag, const char *word)
{
    size_t len = strlen(flag->name);
    if (strncmp(word, flag->name, len) != 0)
        return NULL;
    const char *rest = word + len;
    if (!*rest || !flag->value)
        return *rest ? NULL : rest;
    if (*rest == '=')
        return rest + 1;
    return flag->name[1] == '-' ? NULL : rest;
}

int mo_flags_take(mo_job_flags *f, const char *word, const char *next, mote_error *err)
{
    if (word[0] != '-' || !word[1]) {
        if (f->input)
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "one input file: have '%s' and '%s'", f->input, word);
        f->input = word;
        return 1;
    }
    for (size_t i = 0; i < MO_COUNT(flags); i++) {
        const char *value = match(&flags[i], word);
        if (!value)
            continue;
        bool separate = flags[i].value && !*value;
        if (separate && !next)
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "%s: want %s", word, flags[i].value);
        return flags[i].take(f, separate ? next : value, err) ? 1 + separate : 0;
    }
    return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "unknown flag '%s'; --help lists them", word);
}

void mo_flags_help(void)
{
    puts("Usage: mote-compile [FLAGS] FILE.wasm\n"
         "Compiles one WebAssembly module to an artifact that mote maps and runs.\n");
    for (size_t i = 0; i < MO_COUNT(flags); i++) {
        char left[40];
        const char *value = flags[i].value;
        snprintf(left, sizeof left, "%s%s%s", flags[i].name, value ? flags[i].name[1] == '-' ? "=" : " " : "", value ? value : "");
        printf("  %-22s  %s\n", left, flags[i].help);
    }
}
