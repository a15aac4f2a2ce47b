/* landlock.c - rules about files that hold for a process and what it starts.
 * Whatever the kernel's version knows is forbidden; a folder's rule allows some of it below. */
#include "base/filter.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h, of which older headers have a part only; by version of the interface. */
typedef struct ruleset { uint64_t fs, net, scoped; } ruleset;
typedef struct beneath { uint64_t allowed; int32_t parent; } __attribute__((packed)) beneath; /* the kernel's is packed */
enum { RULE_BENEATH = 1, ASK_VERSION = 1 };
enum {
    FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3, FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5, FS_MAKE_CHAR = 1 << 6, FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8, FS_MAKE_SOCK = 1 << 9,
    FS_MAKE_FIFO = 1 << 10, FS_MAKE_BLOCK = 1 << 11, FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,     /* 2: rename and link from one folder to another */
    FS_TRUNCATE = 1 << 14,  /* 3 */
    FS_IOCTL_DEV = 1 << 15, /* 5 */
};
enum { NET_ALL = 3 /* 4: binding and connecting */, SCOPED_ALL = 3 /* 6: abstract sockets and signals */ };
#define READING (FS_READ_FILE | FS_READ_DIR)
#define WRITING (FS_WRITE_FILE | FS_TRUNCATE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SYM | FS_REFER)

/* The first version forbids every rename from one folder to another, which programs must be
 * able to do: it counts as none. */
enum { LEAST_VERSION = 2 };

int mo_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
    if (version >= 0 && version < LEAST_VERSION)
        errno = ENOSYS;
    return version < LEAST_VERSION ? 0 : (int)version;
}

static uint64_t known(int version)
{
    return version >= 5 ? 2 * FS_IOCTL_DEV - 1 : version >= 3 ? 2 * FS_TRUNCATE - 1 : 2 * FS_REFER - 1;
}

int mo_landlock_new(int version, mote_error *err)
{
    ruleset rules = {.fs = known(version), .net = version >= 4 ? NET_ALL : 0, .scoped = version >= 6 ? SCOPED_ALL : 0};
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (fd < 0)
        mo_fail(err, MOTE_IO, MOTE_NOWHERE, "Landlock: no rules can be made: %s", strerror(errno));
    return fd;
}

bool mo_landlock_add(int rules, int version, int folder, bool writable)
{
    beneath rule = {.allowed = (uint64_t)(READING | (writable ? WRITING : 0)) & known(version), .parent = folder};
    return syscall(SYS_landlock_add_rule, rules, RULE_BENEATH, &rule, 0) == 0;
}

bool mo_landlock_enter(int rules, mote_error *err)
{
    return syscall(SYS_landlock_restrict_self, rules, 0) == 0 ||
           mo_fail(err, MOTE_IO, MOTE_NOWHERE, "Landlock: %s", strerror(errno));
}
