/* image.c - a picture made smaller: PPM in (P6, 8 bits), a quarter of its width and height out,
 * each pixel the mean of 16, rounded down. */
#include <stdio.h>
#include <string.h>
#include "workload.h"

enum { SIDE_MOST = 512, BY = 4 };

static unsigned char small[32 + 3 * (SIDE_MOST / BY) * (SIDE_MOST / BY)];

/** Reads the head; the offset of the first pixel, or 0. */
static size_t read_head(const request *q, unsigned *width, unsigned *height)
{
    char head[64] = "";
    unsigned most;
    int n = 0;
    memcpy(head, q->body, q->length < sizeof head - 1 ? q->length : sizeof head - 1);
    if (sscanf(head, "P6 %u %u %u%n", width, height, &most, &n) != 3 || most != 255 || *width > SIDE_MOST || *height > SIDE_MOST)
        return 0;
    return q->length == (size_t)n + 1 + 3u * *width * *height ? (size_t)n + 1 : 0;
}

void respond(const request *q, answer *ret)
{
    unsigned width, height;
    size_t at = read_head(q, &width, &height);
    if (!at) {
        respond_text(ret, 400, "no such picture\n");
        return;
    }
    const unsigned char *from = (const unsigned char *)q->body + at;
    size_t n = (size_t)snprintf((char *)small, 32, "P6 %u %u 255\n", width / BY, height / BY);
    for (unsigned y = 0; y < height / BY; y++)
        for (unsigned x = 0; x < width / BY; x++)
            for (unsigned c = 0; c < 3; c++) {
                unsigned sum = 0;
                for (unsigned i = 0; i < BY * BY; i++)
                    sum += from[3 * ((y * BY + i / BY) * width + x * BY + i % BY) + c];
                small[n++] = (unsigned char)(sum / (BY * BY));
            }
    ret->type = "image/x-portable-pixmap";
    ret->body = (const char *)small;
    ret->length = n;
}
