/* module.c - commands about modules: those that must load and instantiate, those that
 * must be refused, registration. */
#include "scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- modules ------------------------------------------------------------------ */

static bool is_text(const json_t *command)
{
    const char *type = text_of(command, "module_type");
    return type && strcmp(type, "text") == 0;
}

static uint8_t *read_module(scope *s, const json_t *command, size_t *retlen)
{
    char path[8192];
    const char *name = text_of(command, "filename");
    snprintf(path, sizeof path, "%s/%s", s->run->folder, name ? name : "?");
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long len;
    if (f && fseek(f, 0, SEEK_END) == 0 && (len = ftell(f)) >= 0 && (bytes = malloc((size_t)len + 1))) {
        rewind(f);
        *retlen = fread(bytes, 1, (size_t)len, f);
    }
    if (f)
        fclose(f);
    if (!bytes)
        fail(s, command, "cannot read %s", path);
    return bytes;
}

static mote_status load_bytes(scope *s, const uint8_t *bytes, size_t len, mote_error *err)
{
    mote_module *module;
    mote_status status = mote_module_load(s->run->engine, bytes, len, &module, err);
    if (status == MOTE_OK)
        mote_module_unref(module);
    return status;
}

/* Loads, which the compiler does too: what this process thinks of the bytes is asked
 * on the way. False: counted already, and *retwhy is why, if it was skipped. */
static bool compile_module(scope *s, const json_t *command, mote_artifact **ret, skip *retwhy)
{
    size_t len = 0;
    mote_error err = {0};
    *retwhy = SKIP_NONE;
    uint8_t *bytes = read_module(s, command, &len);
    if (!bytes)
        return false;
    mote_status status = load_bytes(s, bytes, len, &err);
    if (status == MOTE_OK)
        status = compile_bytes(s->run->compile, bytes, len, ret, &err);
    free(bytes);
    if (status == MOTE_OK)
        return true;
    *retwhy = reason_of(status, &err);
    if (*retwhy)
        skip_for(s, *retwhy);
    else
        fail(s, command, "%s at offset %lld: %s", mote_status_name(status), (long long)err.offset, err.message);
    return false;
}

/* Does artifact import from something that was skipped? */
static skip import_skipped(scope *s, const mote_artifact *artifact)
{
    mote_import import;
    for (size_t i = 0; mote_artifact_import(artifact, i, &import); i++) {
        for (size_t k = s->nskipped; k > 0; k--) {
            const named *n = &s->skipped[k - 1];
            if (strlen(n->name) != import.module_len || memcmp(n->name, import.module, import.module_len) != 0)
                continue;
            if (n->why)
                return n->why;
            break;
        }
    }
    return SKIP_NONE;
}

static mote_status instantiate(scope *s, mote_artifact *artifact, mote_instance **ret, mote_error *err)
{
    return mote_linker_instantiate(s->linker, s->store, artifact, ret, err);
}

/* Instantiates for the commands that expect it to work. */
static void make_instance(scope *s, const json_t *command, const char *name, mote_artifact *artifact)
{
    mote_error err = {0};
    mote_instance *instance = NULL;
    skip why = import_skipped(s, artifact);
    if (!why && instantiate(s, artifact, &instance, &err) != MOTE_OK) {
        fail(s, command, "%s: %s", mote_status_name(err.status), err.message);
        add_named(s->instances, &s->ninstances, name, SKIP_NONE);
        return;
    }
    add_named(s->instances, &s->ninstances, name, why)->instance = instance;
    if (why)
        skip_for(s, why);
    else
        pass(s);
}

void do_module(scope *s, const json_t *command)
{
    const char *name = text_of(command, "name");
    mote_artifact *artifact;
    skip why;
    if (is_text(command)) {
        add_named(s->instances, &s->ninstances, name, SKIP_TEXT);
        skip_for(s, SKIP_TEXT);
    } else if (!compile_module(s, command, &artifact, &why)) {
        add_named(s->instances, &s->ninstances, name, why);
    } else {
        make_instance(s, command, name, artifact);
        mote_artifact_unref(artifact);
    }
}

