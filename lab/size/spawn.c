/* spawn.c - starts programs in turns (A B C, A B C) and says how long each lived and what
 * it took: spawn ROUNDS NAME PROGRAM [ARG...] [-- NAME PROGRAM [ARG...]]...
 * A line is `NAME microseconds peak-bytes`. Linked statically: until it execs, a child
 * counts this program's own memory as its peak. */
#include "../bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 16 };

extern char **environ;

static void run_once(char **command, const posix_spawn_file_actions_t *quiet)
{
    struct rusage usage;
    pid_t pid;
    int status = -1;
    double start = now_ns();
    if (posix_spawn(&pid, command[1], quiet, NULL, command + 1, environ) != 0)
        die("%s cannot be started", command[1]);
    if (wait4(pid, &status, 0, &usage) != pid || status != 0)
        die("%s ended with status %d", command[1], WEXITSTATUS(status));
    printf("%s %.1f %ld\n", command[0], (now_ns() - start) / 1e3, usage.ru_maxrss * 1024);
}

int main(int argc, char **argv)
{
    char **commands[MOST];
    int n = 0, rounds = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 2; i < argc && n < MOST; i++) {
        commands[n++] = argv + i;
        while (i < argc && strcmp(argv[i], "--") != 0)
            i++;
        if (i < argc)
            argv[i] = NULL;
    }
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&quiet, STDOUT_FILENO, STDERR_FILENO);
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < n; i++)
            run_once(commands[i], &quiet);
    return 0;
}
