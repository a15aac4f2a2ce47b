/* hello.c - the least that a C program can do: what start.c compares with. */
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 0;
}
