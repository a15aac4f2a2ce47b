/* types.h - what preview 1 calls things: errnos, rights, flags, and the layouts that lie
 * in guest memory. The numbers stand in types.def. */
#ifndef MO_WASI_TYPES_H
#define MO_WASI_TYPES_H

#include <stdint.h>

typedef uint16_t mo_errno;

#define ERRNO(name, number) MO_E_##name = number,
#define ERRNO_ONLY(name, number) MO_E_##name = number,
#define SIGNAL(name, number, action) MO_SIGNAL_##name = number,
#define VALUE(kind, name, number) MO_##kind##_##name = number,
enum {
#include "wasi/types.def"
};

#define RIGHT(name, bit) MO_RIGHT_##name = 1 << bit,
enum {
#include "wasi/types.def"
    MO_RIGHTS_ALL = (1 << 30) - 1, /* none beyond SOCK_ACCEPT */
};

/* Where fields lie, in bytes from the start of their structure, and how long that is. */
enum {
    MO_IOVEC_BUF = 0, MO_IOVEC_LEN = 4, MO_IOVEC_SIZE = 8,

    MO_FDSTAT_FILETYPE = 0, MO_FDSTAT_FLAGS = 2, MO_FDSTAT_RIGHTS = 8, MO_FDSTAT_INHERITING = 16, MO_FDSTAT_SIZE = 24,

    MO_FILESTAT_DEV = 0, MO_FILESTAT_INO = 8, MO_FILESTAT_FILETYPE = 16, MO_FILESTAT_NLINK = 24,
    MO_FILESTAT_LEN = 32, MO_FILESTAT_ATIM = 40, MO_FILESTAT_MTIM = 48, MO_FILESTAT_CTIM = 56,
    MO_FILESTAT_SIZE = 64,

    MO_PRESTAT_TAG = 0, MO_PRESTAT_NAME_LEN = 4, MO_PRESTAT_SIZE = 8,

    MO_DIRENT_NEXT = 0, MO_DIRENT_INO = 8, MO_DIRENT_NAMLEN = 16, MO_DIRENT_FILETYPE = 20, MO_DIRENT_SIZE = 24,
};

#endif
