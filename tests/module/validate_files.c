/* validate_files.c - paths in, one a line; out, for each, what load says of it:
 *   <status> TAB <offset> TAB <function> TAB <message>
 * The argument says which features are on: "all" or "default", then ",-name"
 * for each that is not. Drives spec_validity.py. */
#include "module/module.h"

#include <stdio.h>

static void tell(const char *path, mo_features features)
{
    uint8_t *bytes;
    size_t len;
    mote_error err;
    mo_module *m = NULL;
    mo_error_clear(&err);
    if (mo_file_read(path, (size_t)1 << 30, &bytes, &len, &err)) {
        mo_module_load(bytes, len, features, NULL, &m, &err);
        mo_free(bytes);
    }
    printf("%s\t%" PRId64 "\t%" PRId64 "\t%s\n", mote_status_name(err.status), (int64_t)err.offset, (int64_t)err.function,
           err.message);
    mo_module_unref(m);
}

static mo_features read_features(char *text)
{
    char *word = strtok(text, ",");
    mo_features set = word && strcmp(word, "all") == 0 ? mo_features_all() : mo_features_default();
    while ((word = strtok(NULL, ","))) set &= ~((mo_features)1 << mo_feature_find(word + (*word == '-')));
    return set;
}

int main(int argc, char **argv)
{
    char path[4096];
    mo_features features = argc > 1 ? read_features(argv[1]) : mo_features_default();
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = 0;
        tell(path, features);
    }
    return mo_alloc_live() == 0 ? 0 : 1;
}
