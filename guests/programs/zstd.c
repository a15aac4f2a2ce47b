/* zstd.c - compresses 4 MiB at level 5, n times, each time a little different.
 * n: 22 full, 2 quick */
#include "program.h"
#include "zstd.h"
#include <stdlib.h>

enum { NBYTES = 4 << 20, LEVEL = 5 };

int64_t run(int32_t n)
{
    size_t room = ZSTD_compressBound(NBYTES);
    uint8_t *bytes = malloc(NBYTES), *packed = malloc(room);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    require(bytes != NULL && packed != NULL && context != NULL);
    make_sample(bytes, NBYTES);
    for (int32_t unit = 0; unit < n; unit++) {
        size_t npacked = ZSTD_compressCCtx(context, packed, room, bytes, NBYTES, LEVEL);
        require(!ZSTD_isError(npacked));
        output_bytes(packed + npacked / 2, 1024);
        output_bytes(&(uint32_t){ (uint32_t)npacked }, 4);
        for (size_t i = (size_t)unit; i < NBYTES; i += 4096)
            bytes[i] ^= 1;
    }
    ZSTD_freeCCtx(context);
    return output_digest();
}
