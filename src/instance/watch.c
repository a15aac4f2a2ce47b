/* watch.c - the two interfaces of the kernel that tell which pages were written. */
#include "instance/watch.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- what the kernel's headers lack where they are older than 6.7 ------------- */

#define FEATURE_WP_ASYNC (UINT64_C(1) << 15)
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* linux/fs.h: struct page_region, struct pm_scan_arg and their flags. */
typedef struct page_region { uint64_t start, end, categories; } page_region;
typedef struct scan_arg {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t inverted, all_of, any_of, wanted;
} scan_arg;
#define SCAN _IOWR('f', 16, scan_arg)
_Static_assert(sizeof(scan_arg) == 96, "the kernel's struct pm_scan_arg");
enum { SCAN_PROTECT = 1 };
enum { WRITTEN = 1 << 1, OF_FILE = 1 << 2, PRESENT = 1 << 3, SWAPPED = 1 << 4, ZERO = 1 << 5 };

/* --- the descriptors ------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    pid_t owner; /* a child has copies of them that still watch its parent */
    int faults, pages;
    bool refused;
} opened;

static bool is_mine(void) { return __atomic_load_n(&opened.owner, __ATOMIC_ACQUIRE) == getpid(); }

static int open_faults(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API, .features = FEATURE_WP_ASYNC};
    if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool open_both(void)
{
    int faults = open_faults(), pages = faults < 0 ? -1 : open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    scan_arg nothing = {.size = sizeof nothing, .wanted = WRITTEN, .all_of = WRITTEN};
    if (pages >= 0 && ioctl(pages, SCAN, &nothing) >= 0) {
        opened.faults = faults;
        opened.pages = pages;
        __atomic_store_n(&opened.owner, getpid(), __ATOMIC_RELEASE);
        return true;
    }
    if (pages >= 0)
        close(pages);
    if (faults >= 0)
        close(faults);
    opened.refused = true;
    return false;
}

/* A lock that was held when its process forked stays so: then nothing is watched. */
static bool have_descriptors(void)
{
    if (is_mine())
        return true;
    if (pthread_mutex_trylock(&lock) != 0)
        return false;
    if (opened.owner && !is_mine()) {
        close(opened.faults);
        close(opened.pages);
        opened.owner = 0;
    }
    bool ok = is_mine() || (!opened.refused && open_both());
    pthread_mutex_unlock(&lock);
    return ok;
}

bool mo_watch_open(void) { return have_descriptors(); }

/* --- watching --------------------------------------------------------------------- */

bool mo_watch_start(uint8_t *at, size_t len)
{
    struct uffdio_register what = {.range = {(uintptr_t)at, len}, .mode = UFFDIO_REGISTER_MODE_WP};
    return len == 0 || (have_descriptors() && ioctl(opened.faults, UFFDIO_REGISTER, &what) == 0);
}

/* --- asking ------------------------------------------------------------------------- */

#define REGIONS 64

/* The kernel may stop early: when there is no room for more, or for others' sake. */
static bool walk(scan_arg *arg, mo_written *call, void *to)
{
    page_region regions[REGIONS];
    if (!is_mine())
        return false;
    arg->size = sizeof *arg;
    if (call) {
        arg->vec = (uintptr_t)regions;
        arg->vec_len = REGIONS;
    }
    while (arg->start < arg->end) {
        int n = ioctl(opened.pages, SCAN, arg);
        if (n < 0 || arg->walk_end <= arg->start)
            return false;
        for (int i = 0; i < n && call; i++)
            call(to, (uint8_t *)(uintptr_t)regions[i].start, regions[i].end - regions[i].start);
        arg->start = arg->walk_end;
    }
    return true;
}

/* Whoever asks for WRITTEN alone is answered in a tenth of the time. */
static scan_arg scan_of(const uint8_t *at, size_t len)
{
    return (scan_arg){.start = (uintptr_t)at, .end = (uintptr_t)at + len, .all_of = WRITTEN, .wanted = WRITTEN};
}

bool mo_watch_written(uint8_t *at, size_t len, mo_written *call, void *to)
{
    scan_arg arg = scan_of(at, len);
    return walk(&arg, call, to);
}

bool mo_watch_forget(uint8_t *at, size_t len)
{
    scan_arg arg = scan_of(at, len);
    arg.flags = SCAN_PROTECT;
    arg.wanted = 0;
    return walk(&arg, NULL, NULL);
}

static void add_len(void *to, uint8_t *at, size_t len)
{
    (void)at;
    *(uint64_t *)to += len;
}

uint64_t mo_watch_copies(uint8_t *at, size_t len)
{
    uint64_t sum = 0;
    scan_arg arg = scan_of(at, len);
    arg.inverted = OF_FILE | ZERO;
    arg.all_of = OF_FILE | ZERO;
    arg.any_of = PRESENT | SWAPPED;
    arg.wanted = PRESENT;
    return walk(&arg, add_len, &sum) ? sum : UINT64_MAX;
}
