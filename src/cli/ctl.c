/* ctl.c - mote ctl: asks a server that runs, over its control socket (serve/process/control.h). */
#include "cli.h"

#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/mote/control.sock"
enum { OPTION_SOCKET, OPTION_JSON, MOST_COLUMNS = 16, MOST_ANSWER = 64 << 20 };

static const option options[] = {
    {{"--socket"}, "PATH", "the server's control socket ($MOTE_CONTROL, or " DEFAULT_SOCKET ")", OPTION_SOCKET},
    {{"--json"}, NULL, "print the answer as JSON", OPTION_JSON},
    {{0}, NULL, NULL, 0},
};

typedef struct asking {
    const char *socket;
    bool json;
    char line[256];
} asking;

/* --- words --------------------------------------------------------------------------- */

static bool add_word(asking *a, const char *word)
{
    size_t len = strlen(a->line);
    if (strchr(word, '\n') || snprintf(a->line + len, sizeof a->line - len, "%s%s", len ? " " : "", word) >= (int)(sizeof a->line - len)) {
        say("ctl: %.60s: too long", word);
        return false;
    }
    return true;
}

static bool check_line(const char *line)
{
    static const char *const known[] = {"status", "reload", "drain", "functions", "clear", NULL};
    size_t len = strcspn(line, " ");
    char word[32];
    for (size_t i = 0; known[i]; i++)
        if (strlen(known[i]) == len && memcmp(known[i], line, len) == 0 && (line[len] == ' ') == (strcmp(known[i], "clear") == 0))
            return true;
    snprintf(word, sizeof word, "%.*s", (int)(len < 31 ? len : 31), line);
    const char *near = mo_nearest(word, known);
    say("ctl: want status, reload, drain, functions or clear NAME, have %s%s%s%s", line, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static bool read_words(asking *a, const command *self, int argc, char **argv)
{
    words w = {.command = self, .argc = argc, .argv = argv};
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD || (id == WORDS_FILE && !add_word(a, w.value)))
            return false;
        if (id == OPTION_SOCKET)
            a->socket = w.value;
        a->json |= id == OPTION_JSON;
    }
    if (!a->line[0]) {
        print_usage(self);
        return false;
    }
    return check_line(a->line);
}

/* --- asking ------------------------------------------------------------------------------ */

