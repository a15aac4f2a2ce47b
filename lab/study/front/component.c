/* component.c - one request of wasi:http 0.2. The imports are declared by hand, as the
 * canonical ABI flattens them: a handle is an int, a result that does not fit comes through a
 * pointer, of a variant the case stands first. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "workload.h"

#define HTTP(name) __attribute__((import_module("wasi:http/types@0.2.0"), import_name(name)))
#define IO(name) __attribute__((import_module("wasi:io/streams@0.2.0"), import_name(name)))

typedef struct { char *bytes; size_t length; } list;
typedef struct { uint8_t tag; list text; } text_case;          /* option<string>, method */
typedef struct { uint8_t tag; int handle; } handle_result;
typedef struct { uint8_t tag; list bytes; } read_result;        /* an error lies over bytes */

HTTP("[method]incoming-request.method") void request_method(int self, text_case *ret);
HTTP("[method]incoming-request.path-with-query") void request_path(int self, text_case *ret);
HTTP("[method]incoming-request.headers") int request_headers(int self);
HTTP("[method]incoming-request.consume") void request_consume(int self, handle_result *ret);
HTTP("[method]incoming-body.stream") void body_stream(int self, handle_result *ret);
IO("[method]input-stream.blocking-read") void stream_read(int self, uint64_t most, read_result *ret);
HTTP("[constructor]fields") int fields_new(void);
HTTP("[method]fields.get") void fields_get(int self, const char *name, size_t length, list *ret);
HTTP("[method]fields.append") void fields_append(int self, const char *name, size_t nl, const char *value, size_t vl, uint8_t ret[2]);
HTTP("[constructor]outgoing-response") int response_new(int headers);
HTTP("[method]outgoing-response.set-status-code") int response_status(int self, int status);
HTTP("[method]outgoing-response.body") void response_body(int self, handle_result *ret);
HTTP("[method]outgoing-body.write") void body_write(int self, handle_result *ret);
IO("[method]output-stream.blocking-write-and-flush") void stream_write(int self, const char *bytes, size_t length, int ret[3]);
HTTP("[static]outgoing-body.finish") void body_finish(int self, int has_trailers, int trailers, uint64_t ret[8]);
HTTP("[static]response-outparam.set") void outparam_set(int self, int tag, int response, int a, int64_t b, int c, int d, int e, int f);
IO("[resource-drop]input-stream") void drop_input(int self);
IO("[resource-drop]output-stream") void drop_output(int self);
HTTP("[resource-drop]fields") void drop_fields(int self);
HTTP("[resource-drop]incoming-request") void drop_request(int self);
HTTP("[resource-drop]incoming-body") void drop_body(int self);

enum { WRITE_MOST = 4096 }; /* what one write may hold, by the interface's rules */

static char body[BODY_MOST];

/** The host asks for memory; whoever gets it owns it, and an instance lives for a request. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t had, size_t align, size_t want)
{
    (void)had;
    (void)align;
    return realloc(old, want ? want : 1);
}

static const char *method_of(int request)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    text_case method = {0};
    request_method(request, &method);
    return method.tag < 9 ? names[method.tag] : "OTHER";
}

/** Text of a list that ends in NUL, cut at the first of ends. */
static char *text_of(list l, const char *ends)
{
    char *text = calloc(1, l.length + 1);
    if (!text)
        abort();
    memcpy(text, l.bytes, l.length);
    text[strcspn(text, ends)] = 0;
    return text;
}

static const char *route_of(int request)
{
    list values = {0};
    int headers = request_headers(request);
    fields_get(headers, "x-route", 7, &values);
    drop_fields(headers);
    return values.length ? text_of(*(list *)(void *)values.bytes, "\r") : "";
}

static size_t read_body(int request)
{
    handle_result incoming = {0}, stream = {0};
    read_result part = {0};
    size_t got = 0;
    request_consume(request, &incoming);
    body_stream(incoming.handle, &stream);
    while (got < sizeof body) {
        stream_read(stream.handle, sizeof body - got, &part);
        if (part.tag)
            break;
        memcpy(body + got, part.bytes.bytes, part.bytes.length);
        got += part.bytes.length;
        free(part.bytes.bytes);
    }
    drop_input(stream.handle);
    drop_body(incoming.handle);
    return got;
}

static int response_of(const answer *a)
{
    char length[24];
    uint8_t ret[2];
    int headers = fields_new(), n = snprintf(length, sizeof length, "%zu", a->length);
    fields_append(headers, "content-type", 12, a->type, strlen(a->type), ret);
    fields_append(headers, "content-length", 14, length, (size_t)n, ret);
    int response = response_new(headers);
    response_status(response, a->status);
    return response;
}

static void send_answer(int out, const answer *a)
{
    handle_result outgoing = {0}, stream = {0};
    uint64_t ret[8];
    int response = response_of(a), wrote[3];
    response_body(response, &outgoing);
    outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
    body_write(outgoing.handle, &stream);
    for (size_t at = 0; at < a->length; at += WRITE_MOST)
        stream_write(stream.handle, a->body + at, a->length - at < WRITE_MOST ? a->length - at : WRITE_MOST, wrote);
    drop_output(stream.handle);
    body_finish(outgoing.handle, 0, 0, ret);
}

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle"))) void handle(int incoming, int out)
{
    text_case path = {0};
    answer a = {200, "text/plain", "", 0};
    request_path(incoming, &path);
    request q = {method_of(incoming), path.tag ? text_of(path.text, "?") : "/", route_of(incoming), body, 0};
    q.length = strcmp(q.method, "GET") == 0 ? 0 : read_body(incoming);
    respond(&q, &a);
    send_answer(out, &a);
    drop_request(incoming);
}
