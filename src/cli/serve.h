/* serve.h - mote serve, from inside.
 *   words --serve.c--> serving --serve_app.c--> an app of one function
 *   FILE.yaml --serve/manifest.c--> an app of many */
#ifndef MOTE_CLI_SERVE_H
#define MOTE_CLI_SERVE_H

#include "run.h"
#include "serve/app.h"
#include "serve/serve.h"

typedef struct serving {
    running run;
    mo_app app;
    bool watch;
    const char *addresses[MO_SERVE_ADDRESSES];
    uint32_t naddresses;
} serving;

/* Adds what the words said: one function, and a route of everything to it. False: a line has been said. */
bool add_words(serving *s);

#endif
