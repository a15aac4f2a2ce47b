/* hello.c - a CGI program that prints a value of the request. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    const char *path = getenv("PATH_INFO");
    printf("Content-Type: text/plain\n\nhello from %s\n", path ? path : "nowhere");
    return 0;
}
