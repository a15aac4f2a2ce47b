/* Claims about the digest: another implementation's results, whatever the pieces. */
#include "base/base.h"
#include "base/test.h"

static void to_hex(const uint8_t *bytes, char text[2 * MO_DIGEST + 1])
{
    for (size_t i = 0; i < MO_DIGEST; i++) sprintf(text + 2 * i, "%02x", bytes[i]);
}

static void gives(const void *bytes, size_t len, size_t piece, const char *want)
{
    char text[2 * MO_DIGEST + 1];
    uint8_t digest[MO_DIGEST];
    mo_digest d;
    mo_digest_begin(&d);
    for (size_t at = 0; at < len; at += piece) mo_digest_add(&d, (const uint8_t *)bytes + at, len - at < piece ? len - at : piece);
    mo_digest_end(&d, digest);
    to_hex(digest, text);
    expect_text(text, want);
}

TEST(the_digest_is_blake2b)
{
    static const struct { size_t len; const char *want; } rows[] = { /* bytes 7 i + len */
        {0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
        {1, "ee155ace9c40292074cb6aff8c9ccdd273c81648ff1149ef36bcea6ebb8a3e25"},
        {127, "f609ab2904b340cd075920018e0e3c6f6a90a3dae3edf03d3cccc0634a81ffe3"},
        {128, "0702c64922fb7635a1b799668a7e89ba9c5fe55ed7bd2fdecb001544073afad9"},
        {129, "490091b32bad7b3380c9e593d341bce9b73ff9d4ebcf0091ff932bdff7279897"},
        {255, "b579b3e762db9a4a9def50ea22419ca669a4875f015a167f52baa86547df7554"},
        {256, "3d0cb2693dfbac42af5a6cc960953fea8714aa39c4bcd054ef61d6b5e98ade4a"},
        {257, "080f7f2ee61cc8ffcf2ad907f7a9824a8445c5e4b194a0106c65f9b9c1ea6787"},
        {1000, "a2ae1ecc90361e0bb07dab9789a4b0a724ee3cf05623ac6cefa1e6af3da4aae8"},
    };
    gives("abc", 3, 3, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"); /* RFC 7693's input */
    for (size_t r = 0; r < MO_COUNT(rows); r++) {
        uint8_t bytes[1000];
        for (size_t i = 0; i < rows[r].len; i++) bytes[i] = (uint8_t)(7 * i + rows[r].len);
        for (size_t piece = 1; piece <= 300; piece += piece < 5 ? 1 : 41) gives(bytes, rows[r].len, piece, rows[r].want);
        gives(bytes, rows[r].len, 1000, rows[r].want);
    }
}
