/* slowfs.c - a file system of one file, "slow", that takes its time for every answer but the first:
 * slowfs FOLDER MILLISECONDS. By /dev/fuse itself, without a library. Says "mounted" and serves
 * until its standard input ends. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char text[] = "slow but sure\n";
static char request[256 << 10];
static int device;
static long delay_ms;

static void answer(uint64_t unique, int error, const void *data, size_t len)
{
    static char out[8192];
    struct fuse_out_header head = {.len = (uint32_t)(sizeof head + len), .error = -error, .unique = unique};
    memcpy(out, &head, sizeof head);
    if (len) memcpy(out + sizeof head, data, len);
    if (write(device, out, head.len) < 0) perror("slowfs: answer");
}

static struct fuse_attr attributes(uint64_t node)
{
    struct fuse_attr a = {.ino = node, .nlink = 1, .blksize = 4096, .mode = S_IFDIR | 0755};
    if (node == 2) {
        a.mode = S_IFREG | 0644;
        a.size = sizeof text - 1;
    }
    return a;
}

static void look_up(const struct fuse_in_header *in, const char *name)
{
    struct fuse_entry_out out = {.nodeid = 2, .generation = 1, .attr = attributes(2)};
    if (strcmp(name, "slow") != 0) answer(in->unique, ENOENT, NULL, 0);
    else answer(in->unique, 0, &out, sizeof out);
}

static void read_file(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
    size_t at = r->offset < sizeof text - 1 ? (size_t)r->offset : sizeof text - 1, n = sizeof text - 1 - at;
    answer(in->unique, 0, text + at, n < r->size ? n : r->size);
}

static void initialise(const struct fuse_in_header *in, const struct fuse_init_in *r)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = r->minor < FUSE_KERNEL_MINOR_VERSION ? r->minor : FUSE_KERNEL_MINOR_VERSION,
                                .max_readahead = r->max_readahead, .max_write = 4096, .max_background = 16, .congestion_threshold = 12};
    answer(in->unique, 0, &out, sizeof out);
}

static void serve(const char *bytes)
{
    const struct fuse_in_header *in = (const void *)bytes;
    const void *data = bytes + sizeof *in;
    struct timespec wait = {delay_ms / 1000, delay_ms % 1000 * 1000000};
    struct fuse_attr_out attr = {.attr = attributes(in->nodeid)};
    struct fuse_open_out opened = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};
    struct fuse_statfs_out fs = {.st = {.bsize = 4096, .namelen = 255}};
    if (in->opcode == FUSE_LOOKUP || in->opcode == FUSE_OPEN || in->opcode == FUSE_READ || in->opcode == FUSE_FLUSH)
        while (nanosleep(&wait, &wait) != 0) {}
    switch (in->opcode) {
    case FUSE_INIT: initialise(in, data); break;
    case FUSE_LOOKUP: look_up(in, data); break;
    case FUSE_GETATTR: answer(in->unique, 0, &attr, sizeof attr); break;
    case FUSE_OPENDIR:
    case FUSE_OPEN: answer(in->unique, 0, &opened, sizeof opened); break;
    case FUSE_READ: read_file(in, data); break;
    case FUSE_STATFS: answer(in->unique, 0, &fs, sizeof fs); break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS: answer(in->unique, 0, NULL, 0); break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: break;
    default: answer(in->unique, ENOSYS, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    char options[100];
    if (argc != 3) return 2;
    delay_ms = atol(argv[2]);
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    if (device < 0 || mount("slowfs", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
        printf("cannot: %s\n", strerror(errno));
        return 1;
    }
    puts("mounted");
    fflush(stdout);
    struct pollfd fds[2] = {{.fd = device, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
        ssize_t n = fds[0].revents ? read(device, request, sizeof request) : 0;
        if (n > 0) serve(request);
        else if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT) break;
    }
    umount2(argv[1], MNT_DETACH);
    return 0;
}
