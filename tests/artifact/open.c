/* Claims about opening: what a good artifact gives, every refusal with its words, and
 * that damaged ones do no harm. */
#include "artifact/make.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void save(const mo_buffer *file, mode_t mode)
{
    if (!path[0]) snprintf(path, sizeof path, "/tmp/mote-test-open-%d", (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    expect(fd >= 0 && write(fd, file->at, file->len) == (ssize_t)file->len && fchmod(fd, mode) == 0);
    close(fd);
}

static void refuses_path(const char *name, const mo_open_options *options, mote_status status, const char *message)
{
    mo_artifact *a = NULL;
    mote_error err;
    uint64_t live = mo_alloc_live();
    mo_error_clear(&err);
    expect(!mo_artifact_open(name, options, &a, &err) && !a);
    expect_u64(err.status, status);
    expect_text(err.message, message);
    expect_u64(mo_alloc_live(), live);
}

static void refuses(const mo_buffer *file, mode_t mode, const char *message)
{
    save(file, mode);
    refuses_path(path, NULL, MOTE_REFUSED, message);
    unlink(path);
}

static void refuses_bytes(const mo_buffer *file, const char *message)
{
    mo_artifact *a = NULL;
    mote_error err;
    mo_error_clear(&err);
    expect(!mo_artifact_open_bytes(file->at, file->len, &a, &err) && !a);
    expect(err.status == MOTE_REFUSED);
    expect_text(err.message, message);
}

/* --- what is good ------------------------------------------------------ */

static void check_example(mo_artifact *a)
{
    const mo_meta *m = a->meta;
    const mo_meta_export *add = mo_artifact_export(a, "add", 3);
    require(add && add->kind == MO_EXTERN_FUNC && add->index == 1);
    expect(!mo_artifact_export(a, "ad", 2) && !mo_artifact_export(a, "adds", 4) && !mo_artifact_export(a, "zzz", 3) && !mo_artifact_export(a, "", 0));
    int (*f1)(int, int), (*f2)(int);
    const void *code1 = a->text + mo_meta_funcs(a)[1].code_at, *code2 = a->text + mo_meta_funcs(a)[2].code_at;
    memcpy(&f1, &code1, sizeof f1);
    memcpy(&f2, &code2, sizeof f2);
    expect_u64(f1(30, 12), 42);
    expect_u64(f2(21), 42);
    expect_u64(m->nfuncs, 4);
    expect_u64(m->start, 3);
    expect_u64(m->layout.nrecords, 3);
    expect_u64(m->images.n, 1);
    expect(memcmp(a->image + mo_meta_images(a)[0].at + 16, "hello", 5) == 0);
    expect(mo_meta_datas(a)[0].in_image && !mo_meta_datas(a)[1].in_image && !mo_meta_datas(a)[2].in_image);
    mo_span name = mo_artifact_func_name(a, 1);
    expect(mo_span_is(name, "sum"));
    expect_u64(mo_artifact_func_name(a, 0).len, 0);
    expect_u64(mo_artifact_func_name(a, 99).len, 0);
    expect_text(a->header->compiler, "hand");
    mo_source s;
    expect_u64(mo_artifact_source(a, code2, &s, 1), 1);
    expect_u64(s.func, 2);
    expect(mo_artifact_find(code2) == a);
    expect(mo_artifact_find(a->header) == NULL && mo_artifact_find(NULL) == NULL && mo_artifact_find(&s) == NULL);
    expect(mo_type_id_below(a->type_ids[4], a->type_ids[3]) && !mo_type_id_below(a->type_ids[3], a->type_ids[4]));
    read_everything(a);
}

TEST(a_good_file_runs)
{
    mo_buffer file = example_bytes();
    mo_artifact *a;
    mote_error err;
    mo_error_clear(&err);
    save(&file, 0644);
    require(mo_artifact_open(path, &(mo_open_options){.verify_contents = true}, &a, &err));
    unlink(path);
    check_example(a);
    const void *code = a->text;
    mo_artifact_ref(a);
    mo_artifact_unref(a);
    expect(mo_artifact_find(code) == a);
    mo_artifact_unref(a);
    mo_artifact_unref(NULL);
    expect(mo_artifact_find(code) == NULL);
    mo_buffer_free(&file);
}

TEST(good_bytes_run)
{
    mo_buffer file = example_bytes();
    mo_artifact *a = open_bytes(&file);
    require(a);
    mote_error err;
    mo_error_clear(&err);
    expect(mo_artifact_verify(a, &err));
    memset(file.at, 0, file.len); /* it has its own copy */
    check_example(a);
    char byte;
    expect(a->fd >= 0 && pread(a->fd, &byte, 1, (off_t)a->image_at + 16) == 1 && byte == 'h');
    expect(ftruncate(a->fd, 0) != 0);
    mo_artifact_unref(a);
    mo_buffer_free(&file);
}

TEST(only_header_and_code_are_executable)
{
    mo_buffer file = example_bytes();
    mo_artifact *a = open_bytes(&file);
    require(a);
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], mode[8];
    unsigned long from, to;
    unsigned seen = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3) continue;
        if (from < (uintptr_t)a->base || from >= (uintptr_t)a->base + a->base_len) continue;
        seen++;
        expect(mode[1] == '-' && (mode[2] == 'x') == (to <= (uintptr_t)a->text + mo_round_up(a->text_len, 4096)));
    }
    expect_u64(seen, 2);
    if (maps) fclose(maps);
    mo_artifact_unref(a);
    mo_buffer_free(&file);
}

