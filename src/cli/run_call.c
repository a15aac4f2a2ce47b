/* run_call.c - what mote run calls: _start, or the export that is named, with arguments read
 * by their types; and what is said when it fails. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- failures -------------------------------------------------------------------- */

static void print_trap(const char *path, const mote_trap *trap)
{
    size_t size = mote_trap_print(trap, NULL, 0) + 1;
    char *text = malloc(size);
    if (text)
        mote_trap_print(trap, text, size);
    say("%s: trap: %s", path, text ? text : mote_trap_message(trap));
    free(text);
}

/* What proc_exit() was given, as far as a process can end with it. */
static int exit_of_guest(const running *r)
{
    uint32_t code = 0;
    if (!r->wasi || !mote_wasi_exited(r->wasi, &code))
        return EXIT_OK;
    return code > 255 ? 255 : (int)code;
}

int report(running *r, const char *path, const mote_error *err)
{
    fflush(stdout);
    if (err->status == MOTE_EXIT)
        return exit_of_guest(r);
    const mote_trap *trap = err->status == MOTE_TRAP ? mote_store_trap(r->store) : NULL;
    if (!trap)
        return say_error(path, err);
    print_trap(path, trap);
    return exit_for(err);
}

/* --- calling --------------------------------------------------------------------- */

static void list_exports(const mote_artifact *artifact)
{
    mote_export export;
    for (size_t i = 0; mote_artifact_export(artifact, i, &export); i++)
        if (export.type.kind == MOTE_FUNC)
            say("  it exports %.*s", (int)export.name_len, export.name);
}

/* "(i32, f64)" */
static void type_list(char *text, size_t size, const mote_valtype *types, size_t n)
{
    size_t at = (size_t)snprintf(text, size, "(");
    for (size_t i = 0; i < n && at < size; i++) {
        char type[MOTE_TYPE_TEXT];
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", mote_valtype_text(types[i], type));
    }
    if (at < size)
        snprintf(text + at, size - at, ")");
}

static int read_args(const running *r, const mote_functype *type, mote_value *args)
{
    char wanted[512], name[MOTE_TYPE_TEXT];
    if ((size_t)r->nargs != type->nparams) {
        type_list(wanted, sizeof wanted, type->params, type->nparams);
        say("run: %s takes %zu argument%s %s, %d given", r->invoke, type->nparams, type->nparams == 1 ? "" : "s",
            wanted, r->nargs);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < type->nparams; i++) {
        if (!read_value(r->args[i], type->params[i], &args[i])) {
            say("run: %s: argument %zu: %s is no %s", r->invoke, i + 1, r->args[i],
                mote_valtype_text(type->params[i], name));
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}

static int call(running *r, mote_func *func)
{
    mote_functype type = mote_func_type(func);
    mote_error err = {0};
    mote_value *args = calloc(type.nparams + type.nresults + 1, sizeof *args), *results = args + type.nparams;
    if (!args) {
        say("%s: memory is out", r->path);
        return EXIT_SYSTEM;
    }
    int status = read_args(r, &type, args);
    if (status == EXIT_OK && mote_func_call(func, args, type.nparams, results, type.nresults, &err) != MOTE_OK)
        status = report(r, r->path, &err);
    for (size_t i = 0; status == EXIT_OK && i < type.nresults; i++)
        print_value(&results[i]);
    free(args);
    return status;
}

static int call_plain(running *r, mote_func *func)
{
    mote_error err = {0};
    mote_functype type = mote_func_type(func);
    if (type.nparams || type.nresults) {
        say("%s: _start or _initialize has parameters or results", r->path);
        return EXIT_MODULE;
    }
    return mote_func_call(func, NULL, 0, NULL, 0, &err) == MOTE_OK ? EXIT_OK : report(r, r->path, &err);
}

/* A command is its _start; a library has _initialize, to be called before anything. */
int call_main(running *r, mote_instance *instance)
{
    mote_func *start = mote_instance_func(instance, "_start");
    mote_func *initialize = mote_instance_func(instance, "_initialize");
    if (!r->invoke && start)
        return call_plain(r, start);
    int status = initialize ? call_plain(r, initialize) : EXIT_OK;
    if (status != EXIT_OK)
        return status;
    if (!r->invoke) {
        if (r->nargs == 0)
            return EXIT_OK; /* its start function was all there is */
        say("%s: there is no _start to take arguments; name a function: --invoke NAME", r->path);
        list_exports(mote_instance_artifact(instance));
        return EXIT_USAGE;
    }
    mote_func *func = mote_instance_func(instance, r->invoke);
    if (func)
        return call(r, func);
    say("%s: there is no exported function %s", r->path, r->invoke);
    list_exports(mote_instance_artifact(instance));
    return EXIT_USAGE;
}
