/* route.c - a request is routed by its field X-Route: tenant-N goes to a backend of 64, as a
 * gateway would decide it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "workload.h"

void respond(const request *q, answer *ret)
{
    static char text[64];
    unsigned hash = 2166136261u;
    if (strncmp(q->route, "tenant-", 7) != 0) {
        respond_text(ret, 404, "no such tenant\n");
        return;
    }
    for (const char *at = q->route; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    snprintf(text, sizeof text, "backend-%02u\n", hash % 64);
    respond_text(ret, 200, text);
}
