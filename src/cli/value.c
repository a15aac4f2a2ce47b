/* value.c - values as words: integers decimal or hexadecimal, floats as C and Rust write
 * them, v128 as one 128-bit integer, references only as null. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Signed or unsigned, both fit: -1 and 4294967295 are the same i32. */
static bool read_integer(const char *text, unsigned bits, uint64_t *ret)
{
    bool minus = text[0] == '-';
    const char *digits = text + (minus || text[0] == '+');
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end;
    if (digits[0] < '0' || digits[0] > '9')
        return false;
    errno = 0;
    uint64_t n = strtoull(digits, &end, hex ? 16 : 10);
    uint64_t most = minus ? UINT64_C(1) << (bits - 1) : UINT64_MAX >> (64 - bits);
    if (errno || *end || n > most)
        return false;
    *ret = minus ? -n : n;
    return true;
}

static bool read_float(const char *text, double *ret, float *ret32)
{
    char *end;
    if (!*text || strchr(" \t\n", *text))
        return false;
    *ret = strtod(text, &end);
    *ret32 = strtof(text, NULL);
    return *end == '\0';
}

static bool read_v128(const char *text, uint8_t *ret)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned base = hex ? 16 : 10;
    const char *digits = text + (hex ? 2 : 0);
    memset(ret, 0, 16);
    if (!*digits)
        return false;
    for (; *digits; digits++) {
        const char *all = "0123456789abcdef";
        const char *one = strchr(all, *digits >= 'A' && *digits <= 'F' ? *digits + 32 : *digits);
        unsigned carry = one ? (unsigned)(one - all) : base;
        if (carry >= base)
            return false;
        for (int i = 0; i < 16; i++) {
            carry += ret[i] * base;
            ret[i] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    return true;
}

bool read_value(const char *text, mote_valtype type, mote_value *ret)
{
    double wide;
    float narrow;
    uint64_t bits;
    *ret = (mote_value){.type = type};
    if (type == MOTE_I32 || type == MOTE_I64) {
        if (!read_integer(text, type == MOTE_I32 ? 32 : 64, &bits))
            return false;
        *ret = type == MOTE_I32 ? mote_i32((int32_t)bits) : mote_i64((int64_t)bits);
        return true;
    }
    if (type == MOTE_F32 || type == MOTE_F64) {
        if (!read_float(text, &wide, &narrow))
            return false;
        *ret = type == MOTE_F32 ? mote_f32(narrow) : mote_f64(wide);
        return true;
    }
    if (type == MOTE_V128)
        return read_v128(text, ret->of.v128);
    return strcmp(text, "null") == 0;
}

/* The fewest digits that read back as the same number, never with an exponent. */
static void print_float(double v, bool narrow)
{
    static char zeros[330];
    char text[64];
    int precision = 0;
    if (v != v || v - v != 0) {
        puts(v != v ? "NaN" : v > 0 ? "inf" : "-inf");
        return;
    }
    memset(zeros, '0', sizeof zeros - 1);
    do
        snprintf(text, sizeof text, "%.*e", precision++, v);
    while (precision < 17 && (narrow ? strtof(text, NULL) != (float)v : strtod(text, NULL) != v));

    char *e = strchr(text, 'e');
    int exponent = atoi(e + 1);
    const char *digit = text + (text[0] == '-');
    if (text[0] == '-')
        putchar('-');
    if (exponent < 0)
        printf("0.%.*s", -exponent - 1, zeros);
    for (int at = exponent; digit < e || at >= 0; at--) {
        if (digit < e && *digit == '.')
            digit++;
        putchar(digit < e ? *digit++ : '0');
        if (at == 0 && digit < e)
            putchar('.');
    }
    putchar('\n');
}

static void print_v128(const uint8_t *v)
{
    uint8_t left[16];
    char text[40];
    int n = 0, rest;
    memcpy(left, v, 16);
    do { /* long division by ten */
        unsigned remainder = 0;
        rest = 0;
        for (int i = 15; i >= 0; i--) {
            remainder = remainder << 8 | left[i];
            left[i] = (uint8_t)(remainder / 10);
            remainder %= 10;
            rest |= left[i];
        }
        text[n++] = (char)('0' + remainder);
    } while (rest);
    while (n)
        putchar(text[--n]);
    putchar('\n');
}

/* As the text format abbreviates the two common ones. */
static const char *type_name(mote_valtype type, char text[MOTE_TYPE_TEXT])
{
    return type == MOTE_FUNCREF ? "funcref" : type == MOTE_EXTERNREF ? "externref" : mote_valtype_text(type, text);
}

void print_value(const mote_value *v)
{
    char type[MOTE_TYPE_TEXT];
    switch (v->type) {
    case MOTE_I32: printf("%" PRId32 "\n", v->of.i32); break;
    case MOTE_I64: printf("%" PRId64 "\n", v->of.i64); break;
    case MOTE_F32: print_float((double)v->of.f32, true); break;
    case MOTE_F64: print_float(v->of.f64, false); break;
    case MOTE_V128: print_v128(v->of.v128); break;
    default: printf("<%s%s>\n", v->of.word[0] ? "" : "null ", type_name(v->type, type)); break;
    }
}
