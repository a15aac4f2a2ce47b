/* refuse.c - good artifacts are accepted; with one instruction replaced by a bad one,
 * hash and header repaired, each is refused and the instruction is named. */
#include "base/test.h"

#include "artifact/hash.h"
#include "check/check.h"
#include "check/step.h"

#include <stdlib.h>
#include <unistd.h>

/*
(module
  (type $t (func (param i32) (result i32)))
  (import "env" "host" (func $host (type $t)))
  (memory 1)
  (table 4 funcref)
  (global $number (mut i32) (i32.const 0))
  (global $reference (mut funcref) (ref.null func))
  (func $long (export "long") (param i64 i64)
    (i64.store (i32.const 8) (local.get 0)) (i64.store (i32.const 1016) (local.get 1))
    (i64.store (i32.const 2016) (i64.add (local.get 0) (local.get 1)))
    (i64.store (i32.const 3016) (i64.sub (local.get 0) (local.get 1)))
    (i64.store (i32.const 4016) (i64.mul (local.get 0) (local.get 1)))
    (i64.store (i32.const 5016) (i64.xor (local.get 0) (local.get 1)))
    (i64.store (i32.const 6016) (i64.and (local.get 0) (local.get 1)))
    (i64.store (i32.const 7016) (i64.or (local.get 0) (local.get 1))))
  (func $switch (export "switch") (type $t)
    (block $a (block $b (block $c (block $d (block $e
      (br_table $a $b $c $d $e (local.get 0)))
      (return (call $host (i32.const 7))))
      (return (i32.load (i32.const 4))))
      (return (call_indirect (type $t) (i32.const 3) (local.get 0))))
      (global.set $number (i32.const 5)))
    (memory.size))
  (func $keep (export "keep") (param funcref)
    (global.set $reference (local.get 0)))
  (elem (i32.const 0) $switch $host))
*/
static const uint8_t good_wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x03, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x02, 0x7e, 0x7e,
    0x00, 0x60, 0x01, 0x70, 0x00, 0x02, 0x0c, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x04, 0x68, 0x6f, 0x73, 0x74, 0x00, 0x00, 0x03,
    0x04, 0x03, 0x01, 0x00, 0x02, 0x04, 0x04, 0x01, 0x70, 0x00, 0x04, 0x05, 0x03, 0x01, 0x00, 0x01, 0x06, 0x0b, 0x02, 0x7f,
    0x01, 0x41, 0x00, 0x0b, 0x70, 0x01, 0xd0, 0x70, 0x0b, 0x07, 0x18, 0x03, 0x04, 0x6c, 0x6f, 0x6e, 0x67, 0x00, 0x01, 0x06,
    0x73, 0x77, 0x69, 0x74, 0x63, 0x68, 0x00, 0x02, 0x04, 0x6b, 0x65, 0x65, 0x70, 0x00, 0x03, 0x09, 0x08, 0x01, 0x00, 0x41,
    0x00, 0x0b, 0x02, 0x02, 0x00, 0x0a, 0x90, 0x01, 0x03, 0x53, 0x00, 0x41, 0x08, 0x20, 0x00, 0x37, 0x03, 0x00, 0x41, 0xf8,
    0x07, 0x20, 0x01, 0x37, 0x03, 0x00, 0x41, 0xe0, 0x0f, 0x20, 0x00, 0x20, 0x01, 0x7c, 0x37, 0x03, 0x00, 0x41, 0xc8, 0x17,
    0x20, 0x00, 0x20, 0x01, 0x7d, 0x37, 0x03, 0x00, 0x41, 0xb0, 0x1f, 0x20, 0x00, 0x20, 0x01, 0x7e, 0x37, 0x03, 0x00, 0x41,
    0x98, 0x27, 0x20, 0x00, 0x20, 0x01, 0x85, 0x37, 0x03, 0x00, 0x41, 0x80, 0x2f, 0x20, 0x00, 0x20, 0x01, 0x83, 0x37, 0x03,
    0x00, 0x41, 0xe8, 0x36, 0x20, 0x00, 0x20, 0x01, 0x84, 0x37, 0x03, 0x00, 0x0b, 0x33, 0x00, 0x02, 0x40, 0x02, 0x40, 0x02,
    0x40, 0x02, 0x40, 0x02, 0x40, 0x20, 0x00, 0x0e, 0x04, 0x04, 0x03, 0x02, 0x01, 0x00, 0x0b, 0x41, 0x07, 0x10, 0x00, 0x0f,
    0x0b, 0x41, 0x04, 0x28, 0x02, 0x00, 0x0f, 0x0b, 0x41, 0x03, 0x20, 0x00, 0x11, 0x00, 0x00, 0x0f, 0x0b, 0x41, 0x05, 0x24,
    0x00, 0x0b, 0x3f, 0x00, 0x0b, 0x06, 0x00, 0x20, 0x00, 0x24, 0x01, 0x0b, 0x00, 0x52, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x01,
    0x1b, 0x04, 0x00, 0x04, 0x68, 0x6f, 0x73, 0x74, 0x01, 0x04, 0x6c, 0x6f, 0x6e, 0x67, 0x02, 0x06, 0x73, 0x77, 0x69, 0x74,
    0x63, 0x68, 0x03, 0x04, 0x6b, 0x65, 0x65, 0x70, 0x03, 0x12, 0x01, 0x02, 0x05, 0x00, 0x01, 0x61, 0x01, 0x01, 0x62, 0x02,
    0x01, 0x63, 0x03, 0x01, 0x64, 0x04, 0x01, 0x65, 0x04, 0x04, 0x01, 0x00, 0x01, 0x74, 0x07, 0x14, 0x02, 0x00, 0x06, 0x6e,
    0x75, 0x6d, 0x62, 0x65, 0x72, 0x01, 0x09, 0x72, 0x65, 0x66, 0x65, 0x72, 0x65, 0x6e, 0x63, 0x65,
};
enum { LONG = 1, SWITCH = 2, KEEP = 3 }; /* functions */

