/* yaml.h - bytes of YAML -> a tree of values with their lines, for a reader that knows what
 * should be where. A small YAML: one document, names as keys, no tags. Names are used once in
 * a mapping. An alias stands for the value that it names, and counts like it: what a file
 * says is bounded, however often it repeats itself. No value contains itself. */
#ifndef MO_SERVE_YAML_H
#define MO_SERVE_YAML_H

#include "base/base.h"

enum {
    MO_YAML_BYTES = 16 << 20,
    MO_YAML_VALUES = 2 << 20, /* aliases' values included */
    MO_YAML_DEPTH = 16,
};

typedef enum mo_yaml_kind { MO_YAML_TEXT, MO_YAML_LIST, MO_YAML_MAP } mo_yaml_kind;

typedef struct mo_yaml {
    mo_yaml_kind kind;
    bool quoted;   /* a text that is no number, no null, no true */
    uint32_t line; /* from 1 */
    uint32_t len;  /* bytes of text; items of a list; pairs of a map */
    uint32_t values; /* it and all within */
    const char *text; /* terminated; UTF-8 without NUL, control characters possible */
    struct mo_yaml *first, *next; /* items; of a map: key, value, key, value, ... */
} mo_yaml;

/* NULL: err says "path:line: ..."; its offset is the line. An empty file is an empty text. */
mo_yaml *mo_yaml_read(mo_span bytes, const char *path, mo_arena *arena, mote_error *err);

/* "app.yaml:12: words". Always false. */
bool mo_yaml_fail(mote_error *err, const char *path, uint32_t line, const char *format, ...) MO_PRINTF(4, 5);

/* The text as it can be shown in a line: cut, control characters as '?'. */
enum { MO_YAML_SHOWN = 48 };
const char *mo_yaml_shown(const char *text, char ret[MO_YAML_SHOWN]);

#endif
