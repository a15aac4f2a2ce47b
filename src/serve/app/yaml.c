/* yaml.c - libyaml's events, put together. */
#include "serve/app/yaml.h"

#include <stdio.h>
#include <yaml.h>

enum { MOST_ANCHORS = 256, FEW = 16 };

typedef struct anchor {
    struct anchor *before;
    const char *name;
    const mo_yaml *value;
} anchor;

/* A list or map that is being read. */
typedef struct level {
    mo_yaml *value, *last;
    char *anchor;
    bool has_key; /* last is a key */
} level;

typedef struct reading {
    yaml_parser_t parser;
    mo_span bytes;
    const char *path;
    mo_arena *arena;
    mote_error *err;
    level levels[MO_YAML_DEPTH];
    uint32_t depth, nanchors;
    uint64_t values;
    anchor *anchors;
    mo_yaml *root;
} reading;

/* --- errors ------------------------------------------------------------------------- */

bool mo_yaml_fail(mote_error *err, const char *path, uint32_t line, const char *format, ...)
{
    char words[MOTE_ERROR_TEXT];
    size_t len = strlen(path);
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return mo_fail(err, MOTE_MISUSE, line, "%s%s:%u: %s", len > 80 ? "..." : "", len > 80 ? path + len - 77 : path, line, words);
}

const char *mo_yaml_shown(const char *text, char ret[MO_YAML_SHOWN])
{
    size_t len = strnlen(text, MO_YAML_SHOWN), n = len < MO_YAML_SHOWN ? len : MO_YAML_SHOWN - 4;
    while (n < len && n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        ret[i] = (uint8_t)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    strcpy(ret + n, n < len ? "..." : "");
    return ret;
}

static uint32_t line_of(mo_span bytes, size_t at)
{
    uint32_t line = 1;
    for (size_t i = 0; i < at && i < bytes.len; i++)
        line += bytes.at[i] == '\n';
    return line;
}

static bool indents_by_tabs(mo_span bytes, uint32_t line)
{
    const uint8_t *at = bytes.at, *end = at + bytes.len;
    for (; line > 1 && at < end; line--) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : end;
    }
    while (at < end && *at == ' ')
        at++;
    return at < end && *at == '\t';
}

static bool fail_parsing(reading *r)
{
    const yaml_parser_t *p = &r->parser;
    uint32_t line = (uint32_t)p->problem_mark.line + 1;
    if (p->error == YAML_MEMORY_ERROR)
        return mo_fail_nomem(r->err);
    if (p->error == YAML_READER_ERROR)
        return mo_yaml_fail(r->err, r->path, line_of(r->bytes, p->problem_offset), "not YAML: %s", p->problem);
    if (indents_by_tabs(r->bytes, line))
        return mo_yaml_fail(r->err, r->path, line, "want spaces to indent, have a tab");
    if (!p->context)
        return mo_yaml_fail(r->err, r->path, line, "not YAML: %s", p->problem);
    return mo_yaml_fail(r->err, r->path, line, "not YAML: %s, %s that began in line %zu", p->problem, p->context, p->context_mark.line + 1);
}

/* --- values -------------------------------------------------------------------------- */

/* Where no name may be twice: the first pair of a map whose key is said again. */
static const mo_yaml *find_twice_slowly(const mo_yaml *map)
{
    for (const mo_yaml *k = map->first; k; k = k->next->next)
        for (const mo_yaml *o = map->first; o != k; o = o->next->next)
            if (strcmp(o->text, k->text) == 0)
                return k;
    return NULL;
}

static bool find_twice(reading *r, const mo_yaml *map, const mo_yaml **ret)
{
    size_t size = 64;
    *ret = map->len <= FEW ? find_twice_slowly(map) : NULL;
    if (map->len <= FEW)
        return true;
    while (size < 2 * (size_t)map->len)
        size *= 2;
    const char **seen = mo_calloc(size, sizeof *seen);
    if (!seen)
        return mo_fail_nomem(r->err);
    for (const mo_yaml *k = map->first; k && !*ret; k = k->next->next) {
        size_t at = mo_hash64(k->text, k->len, mo_hash_seed()) & (size - 1);
        while (seen[at] && strcmp(seen[at], k->text) != 0)
            at = (at + 1) & (size - 1);
        *ret = seen[at] ? k : NULL;
        seen[at] = k->text;
    }
    mo_free(seen);
    return true;
}

