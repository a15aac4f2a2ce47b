/* pwd.h - there are no users: getpwuid() finds none. */
#ifndef GUEST_PWD_H
#define GUEST_PWD_H
#include <sys/types.h>

struct passwd {
    char *pw_name, *pw_dir;
};

struct passwd *getpwuid(uid_t user);

#endif
