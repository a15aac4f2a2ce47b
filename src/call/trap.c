/* trap.c - how calls end early, and where they were.
 * A backtrace is gathered as code addresses by walking frame pointers within the
 * store's stack, from activation to activation; they become functions and offsets
 * when somebody asks. */
#include "call/call.h"

#include "mote/store.h"

#include <stdio.h>

/* --- texts -------------------------------------------------------------- */

#define TRAP(name, code, text) _Static_assert(MO_TRAP_##name == (int)MOTE_TRAP_##name, "mote/trap.h");
#include "code/abi.def"

const char *mote_trap_code_text(mote_trap_code code)
{
    static const char *const texts[] = {
#define TRAP(name, code, text) [code] = text,
#include "code/abi.def"
    };
    return (size_t)code < MO_COUNT(texts) && texts[code] ? texts[code] : "no trap";
}

/* --- walking ------------------------------------------------------------ */

static void add_frame(mote_trap *trap, const void *pc)
{
    if (trap->nframes < MO_TRAP_FRAMES)
        trap->frames[trap->nframes++] = pc;
    else
        trap->omitted++;
}

static bool usable(const mo_stack *stack, void *const *frame, void *const *last)
{
    return frame > last && ((uintptr_t)frame & 7) == 0 && mo_stack_is_open(stack, frame) &&
           mo_stack_is_open(stack, frame + 1);
}

/* Reads frames that others may be in the middle of making. */
__attribute__((no_sanitize("address", "thread")))
void mo_trap_set(mote_store *store, uint32_t code, const void *pc, void **frame, bool exact)
{
    mote_trap *trap = &store->trap;
    void *entry = store->run.entry, **last = NULL;
    trap->code = code;
    trap->call = mo_store_call(store);
    trap->nframes = 0;
    trap->omitted = 0;
    trap->walked = true;
    trap->exact = exact && mo_artifact_find(pc);
    for (;;) {
        if (mo_asm_is_enter(pc)) { /* an activation ends; on with the host call that made it */
            frame = mo_entry_host_frame(entry);
            entry = mo_entry_above(entry);
        } else if (mo_artifact_find(pc)) {
            add_frame(trap, pc);
        }
        if (!usable(&store->stack, frame, last))
            return;
        last = frame;
        pc = frame[1];
        frame = (void **)frame[0];
    }
}

/* --- raising ------------------------------------------------------------ */

void mo_raise(mo_run *run, uint32_t code)
{
    mo_trap_set(mo_store_of(run), code, NULL, run->host_frame, false);
    mo_leave(run, MOTE_TRAP);
}

void mo_raise_interrupt(mo_run *run) { mo_raise(run, run->interrupt); }

void mo_throw(mo_run *run, mo_exception *exn)
{
    if (run->handler) {
        run->exception = exn;
        mo_resume(run);
    }
    mo_store_set_pending(mo_store_of(run), exn);
    mo_leave(run, MOTE_EXCEPTION);
}

/* What the callback noted, or what a nested call of its left behind, goes on. */
void mo_host_failed(mo_run *run, int status)
{
    mote_store *store = mo_store_of(run);
    mo_exception *exn = mo_store_pending(store);
    if (run->interrupt)
        mo_raise_interrupt(run);
    if (status == MOTE_EXCEPTION && exn) {
        store->pending = NULL;
        mo_throw(run, exn);
    }
    if (status == MOTE_EXIT) {
        mote_store_clear(store);
        mo_leave(run, MOTE_EXIT);
    }
    if (status != MOTE_TRAP || !mote_store_trap(store))
        mo_raise(run, MO_TRAP_HOST);
    if (!store->trap.walked)
        mo_trap_set(store, store->trap.code, NULL, run->host_frame, false);
    mo_leave(run, MOTE_TRAP);
}

static void tell_where(const mote_trap *trap, mote_error *err)
{
    mote_frame frame;
    if (!mote_trap_frame(trap, 0, &frame))
        return;
    err->function = frame.func;
    if (frame.offset)
        err->offset = frame.offset;
}

mote_status mo_call_failed(mote_store *store, mote_status status, mote_error *err)
{
    store->run.exception = NULL;
    if (status == MOTE_TRAP)
        mo_timer_explain(store);
    if (!err)
        return status;
    if (status == MOTE_EXCEPTION) {
        const mo_exception *exn = mo_store_pending(store);
        return mo_tell(err, status, "uncaught exception with %" PRIu64 " values", exn ? exn->nparams : 0);
    }
    if (status == MOTE_EXIT)
        return mo_tell(err, status, "the guest ended itself");
    mo_tell(err, status, "%s", mote_trap_message(&store->trap));
    err->trap = store->trap.code;
    tell_where(&store->trap, err);
    return status;
}