static int open_socket(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = -1;
    if (strlen(path) >= sizeof a.sun_path)
        errno = ENAMETOOLONG;
    else {
        memcpy(a.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    say("ctl: %s: %s%s", path, strerror(errno),
        errno == ENOENT || errno == ECONNREFUSED ? "; does a server with `control:` or --control run?" : "");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The whole answer, terminated; free() it. */
static char *ask(const asking *a)
{
    size_t len = 0, cap = 4096;
    char *text = malloc(cap + 1), line[300];
    int fd = open_socket(a->socket), n = snprintf(line, sizeof line, "%s\n", a->line);
    ssize_t got = fd >= 0 && text && send(fd, line, (size_t)n, MSG_NOSIGNAL) == n ? 1 : -1;
    while (got > 0 && cap < MOST_ANSWER) {
        if (len == cap) {
            char *more = realloc(text, (cap *= 2) + 1);
            if (!more)
                break;
            text = more;
        }
        got = read(fd, text + len, cap - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && (got != 0 || len == 0))
        say("ctl: the server did not answer; only root and who started it may ask");
    if (got == 0 && len) {
        text[len] = 0;
        return text;
    }
    free(text);
    return NULL;
}

/* --- tables ------------------------------------------------------------------------------- */

/* A line, cut at its tabs in place. Returns how many there are. */
static size_t cut(char *line, char *cells[MOST_COLUMNS])
{
    size_t n = 0;
    for (char *at = line; at && n < MOST_COLUMNS; n++) {
        cells[n] = at;
        if ((at = strchr(at, '\t')))
            *at++ = 0;
    }
    return n;
}

typedef struct table {
    char *name, *columns[MOST_COLUMNS];
    bool numbers[MOST_COLUMNS];
    size_t n, nrows;
    int widths[MOST_COLUMNS];
} table;

static void read_head(char *line, table *t)
{
    char *cells[MOST_COLUMNS];
    size_t n = cut(line + 1, cells);
    *t = (table){.name = cells[0], .n = n - 1};
    for (size_t i = 0; i < t->n; i++) {
        char *mark = strstr(cells[i + 1], ":n");
        t->columns[i] = cells[i + 1];
        t->numbers[i] = mark;
        if (mark)
            *mark = 0;
        t->widths[i] = (int)strlen(t->columns[i]);
    }
}

static void measure(table *t, const char *rows)
{
    for (const char *at = rows; *at && *at != '#'; t->nrows++) {
        const char *end = strchr(at, '\n');
        size_t column = 0;
        for (; column < t->n; column++) {
            int len = (int)strcspn(at, "\t\n");
            if (len > t->widths[column])
                t->widths[column] = len;
            at += len;
            if (*at != '\t')
                break;
            at++;
        }
        if (!end)
            return;
        at = end + 1;
    }
}

static void print_cells(const table *t, char *const cells[], size_t n)
{
    for (size_t i = 0; i < n && i < t->n; i++) {
        if (t->numbers[i])
            printf("%*s", t->widths[i], cells[i]);
        else
            printf("%-*s", i + 1 < n ? t->widths[i] : 0, cells[i]);
        fputs(i + 1 < n ? "  " : "\n", stdout);
    }
}

static void print_string(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", (unsigned)*text);
        else
            putchar(*text);
    putchar('"');
}

static void print_object(const table *t, char *const cells[], size_t n)
{
    putchar('{');
    for (size_t i = 0; i < n && i < t->n; i++) {
        fputs(i ? ", " : "", stdout);
        print_string(t->columns[i]);
        fputs(": ", stdout);
        if (t->numbers[i])
            fputs(*cells[i] ? cells[i] : "null", stdout);
        else
            print_string(cells[i]);
    }
    putchar('}');
}

/* One table; returns what is behind it. */
static char *print_table(char *at, bool json, bool first)
{
    table t;
    char *cells[MOST_COLUMNS], *line = at, *next = strchr(at, '\n');
    *next++ = 0;
    read_head(line, &t);
    measure(&t, next);
    if (json)
        printf("%s\n  \"%s\": [", first ? "" : ",", t.name);
    else if (t.nrows) {
        fputs(first ? "" : "\n", stdout);
        print_cells(&t, t.columns, t.n);
    }
    for (size_t row = 0; row < t.nrows; row++) {
        line = next;
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        size_t n = cut(line, cells);
        if (json) {
            fputs(row ? ",\n    " : "\n    ", stdout);
            print_object(&t, cells, n);
        } else {
            print_cells(&t, cells, n);
        }
        if (!next)
            return line + strlen(line);
    }
    fputs(json ? "]" : "", stdout);
    return next;
}

static int print_answer(char *text, bool json)
{
    char *end = strchr(text, '\n');
    if (end)
        *end = 0;
    if (strcmp(text, "ok") != 0) {
        say("ctl: %s", strncmp(text, "error: ", 7) == 0 ? text + 7 : "the answer makes no sense");
        return EXIT_SYSTEM;
    }
    char *at = end ? end + 1 : text + strlen(text);
    if (json)
        fputs("{", stdout);
    for (bool first = true; *at == '#' && strchr(at, '\n'); first = false)
        at = print_table(at, json, first);
    if (json)
        puts("}");
    return EXIT_OK;
}

static int run_ctl(const command *self, int argc, char **argv)
{
    const char *named = getenv("MOTE_CONTROL");
    asking a = {.socket = named && *named ? named : DEFAULT_SOCKET};
    if (!read_words(&a, self, argc, argv))
        return EXIT_USAGE;
    char *text = ask(&a);
    if (!text)
        return EXIT_SYSTEM;
    int status = print_answer(text, a.json);
    free(text);
    return status;
}

const command command_ctl = {
    .name = "ctl",
    .synopsis = "[OPTIONS] status | reload | drain | functions | clear NAME",
    .summary = "ask a server that runs how it is, or tell it what to do",
    .details =
        "The server must have been started with --control, or `control:` in its manifest. Only\n"
        "root and who started it may ask.\n"
        "\n"
        "status tells generations, workers and listeners; reload loads all again, as SIGHUP\n"
        "does, and waits for what comes of it; drain ends the server when what was begun is\n"
        "answered, as SIGTERM does; functions lists them with what they are doing; clear lets a\n"
        "function run again that was quarantined, for three workers crashed while it ran.\n",
    .examples =
        "  mote ctl --socket /run/mote/control.sock status\n"
        "  mote ctl reload && echo new version serves\n"
        "  mote ctl --json functions\n",
    .options = options,
    .run = run_ctl,
};
