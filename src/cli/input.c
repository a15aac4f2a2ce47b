/* input.c - files in: what they are by their first bytes, and what to say about those
 * that are no modules. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool starts_with(const input *in, const char *bytes, size_t n)
{
    return in->len >= n && memcmp(in->bytes, bytes, n) == 0;
}

/* The text format starts with a parenthesis or a comment. */
static bool is_text(const input *in)
{
    size_t i = 0, n = strlen(in->path);
    if (n > 4 && strcmp(in->path + n - 4, ".wat") == 0)
        return true;
    while (i < in->len && strchr(" \t\r\n", in->bytes[i]))
        i++;
    return i + 1 < in->len && (in->bytes[i] == '(' || (in->bytes[i] == ';' && in->bytes[i + 1] == ';'));
}

static kind kind_of(const input *in)
{
    if (starts_with(in, "\0asm\x0d\0\1\0", 8))
        return KIND_COMPONENT;
    if (starts_with(in, "\0asm", 4))
        return KIND_WASM;
    if (starts_with(in, "\0mote", 5))
        return KIND_ARTIFACT;
    return is_text(in) ? KIND_TEXT : KIND_OTHER;
}

static bool fail(const char *path, const char *why, int *ret_exit)
{
    say("%s: %s", path, why);
    *ret_exit = EXIT_SYSTEM;
    return false;
}

/* Not mapped: somebody may cut the file meanwhile. */
static bool read_bytes(int fd, size_t len, input *ret)
{
    ret->bytes = malloc(len ? len : 1);
    while (ret->bytes && ret->len < len) {
        ssize_t n = read(fd, ret->bytes + ret->len, len - ret->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        ret->len += (size_t)n;
    }
    return ret->bytes != NULL;
}

bool open_input(const char *path, size_t most, input *ret, int *ret_exit)
{
    struct stat st;
    *ret = (input){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(path, strerror(errno), ret_exit);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return fail(path, S_ISDIR(st.st_mode) ? strerror(EISDIR) : "not a regular file", ret_exit);
    }
    bool good = read_bytes(fd, (size_t)st.st_size < most ? (size_t)st.st_size : most, ret);
    int saved = errno;
    close(fd);
    if (!good) {
        close_input(ret);
        return fail(path, strerror(saved), ret_exit);
    }
    ret->kind = kind_of(ret);
    return true;
}

void close_input(input *in)
{
    free(in->bytes);
    in->bytes = NULL;
}

bool is_module(const input *in, int *ret_exit)
{
    *ret_exit = EXIT_MODULE;
    switch (in->kind) {
    case KIND_WASM: return true;
    case KIND_COMPONENT:
        say("%s: a component; mote runs core modules only so far", in->path);
        return false;
    case KIND_ARTIFACT:
        say("%s: an artifact, compiled already; a module is wanted here", in->path);
        return false;
    case KIND_TEXT:
        say("%s: WebAssembly text; convert it first: `wat2wasm %s` or `wasm-tools parse %s -o FILE.wasm`",
            in->path, in->path, in->path);
        return false;
    case KIND_OTHER:
        say("%s: not WebAssembly: a module starts with the bytes 00 61 73 6d", in->path);
        return false;
    }
    return false;
}
