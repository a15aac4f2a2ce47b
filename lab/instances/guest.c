/* guest.c - a module with 256 KiB of memory contents (or -DIMAGE_KIB=...), which writes as
 * many of their pages as it is told to. Linked with 64 KiB of stack before the data. */
#ifndef IMAGE_KIB
#define IMAGE_KIB 256
#endif
enum { PAGE_WORDS = 1024, PAGES = IMAGE_KIB / 4 };

static volatile unsigned image[PAGES * PAGE_WORDS] __attribute__((aligned(4096))) =
    {[0 ... PAGES * PAGE_WORDS - 1] = 0x6d6f7465};

/* A word of each of the first n pages, or of n pages at places that `seed` chooses. The
 * sum says whether all of them were as new. */
__attribute__((export_name("run"))) unsigned run(unsigned n, unsigned seed)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned page = i;
        if (seed) {
            seed = seed * 1664525 + 1013904223;
            page = (seed >> 16) % PAGES;
        }
        volatile unsigned *word = &image[page * PAGE_WORDS + i];
        sum += *word == 0x6d6f7465;
        *word = i;
    }
    return sum;
}

/* Grows by so many pages of 64 KiB and writes a word of each 4 KiB of them. */
__attribute__((export_name("grow"))) unsigned grow(unsigned n, unsigned seed)
{
    unsigned at = (unsigned)__builtin_wasm_memory_grow(0, n) << 16, sum = seed;
    for (unsigned i = 0; i < n * 16; i++) {
        volatile unsigned *word = (volatile unsigned *)(at + i * 4096);
        sum += *word == 0;
        *word = i + 1;
    }
    return sum;
}
