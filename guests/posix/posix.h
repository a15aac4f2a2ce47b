/* posix.h - what Unix programs expect of libc and preview 1 does not have, included before
 * their first line. A file has no owner, no mode and no locks there: setting the first two
 * works and changes nothing, a lock is always had. */
#ifndef GUEST_POSIX_H
#define GUEST_POSIX_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 12
#define F_SETLK 13

int chmod(const char *path, mode_t mode);
int fchmod(int fd, mode_t mode);
int chown(const char *path, uid_t owner, gid_t group);
int fchown(int fd, uid_t owner, gid_t group);
int lchown(const char *path, uid_t owner, gid_t group);
mode_t umask(mode_t mode);
uid_t getuid(void);
uid_t geteuid(void);
int dup(int fd);
int system(const char *command);
FILE *tmpfile(void);
char *tmpnam(char *name);
int mkstemp(char *name);

#endif
