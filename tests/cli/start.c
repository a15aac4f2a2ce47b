/* start.c - how long `mote --version` takes, beside a static program that prints a line:
 * start MOTE HELLO. Both are started in turns; the fastest quarter of each counts, for
 * the rest is other people's time. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 400 };
static const double most = 1.3;

extern char **environ;

static double run_once(char **argv, posix_spawn_file_actions_t *quiet)
{
    struct timespec from, to;
    pid_t pid;
    int status = -1;
    clock_gettime(CLOCK_MONOTONIC, &from);
    if (posix_spawn(&pid, argv[0], quiet, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        printf("%s cannot be run\n0 passed, 1 failed, 0 skipped\n", argv[0]);
        exit(1);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quarter(double *us)
{
    qsort(us, ROUNDS, sizeof *us, by_value);
    return us[ROUNDS / 4];
}

int main(int argc, char **argv)
{
    static double mote_us[ROUNDS], hello_us[ROUNDS];
    posix_spawn_file_actions_t quiet;
    if (argc != 3)
        return 2;
    char *mote[] = {argv[1], (char *)"--version", NULL}, *hello[] = {argv[2], NULL};
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < ROUNDS; i++) {
        mote_us[i] = run_once(mote, &quiet);
        hello_us[i] = run_once(hello, &quiet);
    }
    posix_spawn_file_actions_destroy(&quiet);
    double m = quarter(mote_us), h = quarter(hello_us);
    printf("mote --version: %.0f us, a static hello: %.0f us, ratio %.2f (at most %.2f)\n", m, h, m / h, most);
    printf("%d passed, %d failed, 0 skipped\n", m / h <= most, m / h > most);
    return m / h > most;
}
