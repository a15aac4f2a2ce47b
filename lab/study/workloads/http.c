/* http.c - a service with a state: GET / greets, GET /state tells it, PUT /state replaces it.
 * The state is a file, so that it outlives an instance that serves one request. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "workload.h"

static char state[4096];

static void tell(answer *ret)
{
    int fd = open(data_path("state"), O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, state, sizeof state);
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        respond_text(ret, 500, "no state\n");
        return;
    }
    ret->body = state;
    ret->length = (size_t)n;
}

static void replace(const request *q, answer *ret)
{
    int fd = open(data_path("state"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ssize_t n = fd < 0 ? -1 : write(fd, q->body, q->length);
    if (fd >= 0)
        close(fd);
    respond_text(ret, n == (ssize_t)q->length ? 200 : 500, n == (ssize_t)q->length ? "kept\n" : "not kept\n");
}

void respond(const request *q, answer *ret)
{
    if (strcmp(q->path, "/") == 0)
        respond_text(ret, 200, "hello\n");
    else if (strcmp(q->path, "/state") != 0)
        respond_text(ret, 404, "not here\n");
    else if (strcmp(q->method, "PUT") == 0)
        replace(q, ret);
    else
        tell(ret);
}
