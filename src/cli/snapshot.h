/* snapshot.h - what mote snapshot and mote compile --snapshot share. */
#ifndef MOTE_CLI_SNAPSHOT_H
#define MOTE_CLI_SNAPSHOT_H

#include "run.h"

typedef struct snapshotting {
    running r;
    const char *init_func;
    bool keep_init_func, read_stdin, out_is_result; /* standard output is where the result goes */
    unsigned allowed;
    mote_snapshot_rename *renames; /* owned, dst too */
    size_t nrenames;
    mote_artifact *artifact; /* s->r.path's */
    int said; /* what to end with, once the reason has been said */
} snapshotting;

enum {
    SNAPSHOT_INIT = RUN_ENDS, SNAPSHOT_KEEP, SNAPSHOT_RENAME, SNAPSHOT_ALLOW, SNAPSHOT_INHERIT_ENV,
    SNAPSHOT_INHERIT_STDIO, SNAPSHOT_ALLOW_WASI, SNAPSHOT_WASM, SNAPSHOT_ENDS = SNAPSHOT_WASM + 16,
};

#define OPTIONAL_SWITCH "[=true|false]"
#define SNAPSHOT_OPTIONS \
    {{"-f", "--init-func"}, "NAME", "the initialiser (wizer-initialize, or wizer.initialize)", SNAPSHOT_INIT}, \
    {{"--keep-init-func"}, OPTIONAL_SWITCH, "export the initialiser still", SNAPSHOT_KEEP}, \
    {{"-r", "--rename-func"}, "DST=SRC", "export the function SRC as DST, instead of what DST was", SNAPSHOT_RENAME}, \
    {{"--allow"}, "WHAT", "random, clock or both with a comma between: give the initialiser fixed random " \
     "numbers or a fixed clock, instead of ending it when it asks", SNAPSHOT_ALLOW}, \
    DIR_OPTION, ENV_OPTION, \
    {{"--inherit-env"}, OPTIONAL_SWITCH, "the initialiser gets this process's whole environment", SNAPSHOT_INHERIT_ENV}, \
    {{"--inherit-stdio"}, OPTIONAL_SWITCH, "the initialiser gets standard input, too", SNAPSHOT_INHERIT_STDIO}, \
    PRELOAD_OPTION

/* As mote run has it, but with the limits that suit an initialiser. False: a line has been said. */
bool begin_snapshot(snapshotting *s, const command *self);
/* An option of any row above, or of mote run's. False: a line has been said. */
bool read_snapshot_option(snapshotting *s, int id, const char *value);
/* The snapshot of s->r.path: mote_snapshot_free() it. Returns what to end with. */
int take_snapshot(snapshotting *s, void **ret, size_t *retlen);

#endif
