/* state.c - a counter: POST adds one and answers the number, GET only answers it.
 *
 * The count is the length of a file. Preview 1 has no locks and needs none for this: the
 * system appends one byte and moves the descriptor to its end in one step, so that where the
 * descriptor stands afterwards is a number that nobody else gets. A process that is killed at
 * any moment leaves a byte appended or not, never half of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char path[] = "/state/count";

static int answer(int status, const char *words)
{
    printf("Status: %d\nContent-Type: text/plain\n\n%s\n", status, words);
    return status >= 500;
}

static int fail(const char *what)
{
    fprintf(stderr, "state: %s: %s\n", what, strerror(errno));
    return answer(500, "the counter is out of order");
}

/* The new count, or -1. */
static long long add_one(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0 || write(fd, "+", 1) != 1)
        return -1;
    return lseek(fd, 0, SEEK_CUR);
}

static long long count(void)
{
    struct stat found;
    if (stat(path, &found) == 0)
        return found.st_size;
    return errno == ENOENT ? 0 : -1;
}

int main(void)
{
    const char *method = getenv("REQUEST_METHOD");
    char words[32];
    if (!method || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "POST") != 0)) {
        printf("Status: 405\nAllow: GET, HEAD, POST\nContent-Type: text/plain\n\nGET or POST\n");
        return 0;
    }
    long long n = strcmp(method, "POST") == 0 ? add_one() : count();
    if (n < 0)
        return fail(path);
    snprintf(words, sizeof words, "%lld", n);
    return answer(200, words);
}
