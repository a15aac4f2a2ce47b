/* guest.c - a module with 256 KiB of memory contents; its function writes one page of
 * them. Linked with 64 KiB of stack before the data, so that these begin at a page. */
enum { WORDS = 256 * 1024 / 4 };

static volatile unsigned image[WORDS] = {[0 ... WORDS - 1] = 0x6d6f7465};

__attribute__((export_name("run"))) unsigned run(unsigned i)
{
    image[i % WORDS] = i;
    return image[i % WORDS] + image[i % WORDS ^ 1];
}
