/* vector.c - a data job: ten million numbers are made, shifted to a mean of zero and multiplied
 * with their neighbours; the sums are whole numbers that a double holds exactly, so that every
 * order of adding gives the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "workload.h"

enum { COUNT = 10000000 };

static void fill(double *v)
{
    uint32_t x = 1;
    for (size_t i = 0; i < COUNT; i++) {
        x = x * 1664525u + 1013904223u;
        v[i] = x >> 22;
    }
}

void respond(const request *q, answer *ret)
{
    static char text[128];
    double *v = malloc(COUNT * sizeof *v), sum = 0, squares = 0, neighbours = 0;
    (void)q;
    if (!v) {
        respond_text(ret, 500, "no memory\n");
        return;
    }
    fill(v);
    for (size_t i = 0; i < COUNT; i++)
        sum += v[i];
    for (size_t i = 0; i < COUNT; i++)
        v[i] = v[i] - 512;
    for (size_t i = 0; i < COUNT; i++)
        squares += v[i] * v[i];
    for (size_t i = 1; i < COUNT; i++)
        neighbours += v[i] * v[i - 1];
    free(v);
    snprintf(text, sizeof text, "%.0f %.0f %.0f\n", sum, squares, neighbours);
    respond_text(ret, 200, text);
}
