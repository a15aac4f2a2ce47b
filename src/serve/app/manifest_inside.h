/* manifest_inside.h - how a manifest is read, for the files that do it.
 *   manifest.c           sections, and all of it
 *   manifest_function.c  tenants, functions, limits
 *   manifest_route.c     routes
 *   manifest_value.c     numbers, sizes, times, addresses, names
 *   manifest_schema.c    the table as JSON Schema */
#ifndef MO_SERVE_MANIFEST_INSIDE_H
#define MO_SERVE_MANIFEST_INSIDE_H

#include "serve/app/manifest.h"
#include "serve/app/yaml.h"

typedef enum section {
#define SECTION(name) SECTION_##name,
#include "serve/app/manifest.def"
    SECTIONS
} section;

typedef struct reader reader;
typedef struct key key;

typedef struct kind {
    const char *name, *want, *schema;
    bool (*read)(reader *r, const key *k, const mo_yaml *v, void *target);
} kind;

struct key {
    section section;
    const char *name;
    const kind *kind;
    size_t offset; /* of the field in target */
    uint64_t least, most;
    const char *initial, *help;
};

enum {
#define KEY(section, name, kind, field, least, most, initial, help) KEY_##section##_##name,
#include "serve/app/manifest.def"
    KEYS
};
extern const key mo_manifest_keys[KEYS];
extern const char *const mo_manifest_sections[SECTIONS];

/* Names -> indexes. */
typedef struct names {
    struct name_slot {
        const char *name;
        uint32_t index;
    } *slots;
    size_t mask;
} names;

/* What sections are read into; a missing name is the app's structure. */
typedef struct limits_fields {
    mo_app_limits each;
    mo_app_share share;
} limits_fields;

typedef struct tenant_fields {
    mo_app_tenant tenant;
    limits_fields most;
    const mo_yaml *said; /* its limits */
} tenant_fields;

typedef struct function_fields {
    const char *module, *argv0;
    uint32_t tenant, nargs, nvariables, nfolders;
    const char **args;
    mo_app_variable *variables;
    mo_app_folder *folders;
    limits_fields limits;
    const mo_yaml *said; /* its limits */
} function_fields;

typedef struct route_fields {
    const mo_yaml *hosts, *methods;
    const char *path, *prefix;
    uint32_t function;
} route_fields;

struct reader {
    mo_app app;
    const char *path;
    size_t folder_len; /* of path, with its last slash */
    mote_error *err;
    char at[200]; /* "functions.hello.limits" */
    size_t at_len;
    names tenants, functions;
    tenant_fields *tenant_fields;
    function_fields defaults;
    size_t routes_cap;
};

/* Always false. */
bool mo_manifest_fail(reader *r, const mo_yaml *v, const char *format, ...) MO_PRINTF(3, 4);
bool mo_manifest_want(reader *r, const mo_yaml *v, const char *what); /* "want what, have v" */
bool mo_manifest_nomem(reader *r);
/* Where the reader is, for errors: a name within, and back to where it was. */
size_t mo_manifest_enter(reader *r, const char *name);
void mo_manifest_leave(reader *r, size_t before);

/* A section's keys are those from first_key until end_key. */
const key *mo_manifest_first_key(section s);
const key *mo_manifest_end_key(const key *first);
/* Reads what a mapping says into target; what: is wanted where it is none. */
bool mo_manifest_section(reader *r, section s, const mo_yaml *map, const char *what, void *target);

bool mo_manifest_begin_tenants(reader *r, uint32_t n); /* room for n beside the first */
bool mo_manifest_settle_routes(reader *r); /* from the heap to the app */

bool mo_manifest_is_null(const mo_yaml *v);
const char *mo_manifest_keep(reader *r, const char *text); /* in the app; NULL: the error is set */
/* Letters, digits, '.', '_' and '-', at most 64. */
bool mo_manifest_is_name(const char *text);
bool mo_manifest_is_host(const char *text);
bool mo_manifest_is_method(const char *text);

/* Those of KIND: v, of key k, into its field of target. */

#define KIND(name, want, schema) bool mo_manifest_read_##name(reader *r, const key *k, const mo_yaml *v, void *target);
#include "serve/app/manifest.def"

#endif