/* --- good artifacts ------------------------------------------------------ */

typedef struct artifact {
    uint8_t *bytes;
    size_t len;
} artifact;

static const mo_file_header *header_of(const artifact *a) { return (const mo_file_header *)a->bytes; }
static const mo_meta *meta_of(const artifact *a) { return (const mo_meta *)(a->bytes + header_of(a)->sections[MO_SECTION_META].at); }
static uint8_t *text_of(const artifact *a) { return a->bytes + header_of(a)->sections[MO_SECTION_TEXT].at; }

static const mo_meta_func *func_of(const artifact *a, uint32_t i)
{
    return (const mo_meta_func *)((const uint8_t *)meta_of(a) + meta_of(a)->funcs.at) + i;
}

/* Compiles good_wasm with these flags; NULL without a compiler. */
static bool compile(const char *flags, artifact *ret)
{
    const char *compiler = getenv("MOTE_COMPILE");
    char in[] = "/tmp/mote-check-XXXXXX", out[64], command[4096];
    if (!compiler || mkstemp(in) < 0)
        return false;
    snprintf(out, sizeof out, "%s.mote", in);
    snprintf(command, sizeof command, "'%s' %s '%s' -o '%s'", compiler, flags, in, out);
    bool ok = mo_file_write(in, good_wasm, sizeof good_wasm, 0600, NULL) && system(command) == 0 &&
              mo_file_read(out, 1 << 24, &ret->bytes, &ret->len, NULL);
    unlink(in);
    unlink(out);
    return ok;
}

static void repair(artifact *a)
{
    mo_file_header *h = (mo_file_header *)a->bytes;
    mo_hash_contents(a->bytes + MO_FILE_PAGE, a->len - MO_FILE_PAGE, h->contents_hash);
    h->header_hash = mo_hash_header(a->bytes);
}

static bool check(const artifact *a, mote_error *err)
{
    mo_artifact *open;
    *err = (mote_error){.offset = MOTE_NOWHERE, .function = MOTE_NOWHERE};
    if (!mo_artifact_open_bytes(a->bytes, a->len, &open, err))
        return false;
    bool ok = mo_check_artifact(open, err);
    mo_artifact_unref(open);
    return ok;
}