static bool check_names(reading *r, const mo_yaml *map)
{
    char name[MO_YAML_SHOWN];
    const mo_yaml *twice, *first = map->first;
    if (!find_twice(r, map, &twice))
        return false;
    if (!twice)
        return true;
    while (strcmp(first->text, twice->text) != 0)
        first = first->next->next;
    return mo_yaml_fail(r->err, r->path, twice->line, "%s: is there twice, first in line %u", mo_yaml_shown(twice->text, name), first->line);
}

static bool remember(reading *r, const char *name, const mo_yaml *value)
{
    anchor *a = r->nanchors < MOST_ANCHORS ? mo_arena_take(r->arena, sizeof *a) : NULL;
    if (r->nanchors == MOST_ANCHORS)
        return mo_yaml_fail(r->err, r->path, value->line, "more than %d anchors", MOST_ANCHORS);
    if (!a)
        return mo_fail_nomem(r->err);
    *a = (anchor){r->anchors, name, value};
    r->anchors = a;
    r->nanchors++;
    return true;
}

static bool put(reading *r, mo_yaml *v)
{
    r->values += v->values;
    if (r->values > MO_YAML_VALUES)
        return mo_yaml_fail(r->err, r->path, v->line, "more than %d values", MO_YAML_VALUES);
    if (r->depth == 0) {
        r->root = v;
        return true;
    }
    level *l = &r->levels[r->depth - 1];
    if (l->value->kind == MO_YAML_MAP && !l->has_key && v->kind != MO_YAML_TEXT)
        return mo_yaml_fail(r->err, r->path, v->line, "want a name before the colon, have a %s", v->kind == MO_YAML_MAP ? "mapping" : "list");
    *(l->last ? &l->last->next : &l->value->first) = v;
    l->last = v;
    l->has_key = l->value->kind == MO_YAML_MAP && !l->has_key;
    l->value->len += !l->has_key;
    return true;
}

static mo_yaml *new_value(reading *r, mo_yaml_kind kind, const yaml_event_t *e)
{
    mo_yaml *v = mo_arena_take(r->arena, sizeof *v);
    if (v)
        *v = (mo_yaml){.kind = kind, .line = (uint32_t)e->start_mark.line + 1, .values = 1};
    else
        mo_fail_nomem(r->err);
    return v;
}

static char *keep(reading *r, const yaml_char_t *text, size_t len)
{
    char *copy = mo_arena_string(r->arena, text, len);
    if (!copy)
        mo_fail_nomem(r->err);
    return copy;
}

static bool no_tag(reading *r, const yaml_char_t *tag, const yaml_event_t *e)
{
    char shown[MO_YAML_SHOWN];
    return !tag || mo_yaml_fail(r->err, r->path, (uint32_t)e->start_mark.line + 1, "want a value without a tag, have %s",
                                mo_yaml_shown((const char *)tag, shown));
}

/* --- events ----------------------------------------------------------------------------- */

static bool take_text(reading *r, const yaml_event_t *e)
{
    const yaml_char_t *name = e->data.scalar.anchor;
    mo_yaml *v = no_tag(r, e->data.scalar.tag, e) ? new_value(r, MO_YAML_TEXT, e) : NULL;
    if (!v || !(v->text = keep(r, e->data.scalar.value, e->data.scalar.length)))
        return false;
    v->len = (uint32_t)e->data.scalar.length;
    v->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (strlen(v->text) != v->len)
        return mo_yaml_fail(r->err, r->path, v->line, "a text with a NUL inside");
    if (!put(r, v))
        return false;
    char *kept = name ? keep(r, name, strlen((const char *)name)) : NULL;
    return !name || (kept && remember(r, kept, v));
}

static bool begin(reading *r, mo_yaml_kind kind, const yaml_char_t *tag, const yaml_char_t *name, const yaml_event_t *e)
{
    mo_yaml *v = no_tag(r, tag, e) ? new_value(r, kind, e) : NULL;
    if (!v)
        return false;
    if (r->depth == MO_YAML_DEPTH)
        return mo_yaml_fail(r->err, r->path, v->line, "more than %d levels", MO_YAML_DEPTH);
    level l = {.value = v, .anchor = name ? keep(r, name, strlen((const char *)name)) : NULL};
    if ((name && !l.anchor) || !put(r, v))
        return false;
    r->levels[r->depth++] = l;
    return true;
}

