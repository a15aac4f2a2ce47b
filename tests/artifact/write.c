/* Claims about the memory image: which segments are in it, and what it holds. */
#include "artifact/make.h"

static mo_artifact *written(mo_buffer *w)
{
    mo_buffer file = write_module(load_wasm(w));
    mo_artifact *a = file.at ? open_bytes(&file) : NULL;
    mo_buffer_free(&file);
    return a;
}

static mo_buffer begin(const uint8_t *memories, size_t len)
{
    mo_buffer w = {0};
    wasm_begin(&w);
    wasm_section(&w, 5, memories, len);
    return w;
}

/* What memory has at `at` before the segments that are not in the image are copied. */
static uint8_t initial(const mo_artifact *a, uint32_t memory, uint64_t at)
{
    for (uint32_t i = 0; i < a->meta->images.n; i++) {
        const mo_meta_image *r = &mo_meta_images(a)[i];
        if (r->memory == memory && at >= r->memory_at && at - r->memory_at < r->len) return a->image[r->at + (at - r->memory_at)];
    }
    return 0;
}

static void expect_folded(const mo_artifact *a, const char *want)
{
    char have[64] = {0};
    for (uint32_t i = 0; i < a->meta->ndatas && i < sizeof have - 1; i++) have[i] = mo_meta_datas(a)[i].in_image ? '1' : '0';
    expect_text(have, want);
}

TEST(later_segments_win_and_cross_pages)
{
    mo_buffer w = begin(BYTES(1, 0, 1));
    SECTION(&w, 11, 3, 0, 0x41, 0xfe, 0x1f, 0x0b, 4, 1, 2, 3, 4, /* 4094 */
            0, 0x41, 0xff, 0x1f, 0x0b, 2, 9, 8,                  /* 4095 */
            0, 0x41, 0xff, 0xff, 3, 0x0b, 1, 7);                 /* 65535 */
    mo_artifact *a = written(&w);
    require(a);
    expect_folded(a, "111");
    expect(initial(a, 0, 4094) == 1 && initial(a, 0, 4095) == 9 && initial(a, 0, 4096) == 8 && initial(a, 0, 4097) == 4);
    expect(initial(a, 0, 65535) == 7);
    expect_u64(a->meta->images.n, 1); /* fifteen pages of zeros are not worth a mapping */
    expect_u64(mo_meta_images(a)[0].len, 65536);
    mo_artifact_unref(a);
}

TEST(far_apart_segments_make_several_runs)
{
    mo_buffer w = begin(BYTES(1, 0, 100));
    SECTION(&w, 11, 3, 0, 0x41, 0x80, 0x80, 0xc0, 0, 0x0b, 1, 5, /* 1 MiB */
            0, 0x41, 0, 0x0b, 1, 6,
            0, 0x41, 0x80, 0x80, 0x80, 1, 0x0b, 2, 0, 0);        /* zeros */
    mo_artifact *a = written(&w);
    require(a);
    expect_folded(a, "111");
    expect_u64(a->meta->images.n, 2);
    expect(initial(a, 0, 0) == 6 && initial(a, 0, 1 << 20) == 5);
    expect_u64(a->header->sections[MO_SECTION_IMAGE].len, 8192);
    mo_artifact_unref(a);
}

TEST(nothing_behind_a_segment_that_may_trap_is_in_the_image)
{
    mo_buffer w = begin(BYTES(2, 0, 1, 0, 1));
    SECTION(&w, 11, 4, 0, 0x41, 0, 0x0b, 1, 1,
            2, 1, 0x41, 1, 0x0b, 1, 2,
            0, 0x41, 0x80, 0x80, 4, 0x0b, 1, 3, /* one byte too far */
            0, 0x41, 2, 0x0b, 1, 4);
    mo_artifact *a = written(&w);
    require(a);
    expect_folded(a, "1100");
    expect(initial(a, 0, 0) == 1 && initial(a, 1, 1) == 2 && initial(a, 0, 2) == 0);
    expect_u64(mo_meta_datas(a)[3].bytes.n, 1);
    mo_artifact_unref(a);
}

TEST(an_offset_that_is_known_later_ends_the_image)
{
    mo_buffer w = {0};
    wasm_begin(&w);
    SECTION(&w, 2, 1, 1, 'e', 1, 'g', 3, 0x7f, 0);
    SECTION(&w, 5, 1, 0, 1);
    SECTION(&w, 11, 3, 0, 0x41, 0, 0x0b, 1, 1, 0, 0x23, 0, 0x0b, 1, 2, 0, 0x41, 2, 0x0b, 1, 4);
    mo_artifact *a = written(&w);
    require(a);
    expect_folded(a, "100");
    mo_artifact_unref(a);
}