TEST(good_artifacts_are_accepted)
{
    static const char *const flags[] = {"-O0", "-O1", "-O2", "-O3", "-O2 --fuel", "-O2 --strict", "-O0 --fuel",
                                        "--target-cpu x86-64-v2"};
    for (size_t i = 0; i < MO_COUNT(flags); i++) {
        artifact a;
        mote_error err;
        if (!getenv("MOTE_COMPILE")) skip("no mote-compile");
        require(compile(flags[i], &a));
        if (!expect(check(&a, &err))) fprintf(stderr, "    %s: %s\n", flags[i], err.message);
        mo_free(a.bytes);
    }
}

/* --- bad instructions ------------------------------------------------------- */

/* Replaces what follows `push rbp; mov rbp, rsp` of a function, up to the end of an
 * instruction; what is left of that becomes no-ops. */
static bool put_code(artifact *a, uint32_t func, const uint8_t *bytes, size_t len)
{
    static const uint8_t prologue[] = {0x55, 0x48, 0x89, 0xe5};
    uint32_t at = func_of(a, func)->code_at;
    if (memcmp(text_of(a) + at, prologue, sizeof prologue) != 0)
        return false;
    uint32_t start = at + (uint32_t)sizeof prologue, end = start, code_end = start + 80;
    while (end - start < len)
        end += mo_step_length(text_of(a), end, code_end);
    memset(text_of(a) + start, 0x90, end - start);
    memcpy(text_of(a) + start, bytes, len);
    return true;
}

/* Code for the function `long`, whose parameters are numbers in rdi and rsi and whose
 * context is in r10. */
