/* json.c - writes a document of nested objects, then reads it by recursive descent:
 * a parser's branches, calls and small copies.
 * n: 4900 full, 370 quick */
#include "kernel.h"

enum { NTEXT = 1 << 17, MAX_DEPTH = 6 };

typedef struct {
    u8 *at, *end;
    u64 random;
} writer;

static void put(writer *w, const char *text)
{
    while (*text != 0 && w->at < w->end)
        *w->at++ = (u8)*text++;
}

static void put_number(writer *w, u32 value)
{
    char digits[12], *at = digits + sizeof digits;
    *--at = 0;
    do *--at = (char)('0' + value % 10); while ((value /= 10) != 0);
    put(w, at);
}

static void put_string(writer *w)
{
    char text[24];
    u32 nbytes = 3 + next_random(&w->random) % 18, to = 0;
    for (u32 i = 0; i + 1 < nbytes; i++) {
        u32 bits = next_random(&w->random);
        if (bits % 32 == 0)
            text[to++] = '\\';
        text[to++] = bits % 32 == 0 ? 'n' : (char)('a' + bits % 26);
        if (to > 20)
            break;
    }
    text[to] = 0;
    put(w, "\"");
    put(w, text);
    put(w, "\"");
}

static void put_value(writer *w, int depth)
{
    u32 bits = next_random(&w->random), kind = depth >= MAX_DEPTH ? bits % 4 : bits % 8;
    switch (kind) {
    case 0: put(w, bits & 64 ? "true" : "false"); return;
    case 1: put(w, "null"); return;
    case 2: put_string(w); return;
    case 3: put(w, bits & 64 ? "-" : ""); put_number(w, bits >> 8); put(w, ".5"); return;
    }
    bool is_object = kind < 6;
    put(w, is_object ? "{" : "[");
    for (u32 i = 0, nitems = 2 + bits / 8 % 8; i < nitems; i++) {
        put(w, i > 0 ? ", " : "");
        if (is_object) {
            put_string(w);
            put(w, ": ");
        }
        put_value(w, depth + 1);
    }
    put(w, is_object ? "}" : "]");
}

typedef struct {
    const u8 *at;
    u64 sum;
    bool bad;
} reader;

static void skip_space(reader *r)
{
    while (*r->at == ' ' || *r->at == '\n')
        r->at++;
}

static bool accept(reader *r, u8 c)
{
    skip_space(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static void read_string(reader *r)
{
    u8 copy[32];
    u32 nbytes = 0, hash = 0;
    while (*r->at != '"' && *r->at != 0) {
        u8 c = *r->at++;
        if (c == '\\' && *r->at != 0)
            c = *r->at++ == 'n' ? '\n' : '?';
        copy[nbytes++ % sizeof copy] = c;
    }
    r->bad |= !accept(r, '"');
    for (u32 i = 0; i < nbytes && i < sizeof copy; i++)
        hash = hash * 33 + copy[i];
    r->sum = mix(r->sum, hash);
}

static void read_number(reader *r)
{
    bool negative = accept(r, '-');
    double value = 0, scale = 1;
    r->bad |= *r->at < '0' || *r->at > '9';
    while (*r->at >= '0' && *r->at <= '9')
        value = value * 10 + (*r->at++ - '0');
    if (*r->at == '.')
        for (r->at++; *r->at >= '0' && *r->at <= '9'; )
            value += (*r->at++ - '0') * (scale /= 10);
    r->sum = mix_f64(r->sum, negative ? -value : value);
}

static void read_word(reader *r, const char *word)
{
    for (; *word != 0; word++, r->at++)
        if (*r->at != (u8)*word) {
            r->bad = true;
            return;
        }
    r->sum += 7;
}

static void read_value(reader *r)
{
    skip_space(r);
    switch (*r->at) {
    case '{':
        r->at++;
        do {
            r->bad |= !accept(r, '"');
            read_string(r);
            r->bad |= !accept(r, ':');
            if (r->bad)
                return;
            read_value(r);
        } while (!r->bad && accept(r, ','));
        r->bad |= !accept(r, '}');
        return;
    case '[':
        r->at++;
        do read_value(r); while (!r->bad && accept(r, ','));
        r->bad |= !accept(r, ']');
        return;
    case '"': r->at++; read_string(r); return;
    case 't': read_word(r, "true"); return;
    case 'f': read_word(r, "false"); return;
    case 'n': read_word(r, "null"); return;
    default: read_number(r); return;
    }
}

/* The text is documents one after the other, the last of them cut off. */
i64 run(i32 n)
{
    take_back();
    writer w = { .at = take(NTEXT + 1), .random = 59 };
    const u8 *text = w.at;
    w.end = w.at + NTEXT;
    while (w.at < w.end) {
        put_value(&w, 0);
        put(&w, "\n");
    }
    *w.at = 0;
    u64 sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        reader r = { .at = text, .sum = sum };
        while (!r.bad && *r.at != 0) {
            read_value(&r);
            skip_space(&r);
        }
        sum = mix(r.sum, (u64)(r.at - text));
    }
    return (i64)sum;
}
