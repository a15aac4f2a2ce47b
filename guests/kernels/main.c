/* main.c - a kernel as a program of the host: prints run(n) as a signed number. */
#include "kernel.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s N\n", argv[0]);
        return 2;
    }
    printf("%lld\n", (long long)run(atoi(argv[1])));
    return 0;
}
