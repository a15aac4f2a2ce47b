/* test.h - a test program: claims, and one line that counts them.
 *   #include "base/test.h"
 *   TEST(add_takes_two_i32) { expect(...); }
 * One program per file; main() is in here. Arguments are words that a test's
 * name must hold to be run. A test may end early with skip("why") or require().
 * The last line is "N passed, N failed, N skipped"; the status says if any failed. */
#ifndef MOTE_TEST_H
#define MOTE_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
} test_case;

static struct {
    test_case *first, **last;
    unsigned failures; /* of the test that runs */
    const char *skipped;
} tests;

static void test_register(test_case *t)
{
    if (!tests.last) tests.last = &tests.first;
    *tests.last = t;
    tests.last = &t->next;
}

#define TEST(name)                                                                       \
    static void name(void);                                                              \
    static test_case name##_case = {#name, name, NULL};                                  \
    __attribute__((constructor)) static void name##_register(void) { test_register(&name##_case); } \
    static void name(void)

__attribute__((unused)) static bool test_failed(const char *file, int line, const char *what)
{
    tests.failures++;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    return false;
}

__attribute__((unused)) static bool test_u64(uint64_t have, uint64_t want, const char *file, int line, const char *what)
{
    if (have == want) return true;
    test_failed(file, line, what);
    fprintf(stderr, "    have %" PRIu64 " (0x%" PRIx64 "), want %" PRIu64 " (0x%" PRIx64 ")\n", have, have, want, want);
    return false;
}

__attribute__((unused)) static bool test_text(const char *have, const char *want, const char *file, int line, const char *what)
{
    if (have && want && strcmp(have, want) == 0) return true;
    test_failed(file, line, what);
    fprintf(stderr, "    have: %s\n    want: %s\n", have ? have : "(null)", want ? want : "(null)");
    return false;
}

/* Each is true if the claim holds, so that a test may stop where it does not. */
#define expect(claim) ((claim) ? true : test_failed(__FILE__, __LINE__, #claim))
#define expect_u64(have, want) test_u64((uint64_t)(have), (uint64_t)(want), __FILE__, __LINE__, #have)
#define expect_text(have, want) test_text(have, want, __FILE__, __LINE__, #have)
#define require(claim)              \
    do {                            \
        if (!expect(claim)) return; \
    } while (0)
#define skip(why)              \
    do {                       \
        tests.skipped = (why); \
        return;                \
    } while (0)

static bool test_wanted(const char *name, int nwords, char **words)
{
    for (int i = 0; i < nwords; i++)
        if (strstr(name, words[i])) return true;
    return nwords == 0;
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0, skipped = 0;
    for (test_case *t = tests.first; t; t = t->next) {
        if (!test_wanted(t->name, argc - 1, argv + 1)) continue;
        tests.failures = 0;
        tests.skipped = NULL;
        t->run();
        if (tests.failures) {
            failed++;
            printf("FAILED %s\n", t->name);
        } else if (tests.skipped) {
            skipped++;
            printf("skipped %s: %s\n", t->name, tests.skipped);
        } else {
            passed++;
        }
    }
    printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
    return failed != 0;
}

#endif