void do_module_definition(scope *s, const json_t *command)
{
    mote_artifact *artifact = NULL;
    skip why = SKIP_NONE;
    if (is_text(command)) {
        why = SKIP_TEXT;
        skip_for(s, why);
    } else if (compile_module(s, command, &artifact, &why)) {
        pass(s);
    }
    add_named(s->definitions, &s->ndefinitions, text_of(command, "name"), why)->artifact = artifact;
}

void do_module_instance(scope *s, const json_t *command)
{
    named *definition = find_named(s->definitions, s->ndefinitions, text_of(command, "module"));
    const char *name = text_of(command, "instance");
    if (definition && definition->artifact) {
        make_instance(s, command, name, definition->artifact);
        return;
    }
    add_named(s->instances, &s->ninstances, name, definition ? definition->why : SKIP_NONE);
    if (definition && definition->why)
        skip_for(s, definition->why);
    else
        fail(s, command, "there is no such definition");
}

/* --- registering ---------------------------------------------------------------- */

static bool register_shared(scope *s, const char *as, const shared *list, mote_error *err)
{
    for (; list; list = list->next) {
        mote_extern thing = {.kind = MOTE_MEMORY};
        if (mote_memory_from_shared(s->store, list->memory, &thing.of.memory, err) != MOTE_OK ||
            mote_linker_define(s->linker, as, strlen(as), list->name, strlen(list->name), thing, err) != MOTE_OK)
            return false;
    }
    return true;
}

void do_register(scope *s, const json_t *command)
{
    mote_error err = {0};
    const char *as = text_of(command, "as");
    named *n = instance_of(s, text_of(command, "name"));
    add_named(s->skipped, &s->nskipped, as, n ? n->why : SKIP_NONE);
    if (n && n->why)
        skip_for(s, n->why);
    else if (!n || (!n->instance && !n->shared))
        fail(s, command, "there is no such instance");
    else if (n->instance ? mote_linker_instance(s->linker, as, strlen(as), n->instance, &err) != MOTE_OK
                         : !register_shared(s, as, n->shared, &err))
        fail(s, command, "%s", err.message);
    else
        pass(s);
}

/* --- modules that must be refused ------------------------------------------------ */

static void do_refused(scope *s, const json_t *command, mote_status wanted)
{
    size_t len = 0;
    mote_error err = {0};
    if (is_text(command)) {
        skip_for(s, SKIP_TEXT);
        return;
    }
    uint8_t *bytes = read_module(s, command, &len);
    if (!bytes)
        return;
    mote_status status = load_bytes(s, bytes, len, &err);
    free(bytes);
    skip why = reason_of(status, &err);
    if (why)
        skip_for(s, why);
    else if (status == wanted || status == MOTE_UNSUPPORTED) /* what is off is wrong */
        pass(s);
    else
        fail(s, command, "want %s (%s), have %s%s%s", mote_status_name(wanted), text_of(command, "text"),
             mote_status_name(status), status ? ": " : "", status ? err.message : "");
}

static void do_unusable(scope *s, const json_t *command, mote_status wanted)
{
    mote_artifact *artifact;
    mote_instance *instance;
    mote_error err = {0};
    skip why;
    const char *text = text_of(command, "text");
    if (is_text(command)) {
        skip_for(s, SKIP_TEXT);
        return;
    }
    if (!compile_module(s, command, &artifact, &why))
        return;
    why = import_skipped(s, artifact);
    mote_status status = why ? MOTE_OK : instantiate(s, artifact, &instance, &err);
    if (why)
        skip_for(s, why);
    else if (is_expected(s, status, wanted, text))
        pass(s);
    else
        fail(s, command, "want %s (%s), have %s%s%s", mote_status_name(wanted), text, mote_status_name(status),
             status ? ": " : "", status ? err.message : "");
    mote_artifact_unref(artifact);
}

void do_assert_invalid(scope *s, const json_t *c) { do_refused(s, c, MOTE_INVALID); }
void do_assert_malformed(scope *s, const json_t *c) { do_refused(s, c, MOTE_MALFORMED); }
void do_assert_unlinkable(scope *s, const json_t *c) { do_unusable(s, c, MOTE_LINK); }
void do_assert_uninstantiable(scope *s, const json_t *c) { do_unusable(s, c, MOTE_TRAP); }
