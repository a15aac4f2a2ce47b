/* hello.c - the least that a C program can do: what starting the others is compared with. */
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 0;
}
