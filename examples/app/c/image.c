/* image.c - makes a posted PNG as wide as ?width= says (200), read and written by the
 * libraries of stb.
 *
 * A picture's size is in its first bytes: one that is too large is refused before memory is
 * taken for it. Whatever else is wrong is found by the decoder, whose worst is the end of this
 * instance. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>

enum { MOST_BYTES = 8 << 20, MOST_PIXELS = 8 << 20, MOST_WIDTH = 2000 };

typedef struct picture {
    int width, height, channels;
    uint8_t *pixels;
} picture;

static int refuse(int status, const char *words)
{
    printf("Status: %d\nContent-Type: text/plain\n\n%s\n", status, words);
    return 0;
}

/* The whole body, or NULL where it is too large or memory is out. */
static uint8_t *read_body(size_t *retlen)
{
    uint8_t *bytes = malloc(MOST_BYTES + 1);
    size_t len = 0;
    ssize_t n;
    while (bytes && len <= MOST_BYTES && (n = read(0, bytes + len, MOST_BYTES + 1 - len)) > 0)
        len += (size_t)n;
    *retlen = len;
    return len <= MOST_BYTES ? bytes : NULL;
}

/* ?width=N; 200 where it is not said, 0 where it makes no sense. */
static int wanted_width(void)
{
    const char *query = getenv("QUERY_STRING");
    char *end;
    if (!query || strncmp(query, "width=", 6) != 0)
        return 200;
    long n = strtol(query + 6, &end, 10);
    return *end == 0 && n >= 1 && n <= MOST_WIDTH ? (int)n : 0;
}

static void put(void *context, void *bytes, int len)
{
    (void)context;
    fwrite(bytes, 1, (size_t)len, stdout);
}

/* Where a new pixel's old ones begin and end; there is one at least. */
static int begin_of(int at, int new, int old) { return (int)((int64_t)at * old / new); }
static int end_of(int at, int new, int old)
{
    int begin = begin_of(at, new, old), end = begin_of(at + 1, new, old);
    return end > begin ? end : begin + 1;
}

/* Each new pixel is the mean of the old ones that it covers, or the nearest one. */
static void scale(const picture *from, picture *to)
{
    uint8_t *put_at = to->pixels;
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++)
            for (int channel = 0; channel < from->channels; channel++) {
                int left = begin_of(x, to->width, from->width), right = end_of(x, to->width, from->width);
                int top = begin_of(y, to->height, from->height), bottom = end_of(y, to->height, from->height);
                uint64_t sum = 0;
                for (int row = top; row < bottom; row++)
                    for (int column = left; column < right; column++)
                        sum += from->pixels[((size_t)row * (size_t)from->width + (size_t)column) * (size_t)from->channels + (size_t)channel];
                *put_at++ = (uint8_t)(sum / ((uint64_t)(right - left) * (uint64_t)(bottom - top)));
            }
}

static int resize(const picture *from, int width)
{
    int64_t scaled = ((int64_t)from->height * width + from->width / 2) / from->width;
    picture to = {.width = width, .height = scaled < 1 ? 1 : (int)scaled, .channels = from->channels};
    if (scaled * width > MOST_PIXELS)
        return refuse(413, "the result would be too large");
    to.pixels = malloc((size_t)to.width * (size_t)to.height * (size_t)to.channels);
    if (!to.pixels)
        return refuse(500, "out of memory");
    scale(from, &to);
    printf("Content-Type: image/png\n\n");
    stbi_write_png_to_func(put, NULL, to.width, to.height, to.channels, to.pixels, 0);
    return 0;
}

int main(void)
{
    static const uint8_t mark[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    size_t len;
    picture p;
    int width = wanted_width();
    if (!width)
        return refuse(400, "width: want a number from 1 to 2000");
    uint8_t *body = read_body(&len);
    if (!body)
        return refuse(413, "a picture may have 8 MiB");
    if (len < sizeof mark || memcmp(body, mark, sizeof mark) != 0)
        return refuse(415, "post a PNG");
    if (!stbi_info_from_memory(body, (int)len, &p.width, &p.height, &p.channels))
        return refuse(400, "this PNG is broken");
    if ((int64_t)p.width * p.height > MOST_PIXELS)
        return refuse(413, "a picture may have 8 million pixels");
    p.pixels = stbi_load_from_memory(body, (int)len, &p.width, &p.height, &p.channels, 0);
    return p.pixels ? resize(&p, width) : refuse(400, "this PNG is broken");
}