TEST(the_same_module_gives_the_same_bytes)
{
    mo_buffer a = example_bytes(), b = example_bytes();
    expect(a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
    mo_buffer_free(&a);
    mo_buffer_free(&b);
}

/* --- refusals ---------------------------------------------------------- */

TEST(files_that_are_no_files_are_refused)
{
    refuses_path("/nonexistent/x.mote", NULL, MOTE_IO, "/nonexistent/x.mote: No such file or directory");
    refuses_path("/tmp", NULL, MOTE_REFUSED, "artifact: not a regular file");
    char fifo[64];
    snprintf(fifo, sizeof fifo, "/tmp/mote-test-fifo-%d", (int)getpid());
    require(mkfifo(fifo, 0600) == 0);
    refuses_path(fifo, NULL, MOTE_REFUSED, "artifact: not a regular file"); /* and does not wait for a writer */
    unlink(fifo);
}

TEST(files_that_others_can_write_are_refused)
{
    mo_buffer file = example_bytes();
    refuses(&file, 0664, "artifact can be written by others (mode 0664), want 0755 or less");
    refuses(&file, 0646, "artifact can be written by others (mode 0646), want 0755 or less");
    save(&file, 0666);
    mo_artifact *a = NULL;
    mote_error err;
    mo_error_clear(&err);
    expect(mo_artifact_open(path, &(mo_open_options){.trust_any_owner = true}, &a, &err));
    mo_artifact_unref(a);
    unlink(path);
    mo_buffer_free(&file);
}

TEST(files_of_another_user_are_refused)
{
    mo_buffer file = example_bytes();
    save(&file, 0644);
    if (chown(path, 12345, 12345) != 0) {
        unlink(path);
        mo_buffer_free(&file);
        skip("cannot give a file away");
    }
    char message[128];
    snprintf(message, sizeof message, "artifact belongs to user 12345, want this user (%u) or root", (unsigned)geteuid());
    refuses_path(path, NULL, MOTE_REFUSED, message);
    if (geteuid() == 0 && seteuid(12345) == 0) { /* its owner may */
        mo_artifact *a = NULL;
        mote_error err;
        mo_error_clear(&err);
        expect(mo_artifact_open(path, NULL, &a, &err));
        mo_artifact_unref(a);
        expect(seteuid(0) == 0);
    }
    unlink(path);
    mo_buffer_free(&file);
}

TEST(what_is_no_artifact_is_refused)
{
    mo_buffer file = {0};
    refuses(&file, 0644, "not an artifact, or truncated: 0 bytes, want at least 4096");
    mo_buffer_zeros(&file, 5000);
    refuses(&file, 0644, "not an artifact");
    mo_buffer_free(&file);
}

TEST(truncated_files_are_refused_at_every_length)
{
    mo_buffer file = example_bytes();
    for (size_t len = 0; len < file.len; len += len < 4096 ? 7 : 61) {
        mo_buffer cut = {.at = file.at, .len = len};
        char message[120];
        if (len < 4096) snprintf(message, sizeof message, "not an artifact, or truncated: %zu bytes, want at least 4096", len);
        else snprintf(message, sizeof message, "artifact is truncated: it has %zu bytes, want %zu", len, file.len);
        refuses_bytes(&cut, message);
        if (len % 5 == 0) refuses(&cut, 0644, message);
    }
    size_t len = file.len;
    mo_buffer_zeros(&file, 1);
    char message[120];
    snprintf(message, sizeof message, "artifact is too long: it has %zu bytes, want %zu", len + 1, len);
    refuses_bytes(&file, message);
    mo_buffer_free(&file);
}

TEST(every_altered_header_byte_is_refused)
{
    mo_buffer file = example_bytes();
    for (size_t i = 0; i < MO_FILE_PAGE; i++) {
        file.at[i] ^= 1 << i % 8;
        char message[120];
        if (i < 8) snprintf(message, sizeof message, "not an artifact");
        else if (i < 12) snprintf(message, sizeof message, "artifact has format %" PRIu32 ", want 1: compile the module again", header_of(&file)->format);
        else snprintf(message, sizeof message, "artifact is damaged: its header was altered");
        refuses_bytes(&file, message);
        file.at[i] ^= 1 << i % 8;
    }
    mo_buffer_free(&file);
}

TEST(what_this_machine_or_engine_cannot_run_is_refused)
{
    mo_buffer file = example_bytes();
    mo_file_header *h = header_of(&file);
    h->arch = MO_ARCH_HERE == MO_ARCH_X86_64 ? MO_ARCH_AARCH64 : MO_ARCH_X86_64;
    repair_hash(&file);
    refuses_bytes(&file, MO_ARCH_HERE == MO_ARCH_X86_64 ? "artifact is for aarch64, this is x86-64" : "artifact is for x86-64, this is aarch64");
    h->arch = 77;
    repair_hash(&file);
    refuses_bytes(&file, "artifact is for an unknown processor, this is x86-64");
    h->arch = MO_ARCH_HERE;
    h->abi_hash ^= 1;
    repair_hash(&file);
    char message[160];
    snprintf(message, sizeof message, "artifact has engine ABI %016" PRIx64 ", want %016" PRIx64 ": compile the module again", mo_abi_hash() ^ 1, mo_abi_hash());
    refuses_bytes(&file, message);
    h->abi_hash ^= 1;
    h->cpu = UINT64_C(1) << 63;
    repair_hash(&file);
    refuses_bytes(&file, "artifact for x86-64 needs CPU features that are missing here: unknown");
    mo_buffer_free(&file);
}

TEST(sections_that_do_not_fit_are_refused)
{
    mo_buffer file = example_bytes();
    mo_file_header *h = header_of(&file);
    const mo_file_section good = h->sections[MO_SECTION_META];
    const mo_file_section bad[] = {{good.at + 4096, good.len}, {good.at - 8, good.len}, {good.at, UINT64_MAX}, {good.at, h->file_len},
                                   {UINT64_MAX - 4095, good.len}, {good.at, good.len + 4096}, {0, 0}};
    for (size_t i = 0; i < MO_COUNT(bad); i++) {
        h->sections[MO_SECTION_META] = bad[i];
        repair_hash(&file);
        mo_artifact *a = NULL;
        mote_error err;
        mo_error_clear(&err);
        expect(!mo_artifact_open_bytes(file.at, file.len, &a, &err) && err.status == MOTE_REFUSED);
        expect(strstr(err.message, "artifact is damaged: section "));
    }
    mo_buffer_free(&file);
}

TEST(altered_contents_are_refused_when_asked)
{
    mo_buffer file = example_bytes();
    size_t last = header_of(&file)->sections[MO_SECTION_IMAGE].at + 17;
    file.at[last] ^= 1;
    save(&file, 0600);
    mo_artifact *a = NULL;
    mote_error err;
    mo_error_clear(&err);
    require(mo_artifact_open(path, NULL, &a, &err));
    expect(!mo_artifact_verify(a, &err) && err.status == MOTE_REFUSED);
    mo_artifact_unref(a);
    mo_error_clear(&err);
    expect(!mo_artifact_open(path, &(mo_open_options){.verify_contents = true}, &a, &err) && err.status == MOTE_REFUSED);
    expect(strncmp(err.message, "artifact is damaged: contents hash ", 35) == 0);
    unlink(path);
    mo_buffer_free(&file);
}

/* --- hostile metadata -------------------------------------------------- */

static bool open_quietly(const mo_buffer *file)
{
    mo_artifact *a = NULL;
    mote_error err;
    mo_error_clear(&err);
    bool ok = mo_artifact_open_bytes(file->at, file->len, &a, &err);
    if (ok) read_everything(a);
    else expect(err.status == MOTE_REFUSED && err.message[0]);
    mo_artifact_unref(a);
    return ok;
}

TEST(altered_metadata_is_refused_or_harmless)
{
    mo_buffer file = example_bytes();
    const mo_file_section meta = header_of(&file)->sections[MO_SECTION_META];
    unsigned refused = 0;
    for (size_t i = 0; i + 4 <= meta.len; i += 4) {
        uint32_t old = mo_get32(file.at + meta.at + i);
        const uint32_t values[] = {0, 1, 2, old + 1, old - 1, old ^ 0x80000000u, old + 8, 0x7fffffff, 0xffffffff, old * 2, old << 16};
        for (size_t k = 0; k < MO_COUNT(values); k++) {
            memcpy(file.at + meta.at + i, &values[k], 4);
            refused += !open_quietly(&file);
        }
        memcpy(file.at + meta.at + i, &old, 4);
    }
    expect(refused > meta.len / 4);
    expect(open_quietly(&file));
    mo_buffer_free(&file);
}

static void meta_refuses(void (*damage)(uint8_t *file, mo_meta *meta), const char *message)
{
    mo_buffer file = example_bytes();
    damage(file.at, (mo_meta *)(void *)(file.at + header_of(&file)->sections[MO_SECTION_META].at));
    refuses_bytes(&file, message);
    mo_buffer_free(&file);
}
#define ITEM(meta, name, type, i) ((type *)(void *)((uint8_t *)(meta) + (meta)->name.at) + (i))

static void code_outside(uint8_t *file, mo_meta *m)
{
    ITEM(m, funcs, mo_meta_func, 2)->code_at = (uint32_t)((mo_file_header *)(void *)file)->sections[MO_SECTION_TEXT].len;
}
static void count_too_high(uint8_t *file, mo_meta *m) { (void)file; m->nglobals++; }
static void list_outside(uint8_t *file, mo_meta *m) { (void)file; m->exports.at = 0xfffffff8; }
static void list_unaligned(uint8_t *file, mo_meta *m) { (void)file; m->memories.at += 4; }
static void i64_as_reference(uint8_t *file, mo_meta *m)
{
    (void)file;
    ITEM(m, globals, mo_meta_global, 2)->type = MO_FUNCREF;
    mo_meta_const *init = (mo_meta_const *)(void *)((uint8_t *)m + ITEM(m, globals, mo_meta_global, 2)->init.at);
    init->op = MO_CODE_i64_const;
}
static void start_with_parameters(uint8_t *file, mo_meta *m) { (void)file; m->start = 1; }
static void small_context(uint8_t *file, mo_meta *m) { (void)file; m->layout.size -= 64; }
static void parts_overlap(uint8_t *file, mo_meta *m) { (void)file; m->layout.globals_at = m->layout.tables_at; }
static void image_outside(uint8_t *file, mo_meta *m) { (void)file; ITEM(m, images, mo_meta_image, 0)->memory_at = 2 * 65536; }
static void huge_memory(uint8_t *file, mo_meta *m) { (void)file; ITEM(m, memories, mo_meta_memory, 0)->min = 65537; }
static void jumps_outside(uint8_t *file, mo_meta *m) { (void)file; m->jumps = (mo_list){m->imports.at, 1}; }
static void unsorted(uint8_t *file, mo_meta *m) { (void)file; *ITEM(m, exports_sorted, uint32_t, 0) = *ITEM(m, exports_sorted, uint32_t, 1); }
static void own_supertype(uint8_t *file, mo_meta *m) { (void)file; ITEM(m, types, mo_meta_type, 4)->super = 4; }
static void wild_reference(uint8_t *file, mo_meta *m)
{
    (void)file;
    *(uint32_t *)(void *)((uint8_t *)m + ITEM(m, elems, mo_meta_elem, 0)->funcs.at) = 4;
}

TEST(metadata_that_lies_is_refused_by_name)
{
#define IS "artifact is damaged: metadata: "
    meta_refuses(code_outside, IS "function 2");
    meta_refuses(count_too_high, IS "list of globals 4");
    meta_refuses(list_outside, IS "list of exports 5");
    meta_refuses(list_unaligned, IS "list of memories 1");
    meta_refuses(i64_as_reference, IS "global 2");
    meta_refuses(start_with_parameters, IS "start function 1");
    meta_refuses(parts_overlap, IS "layout of size 448");
    meta_refuses(image_outside, IS "image 0");
    meta_refuses(huge_memory, IS "memory 0");
    meta_refuses(jumps_outside, IS "jump table 0");
    meta_refuses(unsorted, IS "sorted export 1");
    meta_refuses(own_supertype, IS "type 4");
    meta_refuses(wild_reference, IS "element segment 0");
    meta_refuses(small_context, IS "layout of size 384");
}

/* Lists that share their bytes would make the check take as long as their product. */
TEST(metadata_that_counts_bytes_twice_is_refused)
{
    mo_buffer file = example_bytes();
    mo_meta *m = (mo_meta *)(void *)(file.at + header_of(&file)->sections[MO_SECTION_META].at);
    mo_meta_data *d = ITEM(m, datas, mo_meta_data, 1);
    d->bytes = (mo_list){0, (uint32_t)(header_of(&file)->sections[MO_SECTION_META].len)};
    refuses_bytes(&file, IS "data segment 1");
    mo_buffer_free(&file);
}

TEST(opening_survives_each_failed_allocation)
{
    mo_buffer file = example_bytes();
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0;; n++) {
        mo_artifact *a = NULL;
        mote_error err;
        mo_error_clear(&err);
        mo_alloc_fail_at(n);
        bool ok = mo_artifact_open_bytes(file.at, file.len, &a, &err);
        mo_alloc_fail_at(UINT64_MAX);
        mo_artifact_unref(a);
        expect_u64(mo_alloc_live(), live);
        if (ok) {
            expect(n > 0);
            break;
        }
        if (!expect(err.status == MOTE_NOMEM)) break;
    }
    mo_buffer_free(&file);
}

