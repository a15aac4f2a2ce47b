/* workload.h - a request in, an answer out: what every workload is, whoever serves it.
 *   front/server.c     a server of its own: native, and as a WASI program with a socket
 *   front/cgi.c        one request of CGI, or the command line: a program that ends
 *   front/component.c  one request of wasi:http
 * A front gives a request whole and sends the answer; workloads/NAME.c is the same for all. */
#ifndef STUDY_WORKLOAD_H
#define STUDY_WORKLOAD_H

#include <stddef.h>

typedef struct {
    const char *method, *path;
    const char *route; /* the field X-Route, or "" */
    const char *body;
    size_t length;
} request;

typedef struct {
    int status;
    const char *type;
    const char *body; /* the workload's, until the next call */
    size_t length;
} answer;

/** Answers; ret holds 200, text/plain and an empty body before. */
void respond(const request *q, answer *ret);

/** What a workload does before its first answer anyway, so that a snapshot can hold it; nothing,
 *  unless the workload has one of its own. */
void prepare(void);

/** Answers with words that live on. */
void respond_text(answer *ret, int status, const char *words);

/** The path of a file that the workload may read or write: below STUDY_DATA, or /data. Until
 *  the next call. */
const char *data_path(const char *name);

#define BODY_MOST (1u << 20)

#endif