static const struct bad {
    const char *name;
    const char *instruction; /* as the message has it */
    const char *words;       /* part of the message */
    uint8_t len, code[24];
} bads[] = {
#define BAD(name, instruction, words, ...) {name, instruction, words, sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}},
    BAD("a raw store", "mov [rdi], esi", "stores 4 bytes through a number", 0x89, 0x37)
    BAD("a raw load", "mov eax, [rdi+rsi*1]", "loads 4 bytes through a number", 0x8b, 0x04, 0x37)
    BAD("a store to a constant address", "mov [0x0000000000010000], edi", "through the number 65536", 0x89, 0x3c, 0x25, 0, 0, 1, 0)
    BAD("another value as memory's base", "mov [rax], esi", "stores 4 bytes through a number", 0x48, 0x89, 0xf8, 0x89, 0x30)
    BAD("twice memory's base", "mov [rax+rax*1], esi", "2 times a memory's base", 0x49, 0x8b, 0x02, 0x89, 0x34, 0x00)
    BAD("a store to the context's memory0", "mov [r10], rdi", "stores 8 bytes through the context", 0x49, 0x89, 0x3a)
    BAD("a store to the context's run", "mov [r10+0x08], rdi", "stores 8 bytes through the context + 8", 0x49, 0x89, 0x7a, 8)
    BAD("a store beyond a global", "mov [r10+0x7FFFFFF0], rdi", "through the context", 0x49, 0x89, 0xba, 0xf0, 0xff, 0xff, 0x7f)
    BAD("a load of the instance", "mov rax, [r10+0x18]", "loads 8 bytes through the context + 24", 0x49, 0x8b, 0x42, 24)
    BAD("an indexed load of the context", "mov rax, [r10+rdi*1]", "loads 8 bytes through a number", 0x49, 0x8b, 0x04, 0x3a)
    BAD("a store to the running call's handler", "mov [rax+0x10], rdi", "through the running call + 16", 0x49, 0x8b, 0x42, 8, 0x48, 0x89, 0x78, 16)
    BAD("a forged exception", "mov [rax+0x18], rdi", "where a reference belongs", 0x49, 0x8b, 0x42, 8, 0x48, 0x89, 0x78, 24)
    BAD("an unchecked indirect call", "call rdi", "calls through a number", 0xff, 0xd7)
    BAD("an unchecked indirect jump", "jmp rdi", "calls through a number", 0x5d, 0xff, 0xe7)
    BAD("an unchecked call through memory", "call [rax]", "calls through a number", 0x49, 0x8b, 0x02, 0xff, 0x10)
    BAD("a helper without the context", "call [rax]", "want the context in rdi", 0x49, 0x8b, 0x42, 16, 0xff, 0x10)
    BAD("a far jump", "jmp far [rdi]", "want an instruction that compiled code may use", 0xff, 0x2f)
    BAD("a far call", "call far [rdi]", "want an instruction that compiled code may use", 0xff, 0x1f)
    BAD("a far return", "ret far", "want an instruction that compiled code may use", 0xcb)
    BAD("a return that pops", "ret 0x08", "want an instruction that compiled code may use", 0xc2, 8, 0)
    BAD("a jump whose target some processors cut", "jmp", "want an instruction that compiled code may use", 0x66, 0xe9, 0, 0, 0, 0)
    BAD("a return of 16 bits", "ret", "want an instruction that compiled code may use", 0x66, 0xc3)
    BAD("leave of 16 bits", "leave", "want an instruction that compiled code may use", 0x66, 0xc9)
    BAD("rdssp", "rdsspq", "want an instruction that compiled code may use", 0xf3, 0x48, 0x0f, 0x1e, 0xc8)
    BAD("syscall", "syscall", "want an instruction that compiled code may use", 0x0f, 0x05)
    BAD("sysenter", "sysenter", "want an instruction that compiled code may use", 0x0f, 0x34)
    BAD("int 0x80", "int 0x80", "want an instruction that compiled code may use", 0xcd, 0x80)
    BAD("hlt", "hlt", "want an instruction that compiled code may use", 0xf4)
    BAD("in", "in al, dx", "want an instruction that compiled code may use", 0xec)
    BAD("outs", "outsb", "want an instruction that compiled code may use", 0x6e)
    BAD("wrgsbase", "wrgsbase rdi", "want an instruction that compiled code may use", 0xf3, 0x48, 0x0f, 0xae, 0xdf)
    BAD("wrfsbase", "wrfsbase rdi", "want an instruction that compiled code may use", 0xf3, 0x48, 0x0f, 0xae, 0xd7)
    BAD("wrpkru", "wrpkru", "want an instruction that compiled code may use", 0x0f, 0x01, 0xef)
    BAD("rdpkru", "rdpkru", "want an instruction that compiled code may use", 0x0f, 0x01, 0xee)
    BAD("xrstor", "xrstor [rdi]", "want an instruction that compiled code may use", 0x0f, 0xae, 0x2f)
    BAD("ldmxcsr", "ldmxcsr [rdi]", "want an instruction that compiled code may use", 0x0f, 0xae, 0x17)
    BAD("lgdt", "lgdt [rdi]", "want an instruction that compiled code may use", 0x0f, 0x01, 0x17)
    BAD("rdtsc", "rdtsc", "want an instruction that compiled code may use", 0x0f, 0x31)
    BAD("std", "std", "want an instruction that compiled code may use", 0xfd)
    BAD("popf", "popfq", "want an instruction that compiled code may use", 0x9d)
    BAD("a move to a segment register", "mov ds, di", "general, vector and mask registers only", 0x8e, 0xdf)
    BAD("a push of a segment register", "push fs", "want an instruction that compiled code may use", 0x0f, 0xa0)
    BAD("a pop to a segment register", "pop fs", "want an instruction that compiled code may use", 0x0f, 0xa1)
    BAD("a load through FS", "mov eax, fs:[rdi]", "not in FS or GS", 0x64, 0x8b, 0x07)
    BAD("a store through GS", "mov gs:[rdi], esi", "not in FS or GS", 0x65, 0x89, 0x37)
    BAD("a call through GS", "call gs:[rdi]", "want an instruction that compiled code may use", 0x65, 0xff, 0x17)
    BAD("rep stos", "rep stosb", "want a memory's pointer", 0xf3, 0xaa)
    BAD("movs", "movsb", "loads 1 bytes through a number", 0xa4)
    BAD("a jump into the middle of an instruction", "jmp", "want the start of an instruction", 0xeb, 0x01, 0x48, 0x89, 0xf8)
    BAD("a call into this function", "call", "want an instruction of this function, or a function's start", 0xe8, 0xf9, 0xff, 0xff, 0xff)
    BAD("a jump beyond the code", "jmp", "want an instruction of this function, or a function's start", 0xe9, 0, 0, 0x10, 0)
    BAD("a return with an unbalanced stack", "ret", "want the stack pointer where it was at entry", 0xc3)
    BAD("a store to the return address", "mov [rbp+0x08], rdi", "the return address is there", 0x48, 0x89, 0x7d, 8)
    BAD("a store across the return address", "mov [rbp+0x04], rdi", "the return address is there", 0x48, 0x89, 0x7d, 4)
    BAD("a store to the saved frame pointer", "ret", "want rbp as it was at entry", 0x48, 0x89, 0x7d, 0, 0x5d, 0xc3)
    BAD("a store to the caller's frame", "mov [rbp+0x10], rdi", "outside the frame", 0x48, 0x89, 0x7d, 16)
    BAD("a store below the stack pointer", "mov [rsp-0x08], rdi", "outside the frame", 0x48, 0x89, 0x7c, 0x24, 0xf8)
    BAD("an indexed store to the stack", "mov [rsp+rdi*1], rsi", "stores 8 bytes through a number", 0x48, 0x89, 0x34, 0x3c)
    BAD("a change of a preserved register", "ret", "want rbx as it was at entry", 0x48, 0x89, 0xfb, 0x5d, 0xc3)
    BAD("another stack", "mov rsp, rdi", "want the stack pointer to move by a constant", 0x48, 0x89, 0xfc)
    BAD("a stack pointer that was exchanged", "xchg rsp, rdi", "want the stack pointer to move by a constant", 0x48, 0x87, 0xfc)
    BAD("a step over the guard page", "sub rsp, 0x10000", "below what is touched", 0x48, 0x81, 0xec, 0, 0, 1, 0)
    BAD("an address in the text", "lea rax,", "want an address in the constants, or a function's", 0x48, 0x8d, 0x05, 1, 0, 0, 0)
    BAD("bytes that are no instruction", "bytes that are no instruction", "want an instruction", 0x06)
#undef BAD
};

