/* bare.c - what the kernel asks for the least that any such runtime does: bare FILE...
 * The file is opened and mapped, once read and execute, once copied on write (its memory
 * image), a page of code is read and a page of memory is written. */
#include "steps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IMAGE = 256 * 1024, PAGE = 4096 };

static uint8_t *file, *image;
static size_t len;
static int fd;

static void prepare(void) {}

static void clean_up(void)
{
    munmap(image, IMAGE);
    munmap(file, len);
    close(fd);
}

static uint32_t start(const char *path, times *t)
{
    struct stat st;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        die("%s: cannot be opened", path);
    len = (size_t)st.st_size;
    file = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    t->at[1] = now_ns();
    image = mmap(NULL, IMAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, (off_t)(len - IMAGE));
    if (file == MAP_FAILED || image == MAP_FAILED)
        die("%s: cannot be mapped", path);
    t->at[2] = now_ns();
    volatile uint32_t *word = (volatile uint32_t *)(void *)image + WORD;
    uint32_t code = *(volatile uint8_t *)file;
    *word = WORD;
    uint32_t seen = word[0] + word[1] + (code & 0);
    t->at[3] = now_ns();
    return seen;
}

int main(int argc, char **argv)
{
    (void)argc;
    measure_all(argv + 1);
    return 0;
}
