/* keeper.c - starts a contestant, times it until its first good answer, and ends with it.
 *   keeper [--log FILE] [--cgroup FOLDER]... [--netns FILE] [--client-netns FILE]
 *          [--detached] [--probe ADDRESS PORT FILE] [--limit MS] -- COMMAND...
 * --detached: the command ends well and leaves a service behind. The clock starts when a
 * process that is ready in its cgroup and namespace is told to become the command. With
 * --probe the bytes of FILE are sent until the answer is a 200; then one line says
 * (microseconds since the start)
 *   ready PID SPAWNED CONNECTED ANSWERED       or       failed WHY
 * Lines on standard input are commands: "status" is answered "alive" or "ended STATUS",
 * "probe MS" is answered as above, counted from then. At its end everything that was started
 * goes: first SIGTERM to the command, then SIGKILL to all that descends from it, orphans
 * too, for they become the keeper's own. So nothing survives the lab, however that ends. */
#define _GNU_SOURCE /* setns, pipe2 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CGROUPS = 16, PAUSE_US = 200, CONNECT_MS = 20, TERM_MS = 5000 };

static struct {
    const char *log, *netns, *client_netns, *address, *request;
    const char *cgroups[CGROUPS];
    int ncgroups, port, detached;
    int64_t limit_us;
    char **command;
} options = {.log = "/dev/null", .limit_us = 30 * 1000000};

static pid_t child;
static int ended; /* the command has ended, with this status */
static int status;
static char request[1 << 21];
static size_t request_length;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static void fail(const char *what)
{
    printf("failed %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- starting -------------------------------------------------------------------- */

static void enter_netns(const char *file)
{
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (file && (fd < 0 || setns(fd, CLONE_NEWNET) != 0))
        fail(file);
    if (fd >= 0)
        close(fd);
}

static void enter_cgroups(void)
{
    for (int i = 0; i < options.ncgroups; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/cgroup.procs", options.cgroups[i]);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0", 1) != 1)
            fail(path);
        close(fd);
    }
}

/** In the child: makes everything ready, waits for go, and becomes the command; then fd is
 *  closed, or tells an errno. Moving to a cgroup takes the kernel many milliseconds, which are
 *  not the command's. */
static void become_command(int go, int fd)
{
    char byte;
    int log = open(options.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    setpgid(0, 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    enter_netns(options.netns);
    enter_cgroups();
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    dup2(log, 1);
    dup2(log, 2);
    if (write(fd, "", 1) != 1 || read(go, &byte, 1) != 1)
        _exit(127);
    execvp(options.command[0], options.command);
    (void)!write(fd, &errno, sizeof errno);
    _exit(127);
}

/** Starts the command; when it was told to go. */
static int64_t start(void)
{
    int go[2], said[2], error;
    char byte;
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(said, O_CLOEXEC) != 0 || (child = fork()) < 0)
        fail("start");
    if (child == 0)
        become_command(go[0], said[1]);
    close(said[1]);
    if (read(said[0], &byte, 1) != 1)
        exit(1); /* the child has said why */
    int64_t begin = now_us();
    (void)!write(go[1], "", 1);
    if (read(said[0], &error, sizeof error) == sizeof error) {
        errno = error;
        fail(options.command[0]);
    }
    close(said[0]);
    close(go[1]);
    return begin;
}

/* ---- ending ---------------------------------------------------------------------- */

/** Reaps what has ended, and notes when the command did. */
static void reap(void)
{
    int how;
    for (pid_t pid; (pid = waitpid(-1, &how, WNOHANG)) > 0;)
        if (pid == child) {
            status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
            ended = !(options.detached && status == 0);
        }
}

static pid_t parent_of(const char *pid)
{
    char path[64], words[512], *end;
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC), parent = 0;
    ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof words - 1);
    if (fd >= 0)
        close(fd);
    words[n > 0 ? n : 0] = 0;
    if ((end = strrchr(words, ')')))
        sscanf(end + 1, " %*c %d", &parent);
    return parent;
}

/** Sends SIGKILL to every child of the keeper; their own become the keeper's. How many. */
static int kill_children(void)
{
    int n = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *e; all && (e = readdir(all));)
        if (strspn(e->d_name, "0123456789") == strlen(e->d_name) && parent_of(e->d_name) == getpid()) {
            kill(atoi(e->d_name), SIGKILL);
            n++;
        }
    if (all)
        closedir(all);
    return n;
}

