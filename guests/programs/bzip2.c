/* bzip2.c - compresses 512 KiB in blocks of 900 kB and unpacks them again, n times.
 * n: 20 full, 2 quick */
#include "program.h"
#include "bzlib.h"
#include <stdlib.h>
#include <string.h>

enum { NBYTES = 512 << 10, BLOCK_100KB = 9 };

void bz_internal_error(int code)               /* the library is built with BZ_NO_STDIO */
{
    (void)code;
    require(0);
}

int64_t run(int32_t n)
{
    unsigned room = NBYTES + NBYTES / 100 + 600;
    char *bytes = malloc(NBYTES), *packed = malloc(room), *unpacked = malloc(NBYTES);
    require(bytes != NULL && packed != NULL && unpacked != NULL);
    make_sample((uint8_t *)bytes, NBYTES);
    for (int32_t unit = 0; unit < n; unit++) {
        unsigned npacked = room, nunpacked = NBYTES;
        require(BZ2_bzBuffToBuffCompress(packed, &npacked, bytes, NBYTES, BLOCK_100KB, 0, 0) == BZ_OK);
        require(BZ2_bzBuffToBuffDecompress(unpacked, &nunpacked, packed, npacked, 0, 0) == BZ_OK);
        require(nunpacked == NBYTES && memcmp(bytes, unpacked, NBYTES) == 0);
        output_bytes(packed, npacked);
        for (size_t i = (size_t)unit; i < NBYTES; i += 4096)
            bytes[i] ^= 1;
    }
    return output_digest();
}
