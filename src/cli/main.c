/* main.c - which command. Everything else is the command's own. */
#include "cli.h"

#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

const command *const commands[] = {
    &command_run, &command_serve, &command_ctl, &command_compile, &command_validate, &command_inspect, &command_snapshot,
    &command_cache, &command_help, NULL,
};

const command *find_command(const char *name)
{
    for (const command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static int no_such_command(const char *word)
{
    const char *names[sizeof commands / sizeof *commands] = {0};
    for (size_t i = 0; commands[i]; i++)
        names[i] = commands[i]->name;
    const char *near = mo_nearest(word, names);
    if (near)
        say("there is no command or file %s; did you mean mote %s?", word, near);
    else
        say("there is no command or file %s; `mote help` lists the commands", word);
    return EXIT_USAGE;
}

/* A word that names a file rather than a command that was mistyped. */
static bool names_a_file(const char *word)
{
    struct stat st;
    return strpbrk(word, "./") || (stat(word, &st) == 0 && S_ISREG(st.st_mode));
}

void leave(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        say("standard output cannot be written");
        status = status ? status : EXIT_SYSTEM;
    }
    exit(status);
}

int main(int argc, char **argv)
{
    static char *help[] = {"help", NULL};
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error to be told, the guest's or ours */
    if (argc < 2) {
        command_help.run(&command_help, 1, help);
        leave(EXIT_USAGE);
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("mote %s\n", mote_version());
        leave(EXIT_OK);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        leave(command_help.run(&command_help, 1, help));

    const command *c = find_command(word);
    if (c)
        leave(c->run(c, argc - 1, argv + 1));
    if (word[0] == '-' || names_a_file(word))
        leave(command_run.run(&command_run, argc, argv));
    leave(no_such_command(word));
}