static bool names(const mote_error *err, const char *instruction, const char *words)
{
    return err->status == MOTE_REFUSED && strstr(err->message, instruction) && strstr(err->message, words);
}

static void refuses(artifact *a, uint32_t func, const char *name, const char *instruction, const char *words)
{
    mote_error err;
    repair(a);
    bool ok = check(a, &err);
    if (expect(!ok && names(&err, instruction, words) && err.function == func)) return;
    fprintf(stderr, "    %s: %s\n", name, ok ? "was accepted" : err.message);
}

/* A copy of good, for one test to spoil. */
static artifact copy_of(const artifact *good)
{
    artifact a = {mo_alloc(good->len), good->len};
    if (a.bytes) memcpy(a.bytes, good->bytes, good->len);
    return a;
}

TEST(bad_instructions_are_refused)
{
    artifact good;
    if (!getenv("MOTE_COMPILE")) skip("no mote-compile");
    require(compile("-O1 --target-cpu x86-64-v2", &good));
    for (size_t i = 0; i < MO_COUNT(bads); i++) {
        artifact a = copy_of(&good);
        require(a.bytes && put_code(&a, LONG, bads[i].code, bads[i].len));
        refuses(&a, LONG, bads[i].name, bads[i].instruction, bads[i].words);
        mo_free(a.bytes);
    }
    mo_free(good.bytes);
}

/* --- what depends on where things lie in the context ------------------------- */

/* mov [r10 + at], rdi; or, through: mov rax, [r10 + at]; mov [rax], rdi. */
static void refuses_store(const artifact *good, const char *name, uint32_t at, bool through, const char *words)
{
    artifact a = copy_of(good);
    uint8_t direct[] = {0x49, 0x89, 0xba, 0, 0, 0, 0}, via[] = {0x49, 0x8b, 0x82, 0, 0, 0, 0, 0x48, 0x89, 0x38};
    memcpy((through ? via : direct) + 3, &at, sizeof at);
    require(a.bytes && put_code(&a, LONG, through ? via : direct, through ? sizeof via : sizeof direct));
    refuses(&a, LONG, name, through ? "mov [rax], rdi" : "mov [r10+", words);
    mo_free(a.bytes);
}

