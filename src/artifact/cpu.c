/* cpu.c - processors and their features by name. */
#include "artifact/artifact.h"

const char *mo_cpu_feature_name(uint32_t feature)
{
    static const char *const names[] = {
#define X(name, text) text,
        MO_CPU_FEATURES(X)
#undef X
    };
    return feature < MO_COUNT(names) ? names[feature] : NULL;
}

const char *mo_cpu_text(uint64_t features, char *buf, size_t size)
{
    size_t len = 0;
    if (size) buf[0] = 0;
    for (uint32_t i = 0; i < 64; i++) {
        if (!(features >> i & 1)) continue;
        const char *name = mo_cpu_feature_name(i), *comma = len ? ", " : "";
        if (!name) name = "unknown";
        size_t more = strlen(comma) + strlen(name);
        if (more >= size - len) break;
        memcpy(buf + len, comma, strlen(comma));
        memcpy(buf + len + strlen(comma), name, strlen(name) + 1);
        len += more;
    }
    return buf;
}

const char *mo_arch_name(uint32_t arch)
{
    switch (arch) {
    case MO_ARCH_X86_64: return "x86-64";
    case MO_ARCH_AARCH64: return "aarch64";
    default: return NULL;
    }
}