static bool end(reading *r)
{
    const level *l = &r->levels[--r->depth];
    for (const mo_yaml *v = l->value->first; v; v = v->next)
        l->value->values += v->values;
    if (l->value->kind == MO_YAML_MAP && !check_names(r, l->value))
        return false;
    return !l->anchor || remember(r, l->anchor, l->value);
}

/* A value that is still being read is not known yet: nothing contains itself. */
static bool take_alias(reading *r, const yaml_event_t *e)
{
    const char *name = (const char *)e->data.alias.anchor;
    char shown[MO_YAML_SHOWN];
    const anchor *a = r->anchors;
    while (a && strcmp(a->name, name) != 0)
        a = a->before;
    if (!a)
        return mo_yaml_fail(r->err, r->path, (uint32_t)e->start_mark.line + 1, "*%s: there is no such anchor above", mo_yaml_shown(name, shown));
    mo_yaml *v = new_value(r, a->value->kind, e);
    if (!v)
        return false;
    *v = *a->value;
    v->next = NULL;
    return put(r, v);
}

static bool take(reading *r, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return take_text(r, e);
    case YAML_SEQUENCE_START_EVENT: return begin(r, MO_YAML_LIST, e->data.sequence_start.tag, e->data.sequence_start.anchor, e);
    case YAML_MAPPING_START_EVENT: return begin(r, MO_YAML_MAP, e->data.mapping_start.tag, e->data.mapping_start.anchor, e);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return end(r);
    case YAML_ALIAS_EVENT: return take_alias(r, e);
    case YAML_DOCUMENT_START_EVENT:
        return !r->root || mo_yaml_fail(r->err, r->path, (uint32_t)e->start_mark.line + 1, "want one document, have another");
    default: return true;
    }
}

static bool take_all(reading *r)
{
    for (bool ended = false; !ended;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&r->parser, &e))
            return fail_parsing(r);
        bool good = take(r, &e);
        ended = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
        if (!good)
            return false;
    }
    return true;
}

static size_t find_bad_text(mo_span bytes)
{
    size_t line = 0;
    for (size_t i = 0; i <= bytes.len; i++) {
        if (i < bytes.len && bytes.at[i] != '\n')
            continue;
        if (!mo_utf8_ok(bytes.at + line, i - line))
            return line;
        line = i + 1;
    }
    return bytes.len;
}

static bool check_bytes(const reading *r)
{
    if (r->bytes.len > MO_YAML_BYTES)
        return mo_fail(r->err, MOTE_MISUSE, MOTE_NOWHERE, "%.80s: more than %d MiB", r->path, MO_YAML_BYTES >> 20);
    if (mo_utf8_ok(r->bytes.at, r->bytes.len))
        return true;
    return mo_yaml_fail(r->err, r->path, line_of(r->bytes, find_bad_text(r->bytes)), "want UTF-8, have other bytes");
}

mo_yaml *mo_yaml_read(mo_span bytes, const char *path, mo_arena *arena, mote_error *err)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf}; /* that some editors begin a file with */
    reading r = {.bytes = bytes, .path = path, .arena = arena, .err = err};
    if (bytes.len >= sizeof mark && memcmp(bytes.at, mark, sizeof mark) == 0)
        r.bytes = (mo_span){bytes.at + sizeof mark, bytes.len - sizeof mark};
    if (!check_bytes(&r))
        return NULL;
    if (!yaml_parser_initialize(&r.parser)) {
        mo_fail_nomem(err);
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, r.bytes.at, r.bytes.len);
    bool good = take_all(&r);
    yaml_parser_delete(&r.parser);
    if (good && !r.root && (r.root = mo_arena_take(arena, sizeof *r.root)) != NULL)
        *r.root = (mo_yaml){.line = 1, .values = 1, .text = ""};
    if (good && !r.root)
        mo_fail_nomem(err);
    return good ? r.root : NULL;
}
