/* progress.c - a bar on the terminal while a module is compiled: from half a second on, gone
 * without a trace when it ends or is interrupted. */
#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *name;
    struct timespec began;
    bool shown;
} bar;

static const char wipe[] = "\r\033[K";

static double seconds_since(const struct timespec *from)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

void begin_progress(const char *path)
{
    const char *slash = strrchr(path, '/');
    bar.name = slash ? slash + 1 : path;
    bar.shown = false;
    clock_gettime(CLOCK_MONOTONIC, &bar.began);
}

static void on_signal(int number)
{
    ssize_t n = write(STDERR_FILENO, wipe, sizeof wipe - 1);
    (void)n;
    raise(number); /* as it would have been: the handler is gone by SA_RESETHAND */
}

static void catch_signals(bool on)
{
    struct sigaction action = {.sa_handler = on ? on_signal : SIG_DFL, .sa_flags = on ? (int)SA_RESETHAND : 0}, before;
    sigemptyset(&action.sa_mask);
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

/* Is it time for a line? Then *retseconds is how long it has taken so far. */
static bool may_show(double *retseconds)
{
    *retseconds = seconds_since(&bar.began);
    if (*retseconds < 0.5 || (!bar.shown && !isatty(STDERR_FILENO)))
        return false;
    if (!bar.shown)
        catch_signals(true);
    return bar.shown = true;
}

void show_waiting(void *data)
{
    double seconds;
    (void)data;
    if (may_show(&seconds))
        fprintf(stderr, "\rwaiting for another mote that compiles %.30s, %.0f s", bar.name, seconds);
}

void show_progress(void *data, unsigned done)
{
    enum { WIDTH = 30 };
    static const char full[] = "##############################", none[] = "..............................";
    int n = (int)(done * WIDTH / 1000);
    double seconds;
    (void)data;
    if (!may_show(&seconds))
        return;
    fprintf(stderr, "\rcompiling %.30s [%.*s%.*s] %3u %% %.0f s", bar.name, n, full, WIDTH - n, none, done / 10, seconds);
}

void end_progress(void)
{
    if (!bar.shown)
        return;
    fputs(wipe, stderr);
    catch_signals(false);
    bar.shown = false;
}
