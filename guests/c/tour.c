/* tour.c - the small programs in C. What they do and print: guests/README.md. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what)
{
    fprintf(stderr, "tour: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* --- arguments, environment, streams ---------------------------------------- */

static int show_args(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        printf("arg %d: %s\n", i, argv[i]);
    return 0;
}

static int show_env(int argc, char **argv)
{
    (void)argc, (void)argv;
    size_t n = 0;
    while (environ[n] != NULL)
        n++;
    qsort(environ, n, sizeof *environ, compare_strings);
    for (size_t i = 0; i < n; i++)
        printf("%s\n", environ[i]);
    return 0;
}

static int copy(int argc, char **argv)
{
    (void)argc, (void)argv;
    size_t nbytes = 0, nlines = 0;
    for (int c; (c = getchar()) != EOF; nbytes++) {
        nlines += c == '\n';
        putchar(toupper(c));
    }
    fflush(stdout);
    fprintf(stderr, "%zu bytes, %zu lines\n", nbytes, nlines);
    return 0;
}

static int leave(int argc, char **argv)
{
    int code = argc > 2 ? atoi(argv[2]) : 0;
    printf("leaving with %d\n", code);
    exit(code);
}

static int trap(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("before\n");
    fflush(stdout);
    __builtin_trap();
}

/* --- clocks and randomness ---------------------------------------------------- */

static int64_t now_ns(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        fail("clock_gettime");
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void say(const char *claim, bool holds)
{
    printf("%s: %s\n", claim, holds ? "yes" : "no");
}

static int show_clocks(int argc, char **argv)
{
    (void)argc, (void)argv;
    say("after 2020", now_ns(CLOCK_REALTIME) > INT64_C(1577836800) * 1000000000);
    int64_t before = now_ns(CLOCK_MONOTONIC);
    say("never back", now_ns(CLOCK_MONOTONIC) >= before);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    say("slept 20 ms", now_ns(CLOCK_MONOTONIC) - before >= 20000000);
    return 0;
}

static int draw(int argc, char **argv)
{
    (void)argc, (void)argv;
    unsigned char a[32], b[32], none[32] = {0};
    if (getentropy(a, sizeof a) != 0 || getentropy(b, sizeof b) != 0)
        fail("getentropy");
    say("draws differ", memcmp(a, b, sizeof a) != 0 && memcmp(a, none, sizeof a) != 0);
    return 0;
}

/* --- files ------------------------------------------------------------------------ */

static const char *explain(int error)
{
    switch (error) {
    case 0: return "done";
    case ENOENT: return "no such file";
    case EEXIST: return "exists";
    case ENOTDIR: return "not a folder";
    case EISDIR: return "is a folder";
    case ENOTEMPTY: return "not empty";
    default: return strerror(error);
    }
}

static void tell(const char *what, int result)
{
    printf("%s: %s\n", what, explain(result < 0 ? errno : 0));
}

static void write_file(const char *path, int flags, const char *text)
{
    int fd = open(path, O_WRONLY | flags, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        fail(path);
}

/* What up to n bytes from an offset say, with | for the end of a line. */
static void show_bytes(const char *what, const char *path, off_t offset, int whence, size_t n)
{
    char bytes[64];
    int fd = open(path, O_RDONLY);
    if (fd < 0 || lseek(fd, offset, whence) < 0)
        fail(path);
    ssize_t got = read(fd, bytes, n < sizeof bytes ? n : sizeof bytes);
    if (got < 0)
        fail(path);
    printf("%s: ", what);
    for (ssize_t i = 0; i < got; i++)
        putchar(bytes[i] == '\n' ? '|' : bytes[i] == 0 ? '0' : bytes[i]);
    putchar('\n');
    close(fd);
}

static long long size_of(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0)
        fail(path);
    return found.st_size;
}

static const char *type_of(const char *path)
{
    struct stat found;
    if (lstat(path, &found) != 0)
        fail(path);
    return S_ISDIR(found.st_mode) ? "folder" : S_ISLNK(found.st_mode) ? "link" : "file";
}

static int opened(const char *path, int flags)
{
    int fd = open(path, flags, 0666);
    if (fd >= 0)
        close(fd);
    return fd;
}

static void list(const char *path)
{
    char *names[16];
    size_t n = 0;
    DIR *dir = opendir(path);
    if (dir == NULL)
        fail(path);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL && n < 16; )
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names[n++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, n, sizeof *names, compare_strings);
    printf("list:");
    for (size_t i = 0; i < n; i++)
        printf(" %s (%s)", names[i], type_of(names[i]));
    putchar('\n');
}

