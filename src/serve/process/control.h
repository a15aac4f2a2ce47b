/* control.h - the Unix socket of `mote ctl`: who runs the server asks, one line, and is answered.
 *
 *   accepted --a line--> ASKED --mo_control_answer, mo_control_pass--> gone
 *
 * Only root and who started the server may ask. An answer is "ok" or "error: why", and tables:
 *   #name<tab>column<tab>column:n ...    of n the values are numbers
 *   value<tab>value ... */
#ifndef MO_SERVE_CONTROL_H
#define MO_SERVE_CONTROL_H

#include "serve/loop/loop.h"

enum { MO_CONTROL_CLIENTS = 8, MO_CONTROL_LINE = 256, MO_CONTROL_PATH = 108 };

struct mo_control;

typedef struct mo_control_client {
    mo_watch source;
    mo_alarm timer;
    struct mo_control *control;
    bool taken;
    size_t len;
    char line[MO_CONTROL_LINE];
    uint32_t awaits; /* the asker's: which generation's fate */
} mo_control_client;

typedef struct mo_control {
    mo_watch source;
    mo_loop *loop;
    int fd;          /* -1: none */
    char path[MO_CONTROL_PATH];
    mo_control_client clients[MO_CONTROL_CLIENTS];
    /* line: terminated. May answer at once, or later. */
    void (*asked)(struct mo_control *c, mo_control_client *client, const char *line);
} mo_control;

void mo_control_init(mo_control *c, mo_loop *loop, void (*asked)(mo_control *c, mo_control_client *client, const char *line));
/* In place of the one before. path "": none. On failure what was there goes on. */
bool mo_control_open(mo_control *c, const char *path, mote_error *err);
/* With its file. In another process than that which opened it: descriptors only. */
void mo_control_close(mo_control *c, bool own);
/* Sends all there is room for, and ends it. */
void mo_control_answer(mo_control_client *client, const char *at, size_t len);
void mo_control_refuse(mo_control_client *client, const char *why);
/* It is another process's now. */
void mo_control_drop(mo_control_client *client);

/* --- tables -------------------------------------------------------------------- */

void mo_control_put(mo_buffer *b, const char *format, ...) MO_PRINTF(2, 3);
/* A value in words: what would end it is '?'. */
void mo_control_put_words(mo_buffer *b, const char *words);

#endif