/* --- the public side ---------------------------------------------------- */

const mote_trap *mote_store_trap(const mote_store *store)
{
    return store->trap.code && mo_store_is_recent(store, store->trap.call) ? &store->trap : NULL;
}

mote_exception *mote_store_exception(const mote_store *store) { return (mote_exception *)mo_store_pending(store); }

void mote_store_clear(mote_store *store)
{
    store->trap.code = 0;
    store->trap.message[0] = 0;
    store->pending = NULL;
}

mote_trap_code mote_trap_reason(const mote_trap *trap) { return (mote_trap_code)trap->code; }

const char *mote_trap_message(const mote_trap *trap)
{
    return trap->message[0] ? trap->message : mote_trap_code_text((mote_trap_code)trap->code);
}

/* Functions at code address number k: itself and what was inlined there. */
static uint32_t sources_of(const mote_trap *trap, uint32_t k, const mo_artifact **reta, mo_source *sources,
                           uint32_t cap)
{
    const uint8_t *pc = trap->frames[k];
    if (k || !trap->exact)
        pc--; /* a return address: the call ends just before it */
    *reta = mo_artifact_find(pc);
    uint32_t n = *reta ? mo_artifact_source(*reta, pc, sources, cap) : 0;
    return n < cap ? n : cap;
}

#define MAX_INLINED 32

size_t mote_trap_nframes(const mote_trap *trap, uint64_t *omitted)
{
    const mo_artifact *a;
    mo_source sources[MAX_INLINED];
    size_t n = 0;
    for (uint32_t k = 0; k < trap->nframes; k++)
        n += sources_of(trap, k, &a, sources, MAX_INLINED);
    if (omitted)
        *omitted = trap->omitted;
    return n;
}

/* The store's one instance of an artifact, or NULL if there are several. */
static mote_instance *instance_of(const mote_store *store, const mo_artifact *a)
{
    mote_instance *found = NULL;
    for (mote_instance *i = store->instances; i; i = i->next) {
        if (i->artifact == a && found)
            return NULL;
        if (i->artifact == a)
            found = i;
    }
    return found;
}

bool mote_trap_frame(const mote_trap *trap, size_t i, mote_frame *ret)
{
    const mo_artifact *a;
    mo_source sources[MAX_INLINED];
    for (uint32_t k = 0; k < trap->nframes; k++) {
        uint32_t n = sources_of(trap, k, &a, sources, MAX_INLINED);
        if (i >= n) {
            i -= n;
            continue;
        }
        mo_span name = mo_artifact_func_name(a, sources[i].func), module = mo_meta_name(a, a->meta->module_name);
        *ret = (mote_frame){
            .instance = instance_of(trap->store, a),
            .func = sources[i].func,
            .offset = sources[i].offset,
            .name = (const char *)name.at, .name_len = name.len,
            .module = (const char *)module.at, .module_len = module.len,
            .inlined = i + 1 < n,
        };
        return true;
    }
    return false;
}

static size_t print_frame(const mote_frame *frame, size_t i, char *text, size_t size)
{
    char where[32] = "", number[32];
    snprintf(number, sizeof number, "func[%" PRIu32 "]", frame->func);
    if (frame->offset)
        snprintf(where, sizeof where, " at 0x%" PRIx32, frame->offset);
    int len = snprintf(text, size, "\n  %zu: %.*s%s%.*s%s%s%s", i, (int)frame->module_len, frame->module,
                       frame->module_len ? "!" : "", (int)frame->name_len, frame->name,
                       frame->name_len ? "" : number, where, frame->inlined ? " (inlined)" : "");
    return len > 0 ? (size_t)len : 0;
}

size_t mote_trap_print(const mote_trap *trap, char *text, size_t size)
{
    mote_frame frame;
    int len = snprintf(text, size, "%s", mote_trap_message(trap));
    size_t at = len > 0 ? (size_t)len : 0;
    for (size_t i = 0; mote_trap_frame(trap, i, &frame); i++)
        at += print_frame(&frame, i, at < size ? text + at : NULL, at < size ? size - at : 0);
    if (trap->omitted) {
        len = snprintf(at < size ? text + at : NULL, at < size ? size - at : 0, "\n  ... and %" PRIu64 " more calls",
                       trap->omitted);
        at += len > 0 ? (size_t)len : 0;
    }
    return at;
}
