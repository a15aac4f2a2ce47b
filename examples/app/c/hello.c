/* hello.c - the smallest function: says hello to whoever ?name= tells. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of a name in the query, as far as it is plain; "world" where there is none. */
static void find_name(const char *query, char *to, size_t size)
{
    size_t n = 0;
    const char *at = strncmp(query, "name=", 5) == 0 ? query + 5 : "";
    while (n + 1 < size && (isalnum((unsigned char)*at) || *at == '-' || *at == '_'))
        to[n++] = *at++;
    to[n] = 0;
    if (n == 0)
        snprintf(to, size, "world");
}

int main(void)
{
    char name[64];
    const char *query = getenv("QUERY_STRING");
    find_name(query ? query : "", name, sizeof name);
    printf("Content-Type: text/plain\n\nHello, %s, from C.\n", name);
    return 0;
}
