/* loop.c - a program that never ends. */
__attribute__((export_name("_start"))) void start(void)
{
    for (volatile unsigned n = 0;;)
        n++;
}
