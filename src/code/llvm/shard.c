/* shard.c - one LLVM module: made, filled with its functions, optimised, written
 * as an object. Each shard has an LLVMContext of its own, so shards share nothing
 * that changes. */
#include "code/llvm/shard.h"
#include "code/llvm/plan.h"
#include "code/llvm/support.h"

#include <llvm-c/Transforms/PassBuilder.h>

#include <stdio.h>

#define SWIFTCC 16

/* --- set up ------------------------------------------------------------ */

static void make_types(mo_shard *s)
{
    LLVMContextRef c = s->context;
    s->void_ = LLVMVoidTypeInContext(c);
    s->i1 = LLVMInt1TypeInContext(c);
    s->i8 = LLVMInt8TypeInContext(c);
    s->i16 = LLVMInt16TypeInContext(c);
    s->i32 = LLVMInt32TypeInContext(c);
    s->i64 = LLVMInt64TypeInContext(c);
    s->i128 = LLVMInt128TypeInContext(c);
    s->f32 = LLVMFloatTypeInContext(c);
    s->f64 = LLVMDoubleTypeInContext(c);
    s->v128 = LLVMVectorType(s->i64, 2);
    s->ptr = LLVMPointerTypeInContext(c, 0);
}

/* A tag for each mo_alias: five leaves under one root, none of which may overlap. */
static void make_alias_tags(mo_shard *s)
{
    static const char *const names[MO_ALIASES] = {"memory", "context", "global", "table", "run"};
    LLVMContextRef c = s->context;
    LLVMMetadataRef name = LLVMMDStringInContext2(c, "mote", 4);
    LLVMMetadataRef root = LLVMMDNodeInContext2(c, &name, 1);
    LLVMMetadataRef zero = LLVMValueAsMetadata(LLVMConstInt(s->i64, 0, false));
    for (int i = 0; i < MO_ALIASES; i++) {
        LLVMMetadataRef leaf_parts[] = {LLVMMDStringInContext2(c, names[i], strlen(names[i])), root, zero};
        LLVMMetadataRef leaf = LLVMMDNodeInContext2(c, leaf_parts, 3);
        LLVMMetadataRef tag_parts[] = {leaf, leaf, zero};
        s->tbaa[i] = LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, tag_parts, 3));
    }
    s->empty_metadata = LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, NULL, 0));
    s->tbaa_kind = LLVMGetMDKindIDInContext(c, "tbaa", 4);
    s->invariant_kind = LLVMGetMDKindIDInContext(c, "invariant.load", 14);
}

static LLVMAttributeRef enum_attribute(mo_shard *s, const char *name, uint64_t value)
{
    return LLVMCreateEnumAttribute(s->context, LLVMGetEnumAttributeKindForName(name, strlen(name)), value);
}

