/* mote/mote.h - everything of mote's.
 *
 *   bytes --mote_compiler--> mote_artifact --mote_linker--> mote_instance --mote_func--> call
 *
 * examples/ holds a small program for each main use. */
#ifndef MOTE_MOTE_H
#define MOTE_MOTE_H

#include "mote/artifact.h"
#include "mote/base.h"
#include "mote/cache.h"
#include "mote/compiler.h"
#include "mote/engine.h"
#include "mote/func.h"
#include "mote/global.h"
#include "mote/instance.h"
#include "mote/limits.h"
#include "mote/linker.h"
#include "mote/memory.h"
#include "mote/module.h"
#include "mote/pool.h"
#include "mote/snapshot.h"
#include "mote/store.h"
#include "mote/table.h"
#include "mote/trap.h"
#include "mote/value.h"
#include "mote/wasi.h"

#endif
