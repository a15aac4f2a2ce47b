/* cache_name.c - what an entry was made from, as a name. Everything that changes the code
 * goes in: the compiler's sources, its flags, the engine's ABI, this processor. */
#include "artifact/cache.h"
#include "compiler_id.h"

#include <time.h>

#define NS_PER_S INT64_C(1000000000)

int64_t mo_cache_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool before(const struct timespec *t, int64_t ns)
{
    return t->tv_sec < ns / NS_PER_S || (t->tv_sec == ns / NS_PER_S && t->tv_nsec < ns % NS_PER_S);
}

bool mo_cache_settled(const struct stat *st, int64_t now_ns)
{
    int64_t limit = now_ns - MO_CACHE_SETTLED_NS;
    return before(&st->st_mtim, limit) && before(&st->st_ctim, limit);
}

/* What tells one state of a file from another. */
typedef struct facts {
    uint64_t device, inode, size, modified_s, modified_ns, changed_s, changed_ns;
} facts;

static facts facts_of(const struct stat *st)
{
    return (facts){
        st->st_dev, st->st_ino, (uint64_t)st->st_size,
        (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
        (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec,
    };
}

bool mo_cache_same_file(const struct stat *a, const struct stat *b)
{
    facts x = facts_of(a), y = facts_of(b);
    return memcmp(&x, &y, sizeof x) == 0;
}

static void add_text(mo_digest *d, const char *text)
{
    mo_digest_add(d, text, strlen(text) + 1);
}

static void begin(mo_digest *d, const mote_cache *cache, mo_cache_flags flags, const char *kind)
{
    const uint64_t numbers[] = {MO_FILE_FORMAT, MO_ARCH_HERE, mo_abi_hash(), mo_cpu_here(), flags.n};
    mo_digest_begin(d);
    add_text(d, kind);
    add_text(d, MO_COMPILER_ID);
    add_text(d, cache->compiler ? cache->compiler : "");
    mo_digest_add(d, numbers, sizeof numbers);
    for (size_t i = 0; i < flags.n; i++) add_text(d, flags.at[i]);
}

static mo_cache_name end(mo_digest *d, const char *ending)
{
    static const char digits[] = "0123456789abcdef";
    mo_cache_name name;
    uint8_t digest[MO_DIGEST];
    mo_digest_end(d, digest);
    for (size_t i = 0; i < MO_DIGEST; i++) {
        name.text[2 * i] = digits[digest[i] >> 4];
        name.text[2 * i + 1] = digits[digest[i] & 15];
    }
    strcpy(name.text + 2 * MO_DIGEST, ending);
    return name;
}

mo_cache_name mo_cache_front_name(const mote_cache *cache, mo_cache_flags flags, const struct stat *st)
{
    mo_digest d;
    facts f = facts_of(st);
    begin(&d, cache, flags, "file");
    mo_digest_add(&d, &f, sizeof f);
    return end(&d, ".file");
}

mo_cache_name mo_cache_entry_name(const mote_cache *cache, mo_cache_flags flags, const void *bytes, size_t len)
{
    mo_digest d;
    begin(&d, cache, flags, "module");
    mo_digest_add(&d, bytes, len);
    return end(&d, ".mote");
}
