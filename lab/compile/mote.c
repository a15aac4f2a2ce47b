/* mote.c - decoding and validating by mote: mote MODULE SECONDS. */
#include <mote/mote.h>

#include "rounds.h"

static mote_engine *engine;

static void validate(const uint8_t *bytes, size_t len)
{
    mote_error err = {0};
    mote_module *module;
    if (mote_module_load(engine, bytes, len, &module, &err) != MOTE_OK)
        die("%s", err.message);
    mote_module_unref(module);
}

int main(int argc, char **argv)
{
    mote_error err = {0};
    size_t len;
    if (argc != 3)
        die("mote MODULE SECONDS");
    if (mote_engine_new(&engine, &err) != MOTE_OK)
        die("%s", err.message);
    uint8_t *bytes = read_file(argv[1], &len);
    rounds(bytes, len, atof(argv[2]));
    free(bytes);
    mote_engine_unref(engine);
    return 0;
}
