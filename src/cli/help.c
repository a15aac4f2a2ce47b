/* help.c - help and manual pages, both from the commands' tables.
 *   mote help, mote help NAME   for people
 *   mote help --man [NAME]      a page for man(1), which the build keeps */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char about[] =
    "mote runs WebAssembly. A module is compiled to machine code by a program of its\n"
    "own, mote-compile; what comes out, an artifact, is mapped and runs at native speed.\n";

void print_usage(const command *c)
{
    say("usage: mote %s %s", c->name, c->synopsis);
}

/* "-O, --optimize=LEVEL" */
static void print_names(const option *o, const char *bold, const char *plain)
{
    const char *last = o->names[1] ? o->names[1] : o->names[0];
    if (o->names[1])
        printf("%s%s%s, ", bold, o->names[0], plain);
    printf("%s%s%s", bold, last, plain);
    if (o->value)
        printf("%s%s", o->value[0] == '[' ? "" : last[1] == '-' ? "=" : " ", o->value);
}

static int width_of(const option *o)
{
    size_t first = o->names[1] ? strlen(o->names[0]) + 2 : 0, last = strlen(o->names[o->names[1] != NULL]);
    return (int)(first + last + (o->value ? strlen(o->value) + (o->value[0] != '[') : 0));
}

/* Words wrapped at column 80, hanging below column at. */
static void print_wrapped(const char *text, int at)
{
    int column = at;
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (column > at && column + n + 1 > 80) {
            printf("\n%*s", at, "");
            column = at;
        }
        column += printf("%s%.*s", column > at ? " " : "", n, text);
        text += n + strspn(text + n, " ");
    }
    putchar('\n');
}

static void print_exits(void)
{
    static const struct { int code; const char *text; } exits[] = {
#define X(name, number, words) {number, words},
        EXITS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        printf("  %3d  %s\n", exits[i].code, exits[i].text);
}

void print_help(const command *c)
{
    enum { TEXT_AT = 28 };
    printf("mote %s: %s\n\nusage: mote %s %s\n", c->name, c->summary, c->name, c->synopsis);
    if (c->options->names[0])
        puts("\noptions:");
    for (const option *o = c->options; o->names[0]; o++) {
        fputs("  ", stdout);
        print_names(o, "", "");
        if (width_of(o) + 2 >= TEXT_AT)
            printf("\n%*s", TEXT_AT, "");
        else
            printf("%*s", TEXT_AT - 2 - width_of(o), "");
        print_wrapped(o->help, TEXT_AT);
    }
    if (c->details)
        printf("\n%s", c->details);
    if (c->examples)
        printf("\nexamples:\n%s", c->examples);
    puts("\nexit status:");
    print_exits();
}

static void print_overview(void)
{
    printf("%s\nusage: mote COMMAND [...]\n       mote [OPTIONS] FILE [ARGUMENTS]    the same as mote run\n\ncommands:\n",
           about);
    for (const command *const *c = commands; *c; c++)
        printf("  %-10s %s\n", (*c)->name, (*c)->summary);
    puts("\n`mote help COMMAND` tells more; `mote --version` prints the version.");
}

/* --- manual pages -------------------------------------------------------------- */

/* Text into roff: a backslash, and a line's first . or ', mean something there. */
static void put_roff(const char *text)
{
    bool first = true;
    for (; *text; text++) {
        if (first && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        first = *text == '\n';
    }
}

static void man_exits(void)
{
    puts(".SH EXIT STATUS");
#define X(name, code, text) printf(".TP\n.B %d\n%s\n", code, text);
    EXITS(X)
#undef X
}

static void man_command(const command *c)
{
    printf(".TH \"MOTE\\-");
    for (const char *at = c->name; *at; at++)
        putchar(*at - 'a' + 'A');
    printf("\" 1 \"\" \"mote %s\" \"User Commands\"\n.SH NAME\nmote\\-%s \\- ", mote_version(), c->name);
    put_roff(c->summary);
    printf("\n.SH SYNOPSIS\n.B mote %s\n", c->name);
    put_roff(c->synopsis);
    if (c->details) {
        puts("\n.SH DESCRIPTION\n.nf");
        put_roff(c->details);
        printf(".fi");
    }
    puts("\n.SH OPTIONS");
    for (const option *o = c->options; o->names[0]; o++) {
        puts(".TP");
        print_names(o, "\\fB", "\\fR");
        putchar('\n');
        put_roff(o->help);
        putchar('\n');
    }
    if (c->examples) {
        puts(".SH EXAMPLES\n.nf");
        put_roff(c->examples);
        puts(".fi");
    }
    man_exits();
    puts(".SH SEE ALSO\n.BR mote (1)");
}

static void man_overview(void)
{
    printf(".TH MOTE 1 \"\" \"mote %s\" \"User Commands\"\n.SH NAME\nmote \\- runs WebAssembly\n"
           ".SH SYNOPSIS\n.B mote\nCOMMAND [...]\n.br\n.B mote\n[OPTIONS] FILE [ARGUMENTS]\n.SH DESCRIPTION\n",
           mote_version());
    put_roff(about);
    puts("A file named without a command is run.\n.SH COMMANDS");
    for (const command *const *c = commands; *c; c++) {
        printf(".TP\n.BR mote\\-%s (1)\n", (*c)->name);
        put_roff((*c)->summary);
        putchar('\n');
    }
    man_exits();
}

void print_man(const command *c)
{
    if (c)
        man_command(c);
    else
        man_overview();
}

/* --- mote help ------------------------------------------------------------------- */

enum { OPTION_MAN };
static const option options[] = {
    {{"--man"}, NULL, "write a manual page for man(1)", OPTION_MAN},
    {{0}, NULL, NULL, 0},
};

static int run_help(const command *self, int argc, char **argv)
{
    words w = {.command = self, .argc = argc, .argv = argv};
    const command *about_command = NULL;
    bool man = false;
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return EXIT_USAGE;
        if (id == OPTION_MAN) {
            man = true;
        } else if (!(about_command = find_command(w.value))) {
            say("help: there is no command %s", w.value);
            return EXIT_USAGE;
        }
    }
    if (man)
        print_man(about_command);
    else if (about_command)
        print_help(about_command);
    else
        print_overview();
    return EXIT_OK;
}

const command command_help = {
    .name = "help",
    .synopsis = "[--man] [COMMAND]",
    .summary = "tell how a command is used",
    .options = options,
    .run = run_help,
};