static void write_and_read(void)
{
    tell("make a folder", mkdir("made", 0777));
    tell("again", mkdir("made", 0777));
    if (chdir("made") != 0)
        fail("made");
    write_file("a.txt", O_CREAT | O_TRUNC, "hello\n");
    write_file("a.txt", O_APPEND, "world\n");
    printf("append: %lld bytes\n", size_of("a.txt"));
    show_bytes("read", "a.txt", 0, SEEK_SET, 64);
    show_bytes("seek to 6", "a.txt", 6, SEEK_SET, 5);
    show_bytes("seek to 4 before the end", "a.txt", -4, SEEK_END, 3);
    write_file("a.txt", 0, "J");
    show_bytes("overwrite", "a.txt", 0, SEEK_SET, 64);
    if (truncate("a.txt", 5) != 0)
        fail("truncate");
    show_bytes("truncate", "a.txt", 0, SEEK_SET, 64);
    if (truncate("a.txt", 8) != 0)
        fail("truncate");
    show_bytes("extend", "a.txt", 0, SEEK_SET, 64);
}

static void rename_and_refuse(void)
{
    tell("rename", rename("a.txt", "b.txt"));
    struct stat found;
    tell("the old name", stat("a.txt", &found));
    tell("create anew", opened("b.txt", O_WRONLY | O_CREAT | O_EXCL));
    tell("open what is not there", opened("none.txt", O_RDONLY));
    tell("open beneath a file", opened("b.txt/x", O_RDONLY));
    tell("write to a folder", opened("../made", O_WRONLY));
    printf("outside: %s\n", opened("../../outside.txt", O_RDONLY) < 0 ? "refused" : "open");
    printf("absolute: %s\n", opened("/outside.txt", O_RDONLY) < 0 ? "refused" : "open");
}

static void fill_and_empty(void)
{
    char to[16] = {0};
    tell("make a folder in it", mkdir("sub", 0777));
    write_file("sub/c.txt", O_CREAT, "c");
    tell("remove a full folder", rmdir("sub"));
    tell("link", symlink("b.txt", "link"));
    list(".");
    if (readlink("link", to, sizeof to - 1) < 0)
        fail("link");
    printf("the link says: %s\n", to);
    printf("through the link: %lld bytes\n", size_of("link"));
    tell("remove a file", unlink("sub/c.txt"));
    tell("remove it again", unlink("sub/c.txt"));
    tell("remove a folder", rmdir("sub"));
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000001}};
    struct stat found;
    if (utimensat(AT_FDCWD, "b.txt", times, 0) != 0 || stat("b.txt", &found) != 0)
        fail("b.txt");
    printf("time: %lld\n", (long long)found.st_mtim.tv_sec);
}

static int tour_files(int argc, char **argv)
{
    if (argc < 3 || chdir(argv[2]) != 0)
        fail("the folder");
    show_bytes("seed", "seed.txt", 0, SEEK_SET, 64);
    write_and_read();
    rename_and_refuse();
    fill_and_empty();
    return 0;
}

/* --- which ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} programs[] = {
    {"args", show_args}, {"env", show_env}, {"copy", copy}, {"exit", leave}, {"trap", trap},
    {"clock", show_clocks}, {"random", draw}, {"files", tour_files},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof programs / sizeof *programs; i++)
        if (strcmp(argv[1], programs[i].name) == 0)
            return programs[i].run(argc, argv);
    fprintf(stderr, "usage: tour args|env|copy|exit N|trap|clock|random|files FOLDER\n");
    return 2;
}