static void end_all(void)
{
    if (!ended && !options.detached)
        kill(child, SIGTERM);
    for (int64_t last = now_us() + TERM_MS * 1000; !ended && !options.detached && now_us() < last; pause_us(2000))
        reap();
    for (int64_t last = now_us() + TERM_MS * 1000; kill_children() && now_us() < last; pause_us(2000))
        reap();
    reap();
}

/* ---- the probe ------------------------------------------------------------------- */

static int connect_once(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)options.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    socklen_t length = sizeof error;
    inet_pton(AF_INET, options.address, &at.sin_addr);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    if (errno == EINPROGRESS && poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, CONNECT_MS) == 1 &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0)
        return fd;
    close(fd);
    return -1;
}

/** Sends the request and reads the first bytes of an answer; whether they say 200. */
static int ask(int fd, int64_t last)
{
    char bytes[64];
    size_t got = 0;
    for (size_t sent = 0; sent < request_length;) {
        ssize_t n = send(fd, request + sent, request_length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return 0;
        sent += n > 0 ? (size_t)n : 0;
        if (n < 0 && (now_us() > last || poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000) < 0))
            return 0;
    }
    for (; got < 12 && now_us() < last && !ended; reap()) {
        if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 100) != 1)
            continue;
        ssize_t n = recv(fd, bytes + got, sizeof bytes - got, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return 0;
        got += n > 0 ? (size_t)n : 0;
    }
    return got >= 12 && memcmp(bytes + 9, "200", 3) == 0;
}

static void probe(int64_t begin, int64_t spawned)
{
    int64_t last = begin + options.limit_us, connected = 0, answered = 0;
    for (; !answered && now_us() < last; reap()) {
        int fd = connect_once();
        if (fd < 0) {
            if (ended)
                break;
            pause_us(PAUSE_US);
            continue;
        }
        connected = connected ? connected : now_us();
        if (ask(fd, last))
            answered = now_us();
        else
            pause_us(PAUSE_US);
        close(fd);
    }
    if (answered)
        printf("ready %d %lld %lld %lld\n", (int)child, (long long)(spawned - begin), (long long)(connected - begin), (long long)(answered - begin));
    else if (ended)
        printf("failed it ended with status %d\n", status);
    else
        printf("failed it gave no good answer in %lld ms\n", (long long)(options.limit_us / 1000));
}

static void read_request(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, request, sizeof request);
    if (n < 0)
        fail(path);
    request_length = (size_t)n;
    close(fd);
}

/* ---- what it is told ------------------------------------------------------------- */

static void obey(const char *word)
{
    long long ms;
    reap();
    if (sscanf(word, "probe %lld", &ms) == 1) {
        options.limit_us = 1000 * ms;
        probe(now_us(), now_us());
    } else if (ended)
        printf("ended %d\n", status);
    else
        printf("alive\n");
}

static const char *next(char ***at)
{
    if (!**at || !*++*at) {
        printf("failed the keeper's options are wrong\n");
        exit(2);
    }
    return **at;
}

static void read_options(char **at)
{
    for (at++; *at && strcmp(*at, "--") != 0; at++) {
        if (strcmp(*at, "--log") == 0)
            options.log = next(&at);
        else if (strcmp(*at, "--netns") == 0)
            options.netns = next(&at);
        else if (strcmp(*at, "--client-netns") == 0)
            options.client_netns = next(&at);
        else if (strcmp(*at, "--detached") == 0)
            options.detached = 1;
        else if (strcmp(*at, "--limit") == 0)
            options.limit_us = 1000 * atoll(next(&at));
        else if (strcmp(*at, "--cgroup") == 0 && options.ncgroups < CGROUPS)
            options.cgroups[options.ncgroups++] = next(&at);
        else if (strcmp(*at, "--probe") == 0) {
            options.address = next(&at);
            options.port = atoi(next(&at));
            options.request = next(&at);
        }
    }
    next(&at);
    options.command = at;
}

int main(int argc, char **argv)
{
    char line[64];
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_options(argv);
    if (options.request)
        read_request(options.request);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    int64_t begin = start();
    int64_t spawned = now_us();
    enter_netns(options.client_netns);
    if (options.request)
        probe(begin, spawned);
    else
        printf("ready %d %lld 0 0\n", (int)child, (long long)(spawned - begin));
    while (fgets(line, sizeof line, stdin))
        obey(line);
    end_all();
    return 0;
}
