/* regex.c - of a log's lines, those of failed calls of the interface stay: a regular expression
 * of POSIX, compiled for each request, for each line of the body. */
#include <regex.h>
#include <string.h>
#include "workload.h"

#define PATTERN "\"(GET|POST) /api/[a-z]+/[0-9]+ HTTP/1\\.[01]\" 5[0-9][0-9] [0-9]+$"

static char kept[BODY_MOST];

void respond(const request *q, answer *ret)
{
    static char line[4096];
    regex_t pattern;
    if (regcomp(&pattern, PATTERN, REG_EXTENDED | REG_NOSUB) != 0) {
        respond_text(ret, 500, "no such expression\n");
        return;
    }
    for (const char *at = q->body, *end = q->body + q->length; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = newline ? (size_t)(newline - at) : (size_t)(end - at);
        if (n < sizeof line) {
            memcpy(line, at, n);
            line[n] = 0;
            if (regexec(&pattern, line, 0, NULL, 0) == 0) {
                memcpy(kept + ret->length, line, n);
                kept[ret->length + n] = '\n';
                ret->length += n + 1;
            }
        }
        at += n + 1;
    }
    regfree(&pattern);
    ret->body = kept;
}
