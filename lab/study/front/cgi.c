/* cgi.c - one request as a CGI program; without CGI's variables, GET / with the answer's body
 * alone on standard output, so that it is a program for the command line too.
 * With SNAPSHOT it is a module to be snapshotted: `wizer-initialize` prepares what every
 * request needs, and `resume` then stands for `_start`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "workload.h"

static char body[BODY_MOST];

static const char *variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static size_t read_body(size_t length)
{
    size_t got = 0;
    for (ssize_t n; got < length && (n = read(0, body + got, length - got)) > 0;)
        got += (size_t)n;
    return got;
}

/** One write for small answers, for the head and what follows. */
static void print(const answer *a, int head)
{
    static char bytes[32 << 10];
    int n = head ? snprintf(bytes, sizeof bytes, "Status: %d\nContent-Type: %s\nContent-Length: %zu\n\n", a->status, a->type, a->length) : 0;
    size_t first = a->length < sizeof bytes - (size_t)n ? a->length : sizeof bytes - (size_t)n;
    if (first)
        memcpy(bytes + n, a->body, first);
    fwrite(bytes, 1, (size_t)n + first, stdout);
    if (first < a->length)
        fwrite(a->body + first, 1, a->length - first, stdout);
}

static int serve_one(void)
{
    size_t length = (size_t)strtoul(variable("CONTENT_LENGTH", "0"), NULL, 10);
    request q = {variable("REQUEST_METHOD", "GET"), variable("PATH_INFO", "/"), variable("HTTP_X_ROUTE", ""), body, 0};
    answer a = {200, "text/plain", "", 0};
    setvbuf(stdout, NULL, _IONBF, 0);
    q.length = read_body(length < sizeof body ? length : sizeof body);
    respond(&q, &a);
    print(&a, getenv("REQUEST_METHOD") != NULL);
    return 0;
}

#ifdef SNAPSHOT
void __wasm_call_ctors(void);
void initialize(void);
void resume(void);

__attribute__((export_name("wizer-initialize"))) void initialize(void)
{
    __wasm_call_ctors();
    prepare();
}

__attribute__((export_name("resume"))) void resume(void)
{
    exit(serve_one());
}
#endif

int main(void)
{
    return serve_one();
}
