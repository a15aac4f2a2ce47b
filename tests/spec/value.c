/* value.c - the values of the JSON scripts: numbers as decimal text of their bits, v128
 * as a list of lanes, references as null, a host's number, or "any of that kind". */
#include "spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *string_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static uint64_t number(const char *text)
{
    return text[0] == '-' ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
}

/* "i8", "f64"...: bytes of a lane or number. */
static size_t width_of(const char *type)
{
    return (size_t)atoi(type + 1) / 8;
}

static bool is_number(const char *type)
{
    return strcmp(type, "i32") == 0 || strcmp(type, "i64") == 0 || strcmp(type, "f32") == 0 ||
           strcmp(type, "f64") == 0;
}

/* Externref n of a script is the word n + 1, for 0 is null. */
static uint64_t host_word(const char *value)
{
    return strcmp(value, "null") == 0 ? 0 : number(value) + 1;
}

bool value_read(const json_t *json, mote_valtype type, mote_value *ret)
{
    const char *name = string_of(json, "type"), *value = string_of(json, "value");
    *ret = (mote_value){.type = type};
    if (!name)
        return false;
    if (is_number(name) && value) {
        uint64_t bits = number(value);
        memcpy(&ret->of, &bits, width_of(name));
        return true;
    }
    if (strcmp(name, "v128") == 0) {
        const json_t *lanes = json_object_get(json, "value");
        size_t width = width_of(string_of(json, "lane_type")), at = 0;
        for (size_t i = 0; i < json_array_size(lanes) && at < 16; i++, at += width) {
            uint64_t bits = number(json_string_value(json_array_get(lanes, i)));
            memcpy(ret->of.v128 + at, &bits, width);
        }
        return at == 16;
    }
    if (!mote_is_reference(type))
        return false;
    if (value && strcmp(value, "null") != 0)
        ret->of.externref = host_word(value);
    return true;
}

/* Wasm 3.0, "NaN propagation": canonical is the quiet bit alone, arithmetic is it and
 * any others; the sign is free. */
static bool lane_matches(const char *type, const char *want, const uint8_t *have)
{
    size_t width = width_of(type);
    uint64_t bits = 0;
    memcpy(&bits, have, width);
    if (strncmp(want, "nan:", 4) != 0) {
        uint64_t wanted = number(want);
        return memcmp(&wanted, &bits, width) == 0;
    }
    uint64_t quiet = width == 4 ? 0x7fc00000 : UINT64_C(0x7ff8000000000000);
    uint64_t magnitude = bits & (width == 4 ? 0x7fffffff : UINT64_C(0x7fffffffffffffff));
    return strcmp(want, "nan:canonical") == 0 ? magnitude == quiet : (magnitude & quiet) == quiet;
}

static bool lanes_match(const json_t *want, const uint8_t *have)
{
    const char *type = string_of(want, "lane_type");
    const json_t *lanes = json_object_get(want, "value");
    for (size_t i = 0; i < json_array_size(lanes); i++)
        if (!lane_matches(type, json_string_value(json_array_get(lanes, i)), have + i * width_of(type)))
            return false;
    return true;
}

static bool reference_matches(const char *name, const char *value, const mote_value *have)
{
    if (!mote_is_reference(have->type))
        return false;
    uint64_t word = have->of.word[0];
    if (strncmp(name, "null", 4) == 0 || strcmp(name, "refnull") == 0)
        return word == 0;
    return value ? word == host_word(value) : word != 0;
}

bool value_matches(const json_t *want, const mote_value *have)
{
    static const struct { const char *name; mote_valtype type; } numbers[] = {
        {"i32", MOTE_I32}, {"i64", MOTE_I64}, {"f32", MOTE_F32}, {"f64", MOTE_F64},
    };
    const char *name = string_of(want, "type"), *value = string_of(want, "value");
    if (strcmp(name, "either") == 0) {
        const json_t *list = json_object_get(want, "values");
        for (size_t i = 0; i < json_array_size(list); i++)
            if (value_matches(json_array_get(list, i), have))
                return true;
        return false;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0)
            return have->type == numbers[i].type &&
                   (!value || lane_matches(name, value, have->of.v128));
    if (strcmp(name, "v128") == 0)
        return have->type == MOTE_V128 && lanes_match(want, have->of.v128);
    return reference_matches(name, value, have);
}

const char *value_text(const mote_value *v, char *text, size_t size)
{
    char type[MOTE_TYPE_TEXT];
    mote_valtype_text(v->type, type);
    if (v->type == MOTE_I32 || v->type == MOTE_F32)
        snprintf(text, size, "%s:%" PRIu32 " (0x%" PRIx32 ")", type, v->of.u32, v->of.u32);
    else if (v->type == MOTE_V128)
        snprintf(text, size, "v128:0x%016" PRIx64 "%016" PRIx64, v->of.word[1], v->of.word[0]);
    else if (mote_is_reference(v->type) && v->of.word[0] == 0)
        snprintf(text, size, "%s:null", type);
    else
        snprintf(text, size, "%s:%" PRIu64 " (0x%" PRIx64 ")", type, v->of.u64, v->of.u64);
    return text;
}

const char *want_text(const json_t *want, char *text, size_t size)
{
    char *json = json_dumps(want, JSON_COMPACT);
    snprintf(text, size, "%s", json ? json : "?");
    free(json);
    return text;
}
