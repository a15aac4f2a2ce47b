/* bench_validate.c - how fast a module is decoded and validated.
 *   bench_validate FILE [SECONDS]
 * Prints the best of many loads in MB/s of the whole file and of its code section. */
#define _GNU_SOURCE
#include "module/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int fail(const mote_error *err)
{
    fprintf(stderr, "%s at %" PRId64 ": %s\n", mote_status_name(err->status), (int64_t)err->offset, err->message);
    return 1;
}

int main(int argc, char **argv)
{
    uint8_t *bytes;
    size_t len;
    mote_error err;
    mo_error_clear(&err);
    if (argc < 2 || !mo_file_read(argv[1], (size_t)1 << 30, &bytes, &len, &err)) return fail(&err);
    double until = now_s() + (argc > 2 ? atof(argv[2]) : 2), best = 1e9;
    uint64_t code = 0;
    do {
        mo_module *m;
        double start = now_s();
        if (mo_module_load(bytes, len, mo_features_all(), NULL, &m, &err) != MOTE_OK) return fail(&err);
        double took = now_s() - start;
        if (took < best) best = took;
        code = m->code_len;
        mo_module_unref(m);
    } while (now_s() < until);
    printf("%zu bytes, %.3f ms: %.0f MB/s; code section %" PRIu64 " bytes: %.0f MB/s\n", len, best * 1e3,
           (double)len / best / 1e6, code, (double)code / best / 1e6);
    mo_free(bytes);
    return 0;
}
