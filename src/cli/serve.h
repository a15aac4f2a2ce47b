/* serve.h - mote serve, from inside.
 *   words --serve.c--> serving --serve_app.c--> an app of one function
 *   FILE.yaml --serve/app/manifest.c--> an app of many
 *   an app, loaded --serve_check.c--> what it is, in words */
#ifndef MOTE_CLI_SERVE_H
#define MOTE_CLI_SERVE_H

#include "run.h"
#include "serve/function/load.h"
#include "serve/serve.h"

typedef struct serving {
    running run;
    mo_app app;
    bool watch;
    const char *addresses[MO_SERVE_ADDRESSES];
    uint32_t naddresses;
    const char *not_with_manifest; /* the first option that a manifest has a key for */
    bool check;
} serving;

/* Adds what the words said: one function, and a route of everything to it. False: a line has been said. */
bool add_words(serving *s);

/* Says what would be served, or why it cannot be; returns what to end with. */
int print_app(const mo_app *app, const mo_loaded *loaded);

#endif
