/* guest.c - what the calls are measured with. The loops differ in the host call only;
 * their work can't be folded into a formula. */
#define IMPORT(name) __attribute__((import_module("host"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(next) unsigned next(unsigned x);
IMPORT(next_untyped) unsigned next_untyped(unsigned x);

static unsigned step(unsigned x, unsigned i) { return (x << 7 | x >> 25) ^ i; }

EXPORT(add) int add(int a, int b) { return a + b; }

EXPORT(loop) unsigned loop(unsigned n)
{
    unsigned x = 1;
    for (unsigned i = 0; i < n; i++)
        x = step(x, i);
    return x;
}

EXPORT(loop_host) unsigned loop_host(unsigned n)
{
    unsigned x = 1;
    for (unsigned i = 0; i < n; i++)
        x = next(step(x, i));
    return x;
}

EXPORT(loop_host_untyped) unsigned loop_host_untyped(unsigned n)
{
    unsigned x = 1;
    for (unsigned i = 0; i < n; i++)
        x = next_untyped(step(x, i));
    return x;
}
