/* features.c - features.def and MO_LIMITS as data. */
#include "module/module.h"

static const struct {
    const char *text;
    bool on;
} features[] = {
#define FEATURE(name, text, on) {text, on},
#include "module/features.def"
#undef FEATURE
};

mo_features mo_features_default(void)
{
    mo_features set = 0;
    for (size_t f = 0; f < MO_FEATURES; f++)
        if (features[f].on) set |= (mo_features)1 << f;
    return set;
}

mo_features mo_features_all(void)
{
    return ((mo_features)1 << MO_FEATURES) - 1;
}

const char *mo_feature_name(mo_feature f)
{
    return f < MO_FEATURES ? features[f].text : "mvp";
}

mo_feature mo_feature_find(const char *name)
{
    size_t f = 0;
    while (f < MO_FEATURES && strcmp(features[f].text, name) != 0) f++;
    return (mo_feature)f;
}

const mo_limits mo_limits_default = {
#define X(name, text, value) .name = (value),
    MO_LIMITS(X)
#undef X
};
