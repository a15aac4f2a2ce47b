/* action.c - commands that call an export or read a global, and what they must give. */
#include "scope.h"

#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 1024

typedef struct outcome {
    mote_status status;
    mote_error err;
    mote_value values[MAX_VALUES];
    size_t nvalues;
} outcome;

static bool invoke(mote_func *func, const json_t *action, outcome *ret)
{
    mote_value args[MAX_VALUES];
    mote_functype type = mote_func_type(func);
    const json_t *list = json_object_get(action, "args");
    size_t nargs = json_array_size(list);
    if (nargs > MAX_VALUES || nargs != type.nparams)
        return false;
    for (size_t i = 0; i < nargs; i++)
        if (!value_read(json_array_get(list, i), type.params[i], &args[i]))
            return false;
    ret->nvalues = type.nresults;
    ret->status = mote_func_call(func, args, nargs, ret->values, type.nresults, &ret->err);
    return true;
}

/* False: counted already. */
static bool act(scope *s, const json_t *command, outcome *ret)
{
    const json_t *action = json_object_get(command, "action");
    const json_t *field = json_object_get(action, "field"); /* may hold NUL */
    const char *type = text_of(action, "type");
    const named *n = instance_of(s, text_of(action, "module"));
    mote_extern thing;
    ret->status = MOTE_OK;
    memset(&ret->err, 0, sizeof ret->err);
    if (n && n->why)
        skip_for(s, n->why);
    else if (!n || !n->instance)
        fail(s, command, "there is no instance to act on");
    else if (!mote_instance_export(n->instance, json_string_value(field), json_string_length(field), &thing))
        fail(s, command, "there is no such export");
    else if (strcmp(type, "get") == 0 && thing.kind == MOTE_GLOBAL) {
        ret->nvalues = 1;
        ret->values[0] = (mote_value){mote_global_type(thing.of.global).content, mote_global_get(thing.of.global)};
        return true;
    } else if (strcmp(type, "invoke") == 0 && thing.kind == MOTE_FUNC) {
        if (invoke(thing.of.func, action, ret))
            return true;
        fail(s, command, "the arguments do not fit the function");
    } else {
        fail(s, command, "the export is a %s", mote_extern_kind_name(thing.kind));
    }
    return false;
}

void do_action(scope *s, const json_t *command)
{
    outcome o;
    if (!act(s, command, &o))
        return;
    if (o.status == MOTE_OK)
        pass(s);
    else
        fail(s, command, "%s: %s", mote_status_name(o.status), o.err.message);
}

void do_assert_return(scope *s, const json_t *command)
{
    outcome o;
    char wanted[512], have[256];
    const json_t *expected = json_object_get(command, "expected");
    if (!act(s, command, &o))
        return;
    if (o.status != MOTE_OK) {
        fail(s, command, "%s: %s", mote_status_name(o.status), o.err.message);
        return;
    }
    if (json_array_size(expected) != o.nvalues) {
        fail(s, command, "want %zu results, have %zu", json_array_size(expected), o.nvalues);
        return;
    }
    for (size_t i = 0; i < o.nvalues; i++) {
        const json_t *want = json_array_get(expected, i);
        if (!value_matches(want, &o.values[i])) {
            fail(s, command, "result %zu: want %s, have %s", i, want_text(want, wanted, sizeof wanted),
                 value_text(&o.values[i], have, sizeof have));
            return;
        }
    }
    pass(s);
}

static void do_assert_ends(scope *s, const json_t *command, mote_status wanted)
{
    outcome o;
    const char *text = text_of(command, "text");
    if (!act(s, command, &o))
        return;
    if (is_expected(s, o.status, wanted, text))
        pass(s);
    else
        fail(s, command, "want %s%s%s, have %s%s%s", mote_status_name(wanted), text ? ": " : "", text ? text : "",
             mote_status_name(o.status), o.status ? ": " : "", o.status ? o.err.message : "");
}

void do_assert_trap(scope *s, const json_t *c) { do_assert_ends(s, c, MOTE_TRAP); }
void do_assert_exception(scope *s, const json_t *c) { do_assert_ends(s, c, MOTE_EXCEPTION); }