TEST(writing_survives_each_failed_allocation)
{
    mo_module *m = example_module();
    mo_object object = example_object();
    mo_linked l;
    mote_error err;
    require(m && link_one(object, 4, &l, &err));
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0;; n++) {
        mo_buffer file = {0};
        mo_error_clear(&err);
        mo_alloc_fail_at(n);
        bool ok = mo_artifact_write(m, &l, &example_info, &file, &err);
        mo_alloc_fail_at(UINT64_MAX);
        mo_buffer_free(&file);
        if (ok) {
            expect(n > 10);
            break;
        }
        if (!expect(err.status == MOTE_NOMEM && mo_alloc_live() == live)) break;
    }
    mo_linked_free(&l);
    mo_free(object.bytes);
    mo_module_unref(m);
}

/* --- threads ----------------------------------------------------------- */

static atomic_bool stop;

static void *open_and_close(void *arg)
{
    const mo_buffer *file = arg;
    for (int i = 0; i < 300; i++) {
        mo_artifact *a = NULL;
        if (!mo_artifact_open_bytes(file->at, file->len, &a, NULL)) return "not opened";
        if (mo_artifact_find(a->text + 5) != a) return "not found";
        mo_artifact_unref(a);
    }
    return NULL;
}

static void *keep_finding(void *arg)
{
    const mo_artifact *a = arg;
    while (!atomic_load(&stop))
        if (mo_artifact_find(a->text + 7) != a) return "lost";
    return NULL;
}

TEST(code_is_found_while_others_come_and_go)
{
    mo_buffer file = example_bytes();
    mo_artifact *a = open_bytes(&file);
    require(a);
    pthread_t finder, openers[3];
    void *why;
    pthread_create(&finder, NULL, keep_finding, a);
    for (int i = 0; i < 3; i++) pthread_create(&openers[i], NULL, open_and_close, &file);
    for (int i = 0; i < 3; i++) {
        pthread_join(openers[i], &why);
        expect(!why);
    }
    atomic_store(&stop, true);
    pthread_join(finder, &why);
    expect(!why);
    mo_artifact_unref(a);
    mo_buffer_free(&file);
}
