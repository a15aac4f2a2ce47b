/* script.c - an interpreter of JavaScript evaluates the body as a script, in a world of its own
 * for each request; the answer is its value as text. */
#include <quickjs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "workload.h"

static JSRuntime *runtime;
static JSContext *spare; /* made beforehand, for the first request */
static char text[64 << 10];

static JSContext *new_world(void)
{
    if (!runtime)
        runtime = JS_NewRuntime();
    return runtime ? JS_NewContext(runtime) : NULL;
}

void prepare(void)
{
    spare = new_world();
}

void respond(const request *q, answer *ret)
{
    JSContext *world = spare ? spare : new_world();
    char *source = calloc(1, q->length + 1);
    spare = NULL;
    if (!world || !source) {
        respond_text(ret, 500, "no memory\n");
        return;
    }
    memcpy(source, q->body, q->length);
    JS_UpdateStackTop(runtime);
    JSValue value = JS_Eval(world, source, q->length, "body", JS_EVAL_TYPE_GLOBAL);
    ret->status = JS_IsException(value) ? 400 : 200;
    if (JS_IsException(value))
        value = JS_GetException(world);
    const char *words = JS_ToCString(world, value);
    snprintf(text, sizeof text, "%s\n", words ? words : "no text");
    respond_text(ret, ret->status, text);
    JS_FreeCString(world, words);
    JS_FreeValue(world, value);
    JS_FreeContext(world);
    free(source);
}
