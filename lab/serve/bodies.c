/* bodies.c - a CGI program that takes and gives large bodies: /count, /much?N, /declared?N. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char part[64 << 10];

static void count(void)
{
    unsigned long long total = 0;
    for (ssize_t n; (n = read(0, part, sizeof part)) > 0;)
        total += (unsigned long long)n;
    printf("Content-Type: text/plain\n\n%llu\n", total);
}

static void give(unsigned long long left, int declared)
{
    printf("Content-Type: text/plain\n");
    if (declared)
        printf("Content-Length: %llu\n", left);
    printf("\n");
    fflush(stdout);
    memset(part, 'm', sizeof part);
    for (ssize_t n; left; left -= (unsigned long long)n)
        if ((n = write(1, part, left < sizeof part ? (size_t)left : sizeof part)) <= 0)
            exit(1);
}

int main(void)
{
    const char *path = getenv("PATH_INFO"), *query = getenv("QUERY_STRING");
    if (path && query && strcmp(path, "/much") == 0)
        give(strtoull(query, NULL, 10), 0);
    else if (path && query && strcmp(path, "/declared") == 0)
        give(strtoull(query, NULL, 10), 1);
    else
        count();
    return 0;
}
