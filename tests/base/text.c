/* Claims about errors, names, UTF-8 and hashes. */
#include "base/base.h"
#include "base/test.h"

TEST(the_first_error_wins)
{
    mote_error err;
    mo_error_clear(&err);
    expect(!mo_fail(&err, MOTE_INVALID, 7, "want %d", 1));
    expect(!mo_fail(&err, MOTE_LIMIT, 8, "later"));
    expect(err.status == MOTE_INVALID && err.offset == 7 && err.function == MOTE_NOWHERE);
    expect_text(err.message, "want 1");
    expect(!mo_fail(NULL, MOTE_IO, 0, "nobody listens"));
}

TEST(a_long_message_is_cut_between_characters)
{
    char text[400];
    for (size_t i = 0; i + 1 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa9", 2);
    text[398] = 0;
    for (int shift = 0; shift < 2; shift++) {
        mote_error err;
        mo_error_clear(&err);
        mo_fail(&err, MOTE_INVALID, 0, "%s%s", shift ? "x" : "", text);
        expect(strlen(err.message) >= MOTE_ERROR_TEXT - 3);
        expect(mo_utf8_ok(err.message, strlen(err.message)));
    }
}

TEST(every_status_has_a_name)
{
    for (int s = MOTE_OK; s <= MOTE_EXIT; s++) expect(strcmp(mote_status_name((mote_status)s), "unknown") != 0);
    expect_text(mote_status_name((mote_status)99), "unknown");
    expect_text(mote_status_name(MOTE_MALFORMED), "malformed");
    expect_text(mote_version(), "0.1.0");
}

static bool ok(const char *text) { return mo_utf8_ok(text, strlen(text)); }

TEST(utf8_is_what_unicode_says)
{
    expect(ok("") && ok("plain") && ok("\xc2\x80") && ok("\xdf\xbf") && ok("\xe0\xa0\x80") && ok("\xef\xbf\xbf"));
    expect(ok("\xf0\x90\x80\x80") && ok("\xf4\x8f\xbf\xbf") && ok("long enough for eight \xe2\x82\xac bytes"));
    expect(!ok("\x80") && !ok("\xc0\x80") && !ok("\xc1\xbf") && !ok("\xe0\x9f\xbf") && !ok("\xed\xa0\x80"));
    expect(!ok("\xf0\x8f\xbf\xbf") && !ok("\xf4\x90\x80\x80") && !ok("\xf5\x80\x80\x80") && !ok("\xff"));
    expect(!ok("eight or more bytes \xe2\x82") && !ok("\xc3") && !ok("\xe2(\xa1"));
    expect(mo_utf8_ok("a\0b", 3));
}

TEST(hashes_differ)
{
    uint8_t bytes[64] = {0};
    uint64_t seen[64];
    for (size_t len = 0; len < 64; len++) {
        seen[len] = mo_hash64(bytes, len, 1);
        for (size_t i = 0; i < len; i++) expect(seen[i] != seen[len]);
    }
    expect(mo_hash64("abc", 3, 1) != mo_hash64("abc", 3, 2));
    expect(mo_hash64("abc", 3, 1) == mo_hash64("abcd", 3, 1));
    for (size_t bit = 0; bit < 512; bit++) {
        uint64_t plain = mo_hash64(bytes, 64, 0);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        expect(mo_hash64(bytes, 64, 0) != plain);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST(a_buffer_grows_and_remembers_failure)
{
    mo_buffer b = {0};
    mo_buffer_put(&b, "abc", 3);
    mo_buffer_align(&b, 8);
    mo_buffer_put(&b, "d", 1);
    require(b.len == 9 && !b.failed);
    expect(memcmp(b.at, "abc\0\0\0\0\0d", 9) == 0);
    mo_alloc_fail_at(0);
    mo_buffer_zeros(&b, 100000);
    expect(b.failed);
    mo_buffer_put(&b, "e", 1);
    expect_u64(b.len, 9);
    mo_buffer_free(&b);
}
