/* options.c - reads a command line by a command's table. Long options take their value
 * after = or in the next word, one letter also takes it at once (-O2). */
#include "cli.h"

#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- options ------------------------------------------------------------------- */

static int unknown(const words *w, const char *word)
{
    const char *names[64];
    char name[64];
    size_t n = 0;
    for (const option *o = w->command->options; o->names[0]; o++)
        for (int i = 0; i < 2 && n + 1 < sizeof names / sizeof *names; i++)
            if (o->names[i])
                names[n++] = o->names[i];
    names[n] = NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *near = word[1] == '-' ? mo_nearest(name, names) : NULL;
    if (near)
        say("%s: unknown option %s; did you mean %s?", w->command->name, name, near);
    else
        say("%s: unknown option %s; `mote help %s` lists them", w->command->name, name, w->command->name);
    return WORDS_BAD;
}

/* The value stands in the word itself (given), or is the next word. */
static int take(words *w, const option *o, const char *word, const char *given)
{
    w->value = given;
    if (!o->value && given) {
        say("%s: %s takes no value", w->command->name, word);
        return WORDS_BAD;
    }
    if (o->value && !given && o->value[0] != '[') {
        if (w->at == w->argc) {
            say("%s: %s wants %s", w->command->name, word, o->value);
            return WORDS_BAD;
        }
        w->value = w->argv[w->at++];
    }
    return o->id;
}

/* Is word this name? *retgiven is a value that stands in the word itself, or NULL. */
static bool is_name(const char *word, const char *name, const char **retgiven)
{
    size_t n = name ? strlen(name) : 0;
    if (n == 0 || strncmp(word, name, n) != 0)
        return false;
    const char *rest = word + n;
    *retgiven = *rest == '\0' ? NULL : *rest == '=' ? rest + 1 : rest;
    return *rest == '\0' || *rest == '=' || name[1] != '-';
}

static int read_option(words *w, const char *word)
{
    const char *given;
    for (const option *o = w->command->options; o->names[0]; o++)
        if (is_name(word, o->names[0], &given) || is_name(word, o->names[1], &given))
            return take(w, o, word, given);
    return unknown(w, word);
}

int next_word(words *w)
{
    if (!w->began) {
        w->began = true;
        w->at = 1;
    }
    if (w->at == w->argc)
        return WORDS_END;
    const char *word = w->argv[w->at++];
    if (!w->ended && strcmp(word, "--") == 0) {
        w->ended = true;
        return next_word(w);
    }
    if (!w->ended && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
        print_help(w->command);
        leave(EXIT_OK);
    }
    if (!w->ended && word[0] == '-' && word[1])
        return read_option(w, word);
    w->ended |= w->stop_at_file;
    w->value = word;
    return WORDS_FILE;
}

/* --- words that several commands know ---------------------------------------------- */

/* "name", "name=y", "name=n"; "all". */
static bool read_feature(const char *text, mote_engine *engine)
{
    char name[64];
    size_t n = strcspn(text, "=");
    bool on = true;
    if (n >= sizeof name)
        return false;
    if (text[n] == '=') {
        const char *value = text + n + 1;
        on = strcmp(value, "y") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
        if (!on && strcmp(value, "n") != 0 && strcmp(value, "no") != 0 && strcmp(value, "false") != 0)
            return false;
    }
    memcpy(name, text, n);
    name[n] = '\0';
    if (on && (strcmp(name, "all") == 0 || strcmp(name, "all-proposals") == 0)) {
        mote_engine_all_features(engine);
        return true;
    }
    return mote_engine_feature(engine, name, on, NULL) == MOTE_OK;
}

static void list_features(const mote_engine *engine)
{
    for (size_t i = 0; mote_feature_name(i); i++)
        printf("%-26s %s\n", mote_feature_name(i), mote_engine_has(engine, mote_feature_name(i)) ? "y" : "n");
}

static bool bad_feature(const command *c, const char *text)
{
    const char *names[64];
    char name[64];
    size_t n = 0;
    for (; mote_feature_name(n) && n + 1 < sizeof names / sizeof *names; n++)
        names[n] = mote_feature_name(n);
    names[n] = NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    const char *near = mo_nearest(name, names);
    if (near && strcmp(near, name) == 0)
        say("%s: -W %s: want y or n after =", c->name, text);
    else if (near)
        say("%s: -W %s: there is no such feature; did you mean %s?", c->name, name, near);
    else
        say("%s: -W %s: there is no such feature; -W help lists them", c->name, name);
    return false;
}

bool read_features(const command *c, const char *text, mote_engine *engine)
{
    char all[512], *rest = all;
    if (strcmp(text, "help") == 0) {
        list_features(engine);
        leave(EXIT_OK);
    }
    if (strlen(text) >= sizeof all)
        return bad_feature(c, text);
    strcpy(all, text);
    for (char *one; (one = strsep(&rest, ","));)
        if (!read_feature(one, engine))
            return bad_feature(c, one);
    return true;
}

bool read_duration(const char *text, uint64_t *ret_us)
{
    static const struct { const char *unit; double us; } units[] = {
        {"", 1e6}, {"s", 1e6}, {"ms", 1e3}, {"us", 1}, {"m", 6e7}, {"h", 3.6e9},
    };
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0) || number > 1e9)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *ret_us = (uint64_t)(number * units[i].us);
            return *ret_us > 0;
        }
    }
    return false;
}

bool read_size(const char *text, uint64_t *ret)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long long number = strtoull(text, &end, 0);
    unsigned shift = *end == 'k' || *end == 'K' ? 10 : *end == 'm' || *end == 'M' ? 20 : *end == 'g' || *end == 'G' ? 30 : 0;
    end += shift != 0;
    *ret = (uint64_t)number << shift;
    return *end == '\0' && *ret >> shift == number;
}