TEST(stores_to_host_structures_are_refused)
{
    artifact good;
    if (!getenv("MOTE_COMPILE")) skip("no mote-compile");
    require(compile("-O1", &good));
    const mo_layout *l = &meta_of(&good)->layout;
    refuses_store(&good, "a table", l->own_tables_at, true, "through a table entry");
    refuses_store(&good, "a table's descriptor", l->own_tables_at, false, "through the context");
    refuses_store(&good, "a memory's descriptor", l->own_memories_at + 8, false, "through the context");
    refuses_store(&good, "an import", l->imports_at, false, "through the context");
    refuses_store(&good, "an import's code", l->imports_at, true, "through an import's address");
    refuses_store(&good, "a function record", l->funcrefs_at, false, "through the context");
    refuses_store(&good, "a type id", l->type_ids_at, false, "through the context");
    refuses_store(&good, "a number as reference", l->globals_at + 16, false, "where a reference belongs");
    mo_free(good.bytes);
}

TEST(an_import_is_called_with_its_own_context)
{
    artifact good;
    if (!getenv("MOTE_COMPILE")) skip("no mote-compile");
    require(compile("-O1", &good));
    uint8_t code[] = {0x41, 0xff, 0x92, 0, 0, 0, 0}; /* call [r10 + imports_at] */
    memcpy(code + 3, &meta_of(&good)->layout.imports_at, 4);
    require(put_code(&good, LONG, code, sizeof code));
    refuses(&good, LONG, "own context", "call [r10+", "calls an import's address with the context in r10");
    mo_free(good.bytes);
}

/* --- beside the code ------------------------------------------------------------ */

static void spoil_jump(const artifact *good, const char *name, int32_t by)
{
    artifact a = copy_of(good);
    require(a.bytes && meta_of(&a)->jumps.n);
    const mo_meta_jumps *run = (const mo_meta_jumps *)((const uint8_t *)meta_of(&a) + meta_of(&a)->jumps.at);
    uint8_t *entry = text_of(&a) + run->at + 4; /* CONST lies behind TEXT as in memory */
    int32_t distance;
    memcpy(&distance, entry, sizeof distance);
    distance += by;
    memcpy(entry, &distance, sizeof distance);
    refuses(&a, SWITCH, name, "jmp", "entry 1 of its jump table: want an instruction of this function");
    mo_free(a.bytes);
}

TEST(jump_tables_stay_in_their_function)
{
    artifact good;
    if (!getenv("MOTE_COMPILE")) skip("no mote-compile");
    require(compile("-O1", &good));
    spoil_jump(&good, "out of the function", 0x100000);
    spoil_jump(&good, "another function", -(int32_t)(func_of(&good, SWITCH)->code_at + 0x40));
    spoil_jump(&good, "the middle of an instruction", 1);
    mo_free(good.bytes);
}

TEST(what_lies_between_functions_traps)
{
    artifact good;
    mote_error err;
    if (!getenv("MOTE_COMPILE")) skip("no mote-compile");
    require(compile("-O1", &good));
    uint32_t at = func_of(&good, SWITCH)->code_at - 1;
    require(text_of(&good)[at] == 0xcc);
    text_of(&good)[at] = 0x90;
    repair(&good);
    expect(!check(&good, &err) && strstr(err.message, "between functions: want int3"));
    mo_free(good.bytes);
}

TEST(a_function_does_not_run_past_its_end)
{
    artifact good;
    mote_error err;
    if (!getenv("MOTE_COMPILE")) skip("no mote-compile");
    require(compile("-O1", &good));
    uint32_t at = func_of(&good, LONG)->code_at;
    while (text_of(&good)[at] != 0xc3 || text_of(&good)[at + 1] != 0xcc)
        at++;
    text_of(&good)[at] = 0x90;
    repair(&good);
    expect(!check(&good, &err) && strstr(err.message, "past the function's end"));
    mo_free(good.bytes);
}
