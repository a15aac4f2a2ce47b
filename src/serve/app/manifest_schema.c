/* manifest_schema.c - the table of keys as JSON Schema, for editors. */
#include "serve/app/manifest_inside.h"

#include <stdio.h>

/* Schemas of kinds are written with ' for ", words are not. */
static void put(FILE *to, const char *text, bool word)
{
    for (; *text; text++) {
        if (word && (*text == '"' || *text == '\\'))
            fputc('\\', to);
        fputc(!word && *text == '\'' ? '"' : *text, to);
    }
}

/* A number's range goes into its schema; sizes and times keep theirs in words. */
static void put_kind(FILE *to, const key *k)
{
    const char *integer = strstr(k->kind->schema, "{'type':'integer'}");
    if (!integer || k->most == 0) {
        put(to, k->kind->schema, false);
        return;
    }
    fprintf(to, "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":%" PRIu64 ",\"maximum\":%" PRIu64 "},{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"}",
            k->least, k->most);
    const char *rest = strstr(integer, ",{'const'");
    put(to, rest ? rest : "]}", false);
}

static void put_key(FILE *to, const key *k)
{
    fprintf(to, "\"%s\":{\"description\":\"", k->name);
    put(to, k->help, true);
    if (k->initial && *k->initial) {
        fputs(" Unless said: ", to);
        put(to, k->initial, true);
        fputc('.', to);
    }
    fputs("\",\"allOf\":[", to);
    put_kind(to, k);
    fputs("]}", to);
}

static void put_required(FILE *to, section s)
{
    const char *comma = "";
    fputs("\"required\":[", to);
    for (const key *k = mo_manifest_keys; k < mo_manifest_keys + KEYS; k++)
        if (k->section == s && !k->initial) {
            fprintf(to, "%s\"%s\"", comma, k->name);
            comma = ",";
        }
    fputs("]", to);
    if (s == SECTION_route)
        fputs(",\"oneOf\":[{\"required\":[\"path\"]},{\"required\":[\"prefix\"]}]", to);
}

static bool has_required(section s)
{
    for (const key *k = mo_manifest_keys; k < mo_manifest_keys + KEYS; k++)
        if (k->section == s && !k->initial)
            return true;
    return false;
}

/* An empty section is one of which nothing is said. */
static void put_section(FILE *to, section s)
{
    const char *comma = "";
    fprintf(to, "\"type\":%s,\"additionalProperties\":false,\"properties\":{\n", has_required(s) ? "\"object\"" : "[\"object\",\"null\"]");
    for (const key *k = mo_manifest_keys; k < mo_manifest_keys + KEYS; k++)
        if (k->section == s) {
            fputs(comma, to);
            put_key(to, k);
            comma = ",\n";
        }
    fputs("},\n", to);
    put_required(to, s);
}

bool mo_manifest_print_schema(FILE *to)
{
    fputs("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"A manifest of mote serve\",\n", to);
    put_section(to, SECTION_root);
    fputs(",\n\"$defs\":{\n", to);
    for (section s = SECTION_root + 1; s < SECTIONS; s++) {
        fprintf(to, "\"%s\":{", mo_manifest_sections[s]);
        put_section(to, s);
        fputs(s + 1 < SECTIONS ? "},\n" : "}\n", to);
    }
    fputs("}}\n", to);
    return !ferror(to);
}