static LLVMAttributeRef string_attribute(mo_shard *s, const char *name, const char *value)
{
    return LLVMCreateStringAttribute(s->context, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
}

static void make_attributes(mo_shard *s)
{
    const mo_job *job = s->job;
    LLVMAttributeRef *a = s->function_attributes;
    uint32_t n = 0;
    s->nest = enum_attribute(s, "nest", 0);
    s->swiftself = enum_attribute(s, "swiftself", 0);
    a[n++] = enum_attribute(s, "nounwind", 0);
    a[n++] = enum_attribute(s, "noredzone", 0); /* a signal may switch stacks anywhere */
    a[n++] = string_attribute(s, "frame-pointer", "all");
    a[n++] = string_attribute(s, "disable-tail-calls", "true"); /* backtraces; musttail is not touched */
    a[n++] = string_attribute(s, "probe-stack", "inline-asm");
    a[n++] = string_attribute(s, "target-cpu", job->cpu);
    a[n++] = string_attribute(s, "target-features", job->features);
    s->nfunction_attributes = n;
}

static void make_debug_info(mo_shard *s)
{
    LLVMMetadataRef version = LLVMValueAsMetadata(LLVMConstInt(s->i32, 4, false));
    LLVMMetadataRef info = LLVMValueAsMetadata(LLVMConstInt(s->i32, LLVMDebugMetadataVersion(), false));
    LLVMAddModuleFlag(s->llvm, LLVMModuleFlagBehaviorWarning, "Dwarf Version", 13, version);
    LLVMAddModuleFlag(s->llvm, LLVMModuleFlagBehaviorWarning, "Debug Info Version", 18, info);
    s->di = LLVMCreateDIBuilder(s->llvm);
    s->di_file = LLVMDIBuilderCreateFile(s->di, "m", 1, "", 0);
    LLVMDIBuilderCreateCompileUnit(s->di, LLVMDWARFSourceLanguageC99, s->di_file, "mote", 4, true, "", 0, 0, "", 0,
                                   LLVMDWARFEmissionLineTablesOnly, 0, false, false, "", 0, "", 0);
    s->di_type = LLVMDIBuilderCreateSubroutineType(s->di, s->di_file, NULL, 0, LLVMDIFlagZero);
}

/* The level, or less where the shard's one function is too large for that. */
static uint8_t effort_of(const mo_job *job, uint32_t index)
{
    const mo_module *m = job->module;
    uint8_t level = job->options->opt_level, most = 3;
    for (uint32_t i = m->nimported_funcs; index >= job->first_giant && i < m->nfuncs; i++)
        if (job->plans[i].shard == index)
            most = m->funcs[i].body_len > MO_HUGE_BYTES ? 0 : 1;
    return level < most ? level : most;
}

static bool make_machine(mo_shard *s, mote_error *err)
{
    static const LLVMCodeGenOptLevel levels[] = {LLVMCodeGenLevelNone, LLVMCodeGenLevelLess, LLVMCodeGenLevelDefault, LLVMCodeGenLevelDefault};
    char *triple = LLVMGetDefaultTargetTriple(), *message = NULL;
    LLVMTargetRef target;
    if (LLVMGetTargetFromTriple(triple, &target, &message)) {
        mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "LLVM: %s", message);
        LLVMDisposeMessage(message);
        LLVMDisposeMessage(triple);
        return false;
    }
    s->machine = LLVMCreateTargetMachine(target, triple, s->job->cpu, s->job->features, levels[s->effort],
                                         LLVMRelocPIC, LLVMCodeModelSmall);
    LLVMSetTarget(s->llvm, triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(s->machine);
    LLVMSetModuleDataLayout(s->llvm, layout);
    LLVMDisposeTargetData(layout);
    LLVMDisposeMessage(triple);
    return true;
}

bool mo_shard_open(mo_shard *s, const mo_job *job, uint32_t index, mote_error *err)
{
    const mo_module *m = job->module;
    *s = (mo_shard){.job = job, .module = m, .index = index, .effort = effort_of(job, index)};
    s->funcs = mo_calloc(m->nfuncs, sizeof *s->funcs);
    s->outside_types = mo_calloc(3 * (size_t)m->ntypes, sizeof *s->outside_types);
    if (!s->funcs || !s->outside_types)
        return mo_fail_nomem(err);
    s->inside_types = s->outside_types + m->ntypes;
    s->result_types = s->inside_types + m->ntypes;
    s->context = LLVMContextCreate();
    LLVMContextSetDiscardValueNames(s->context, true);
    s->llvm = LLVMModuleCreateWithNameInContext("mote", s->context);
    s->b = LLVMCreateBuilderInContext(s->context);
    make_types(s);
    make_alias_tags(s);
    make_attributes(s);
    make_debug_info(s);
    return make_machine(s, err);
}

void mo_shard_close(mo_shard *s)
{
    if (s->di)
        LLVMDisposeDIBuilder(s->di);
    if (s->b)
        LLVMDisposeBuilder(s->b);
    if (s->llvm)
        LLVMDisposeModule(s->llvm);
    if (s->machine)
        LLVMDisposeTargetMachine(s->machine);
    if (s->context)
        LLVMContextDispose(s->context);
    mo_free(s->funcs);
    mo_free(s->outside_types);
    *s = (mo_shard){0};
}

/* --- functions --------------------------------------------------------- */

LLVMValueRef mo_shard_function(mo_shard *s, uint32_t func)
{
    if (s->funcs[func])
        return s->funcs[func];
    const mo_plan *plan = &s->job->plans[func];
    const mo_func *f = &s->module->funcs[func];
    char name[24];
    snprintf(name, sizeof name, "mote.f%" PRIu32, func);
    LLVMValueRef fn = LLVMAddFunction(s->llvm, name, mo_function_type(s, f->type, plan->convention));
    LLVMSetFunctionCallConv(fn, SWIFTCC);
    bool outside = plan->convention != MO_INSIDE;
    LLVMAddAttributeAtIndex(fn, 1, outside ? s->nest : s->swiftself);
    for (uint32_t i = 0; i < s->nfunction_attributes; i++)
        LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex, s->function_attributes[i]);
    bool here = plan->shard == s->index;
    if (here && !plan->shared && !mo_is_reachable(s->module, func))
        LLVMSetLinkage(fn, LLVMInternalLinkage);
    else
        LLVMSetVisibility(fn, LLVMHiddenVisibility);
    return s->funcs[func] = fn;
}

