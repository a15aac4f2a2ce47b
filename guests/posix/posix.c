/* posix.c - see posix.h. All are weak, for a newer libc has some of them. */
#include "posix.h"
#include <errno.h>
#include <pwd.h>

#pragma weak chmod
#pragma weak fchmod
#pragma weak chown
#pragma weak lchown
#pragma weak fchown
#pragma weak umask
#pragma weak getuid
#pragma weak geteuid
#pragma weak getpwuid
#pragma weak dup
#pragma weak system
#pragma weak tmpfile
#pragma weak tmpnam
#pragma weak mkstemp

int chmod(const char *path, mode_t mode)
{
    (void)mode;
    return access(path, F_OK);
}

int fchmod(int fd, mode_t mode)
{
    (void)fd, (void)mode;
    return 0;
}

int chown(const char *path, uid_t owner, gid_t group)
{
    (void)owner, (void)group;
    return access(path, F_OK);
}

int lchown(const char *path, uid_t owner, gid_t group)
{
    return chown(path, owner, group);
}

int fchown(int fd, uid_t owner, gid_t group)
{
    (void)fd, (void)owner, (void)group;
    return 0;
}

mode_t umask(mode_t mode)
{
    (void)mode;
    return 022;
}

uid_t getuid(void)
{
    return 1000;
}

uid_t geteuid(void)
{
    return 1000;
}

struct passwd *getpwuid(uid_t user)
{
    (void)user;
    return NULL;
}

static int refuse(void)
{
    errno = ENOTSUP;
    return -1;
}

int dup(int fd)
{
    (void)fd;
    return refuse();
}

int system(const char *command)
{
    return command == NULL ? 0 : refuse();     /* NULL asks whether there is a shell */
}

FILE *tmpfile(void)
{
    refuse();
    return NULL;
}

char *tmpnam(char *name)
{
    (void)name;
    return NULL;
}

int mkstemp(char *name)
{
    (void)name;
    return refuse();
}
