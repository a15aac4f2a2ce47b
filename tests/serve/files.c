/* files.c - a guest that does one thing to files: its path says what, its query to which. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    return fd < 0 || write(fd, "made", 4) != 4 ? -1 : close(fd);
}

static int look(const char *path)
{
    char some[4];
    int fd = open(path, O_RDONLY);
    return fd < 0 || read(fd, some, sizeof some) < 0 ? -1 : close(fd);
}

/* More pages than the server leaves writable from one request to the next. */
static int fill(void)
{
    static unsigned char pages[8 << 20];
    unsigned long sum = 0;
    for (size_t i = 0; i < sizeof pages; i += 4096)
        sum += pages[i]++;
    return sum == 0 ? 0 : -1;
}

static int act(const char *what, const char *a, const char *b)
{
    if (strcmp(what, "/make") == 0) return make(a);
    if (strcmp(what, "/look") == 0) return look(a);
    if (strcmp(what, "/rename") == 0) return rename(a, b);
    if (strcmp(what, "/link") == 0) return link(a, b);
    if (strcmp(what, "/symlink") == 0) return symlink(a, b);
    if (strcmp(what, "/unlink") == 0) return unlink(a);
    if (strcmp(what, "/mkdir") == 0) return mkdir(a, 0755);
    if (strcmp(what, "/fill") == 0) return fill();
    return 0;
}

int main(void)
{
    char *a = getenv("QUERY_STRING"), *b = a ? strchr(a, '&') : NULL;
    if (b) *b++ = 0;
    int result = act(getenv("PATH_INFO"), a, b ? b : "");
    int number = errno;
    printf("Content-Type: text/plain\n\n%s\n", result == 0 ? "done" : strerror(number));
    printf("%s\n", getenv("HOOK") ? getenv("HOOK") : "");
    return 0;
}