bool mo_shard_emit(mo_shard *s, mote_error *err)
{
    mo_emit e = {0};
    bool ok = true;
    for (uint32_t i = s->module->nimported_funcs; ok && i < s->module->nfuncs; i++)
        if (s->job->plans[i].shard == s->index)
            ok = mo_emit_function(s, i, &e, err);
    mo_body_free(&e.body);
    mo_arena_free(&e.arena);
    mo_free(e.stack);
    mo_free(e.blocks);
    LLVMDIBuilderFinalize(s->di);
    return ok;
}

/* --- optimise, write --------------------------------------------------- */

/* What LLVM's own pipelines do to C is mostly done already in a module that a
 * compiler made; what is left is what Wasm itself hid: locals, addresses, the
 * context. Vectors and unrolled loops come from the guest's compiler; doing either
 * again loses (docs/compiler.md has the figures), so loops are vectorised only in
 * modules that hold no vector (or at -O3). Nowhere may a recursion become a loop: it
 * would never exhaust the stack. */
#define CLEAN "instcombine<no-verify-fixpoint>"
#define LOOPS \
    "loop-mssa(loop-instsimplify,loop-simplifycfg,licm<no-allowspeculation>,loop-rotate,licm<allowspeculation>)," \
    "loop(loop-idiom,indvars,loop-deletion,loop-unroll-full)"
#define FIRST "function<eager-inv>(mem2reg,early-cse,simplifycfg," CLEAN ")"
#define MIDDLE(more) \
    "cgscc(inline,function-attrs,function<eager-inv>(early-cse<memssa>," more "simplifycfg," CLEAN "," LOOPS ",gvn," CLEAN \
    ",dse,adce,simplifycfg)),globaldce"
#define THREADS "jump-threading,correlated-propagation,reassociate,"
#define VECTORS "loop-vectorize," CLEAN ",slp-vectorizer,vector-combine,"
#define LAST CLEAN ",div-rem-pairs,simplifycfg"

static const char *pipeline(const mo_shard *s)
{
    const mo_compile_options *o = s->job->options;
    if (o->passes)
        return o->passes;
    bool vectors = mo_has(s->module->used, MO_FEATURE_SIMD);
    switch (s->effort) {
    case 0: return "function(mem2reg)";
    case 1: return FIRST ",function<eager-inv>(" LOOPS ",early-cse<memssa>,adce,simplifycfg)";
    case 2:
        return vectors ? FIRST "," MIDDLE("") ",function<eager-inv>(" LAST ")"
                       : FIRST "," MIDDLE("") ",function<eager-inv>(" VECTORS LAST ")";
    default: return FIRST "," MIDDLE(THREADS) "," MIDDLE("") ",function<eager-inv>(" VECTORS LAST ")";
    }
}

bool mo_shard_optimise(mo_shard *s, mote_error *err)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopVectorization(options, true);
    LLVMPassBuilderOptionsSetSLPVectorization(options, true);
    LLVMErrorRef error = LLVMRunPasses(s->llvm, pipeline(s), s->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error) {
        mo_keep_places(s);
        mo_support_add(s->llvm);
        return true;
    }
    char *message = LLVMGetErrorMessage(error);
    mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "LLVM: %s", message);
    LLVMDisposeErrorMessage(message);
    return false;
}

static bool keep(mo_object *ret, const void *bytes, size_t len, mote_error *err)
{
    ret->bytes = mo_alloc(len ? len : 1);
    if (!ret->bytes)
        return mo_fail_nomem(err);
    memcpy(ret->bytes, bytes, len);
    ret->len = len;
    return true;
}

bool mo_shard_write(mo_shard *s, mo_output output, mo_object *ret, mote_error *err)
{
    if (output == MO_OUTPUT_IR) {
        char *text = LLVMPrintModuleToString(s->llvm);
        bool ok = keep(ret, text, strlen(text), err);
        LLVMDisposeMessage(text);
        return ok;
    }
    LLVMCodeGenFileType type = output == MO_OUTPUT_OBJECT ? LLVMObjectFile : LLVMAssemblyFile;
    LLVMMemoryBufferRef buffer;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(s->machine, s->llvm, type, &message, &buffer)) {
        mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "LLVM: %s", message);
        LLVMDisposeMessage(message);
        return false;
    }
    bool ok = keep(ret, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), err);
    LLVMDisposeMemoryBuffer(buffer);
    return ok;
}
