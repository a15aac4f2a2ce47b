/* guest.c - a module whose running costs nothing: what is left is the runtime's start. */
__attribute__((export_name("run"))) int run(int n)
{
    return n;
}