TEST(an_empty_segment_may_stand_at_the_very_end)
{
    mo_buffer w = begin(BYTES(1, 0, 1));
    SECTION(&w, 11, 2, 0, 0x41, 0x80, 0x80, 4, 0x0b, 0, 0, 0x41, 0, 0x0b, 1, 1);
    mo_artifact *a = written(&w);
    require(a);
    expect_folded(a, "11");
    mo_artifact_unref(a);
}

TEST(memories_with_checks_have_no_image)
{
    mo_buffer w = begin(BYTES(3, 4, 1, 8, 2, 0, 0, 1)); /* 64-bit; pages of one byte; ordinary */
    SECTION(&w, 11, 3, 0, 0x42, 0, 0x0b, 1, 1, 2, 1, 0x41, 0, 0x0b, 1, 2, 2, 2, 0x41, 0, 0x0b, 1, 3);
    mo_artifact *a = written(&w);
    require(a);
    expect_folded(a, "001");
    expect(initial(a, 2, 0) == 3);
    mo_artifact_unref(a);
}

TEST(imported_memories_have_no_image)
{
    mo_buffer w = {0};
    wasm_begin(&w);
    SECTION(&w, 2, 1, 1, 'e', 1, 'm', 2, 0, 1);
    SECTION(&w, 5, 1, 0, 1);
    SECTION(&w, 11, 3, 0, 0x41, 0, 0x0b, 1, 1, 2, 1, 0x41, 0, 0x0b, 1, 2, 1, 1, 9);
    mo_artifact *a = written(&w);
    require(a);
    expect_folded(a, "010");
    mo_artifact_unref(a);
}

/* n segments of one byte, each `step` bytes behind the one before. */
static mo_artifact *scattered(uint32_t n, uint32_t step)
{
    mo_buffer w = begin(BYTES(1, 0, 0x80, 0x80, 4)), datas = {0};
    wasm_leb(&datas, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i * step;
        const uint8_t head[] = {0, 0x41, (uint8_t)(at & 0x7f) | 0x80, (uint8_t)(at >> 7 & 0x7f) | 0x80, (uint8_t)(at >> 14 & 0x7f) | 0x80,
                                (uint8_t)(at >> 21 & 0x7f) | 0x80, (uint8_t)(at >> 28 & 0x0f), 0x0b, 1, 7};
        mo_buffer_put(&datas, head, sizeof head);
    }
    wasm_section(&w, 11, datas.at, datas.len);
    mo_buffer_free(&datas);
    return written(&w);
}

TEST(an_image_stays_near_the_size_of_its_data)
{
    mo_artifact *a = scattered(200, 8192); /* joined, it would be 1.6 MB: too much */
    require(a);
    expect_u64(a->meta->images.n, 200);
    expect_u64(a->header->sections[MO_SECTION_IMAGE].len, 200 * 4096);
    mo_artifact_unref(a);
    a = scattered(2000, 65536 * 4); /* pages touched: 8 MB for 2 KB */
    require(a);
    expect_u64(a->meta->images.n, 0);
    expect(!mo_meta_datas(a)[0].in_image && mo_meta_datas(a)[1999].bytes.n == 1);
    mo_artifact_unref(a);
}

TEST(constants_of_the_garbage_collector_are_refused_by_name)
{
    mo_buffer w = {0}, file = {0};
    wasm_begin(&w);
    SECTION(&w, 6, 1, 0x64, 0x6c, 0, 0x41, 7, 0xfb, 0x1c, 0x0b); /* (ref i31) */
    mo_module *m = load_wasm(&w);
    require(m);
    mo_linked l;
    mote_error err;
    mo_error_clear(&err);
    require(mo_link(&(mo_code){NULL, 0}, 0, &l, &err));
    expect(!mo_artifact_write(m, &l, &example_info, &file, &err));
    expect_u64(err.status, MOTE_UNSUPPORTED);
    expect_text(err.message, "ref.i31 in a constant expression: not supported yet: gc");
    mo_linked_free(&l);
    mo_module_unref(m);
}

TEST(functions_that_can_be_reached_need_code)
{
    mo_module *m = example_module();
    mo_buffer file = {0};
    mo_linked l;
    mote_error err;
    mo_error_clear(&err);
    require(m && mo_link(&(mo_code){NULL, 0}, 4, &l, &err));
    expect(!mo_artifact_write(m, &l, &example_info, &file, &err));
    expect_text(err.message, "start function 3 has no code");
    l.code_at[3] = 0;
    mo_error_clear(&err);
    expect(!mo_artifact_write(m, &l, &example_info, &file, &err));
    expect_text(err.message, "function 1 can be reached from outside and has no code");
    mo_linked_free(&l);
    mo_module_unref(m);
}
