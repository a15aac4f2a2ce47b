/* memory.c - what idle modules and live instances cost, from smaps.
 *   memory modules N FILE                 opens the artifact N times and lets them lie
 *   memory live N FILE FUNCTION PAGES     N instances of it that have written so many pages
 * Prints "case KiB-private-each KiB-page-tables-each". */
#include <mote/mote.h>

#include <stdlib.h>
#include <string.h>

#include "../bench.h"

static mote_error err;

static void ok(mote_status status)
{
    if (status)
        die("%s", err.message);
}

typedef struct figures { double private_kib, tables_kib; } figures;

static double field(const char *file, const char *name)
{
    char line[256];
    double sum = 0;
    FILE *f = fopen(file, "r");
    if (!f)
        die("%s: cannot be read", file);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            sum += atof(line + strlen(name));
    fclose(f);
    return sum;
}

static figures measure(void)
{
    return (figures){
        field("/proc/self/smaps_rollup", "Private_Dirty:") + field("/proc/self/smaps_rollup", "Swap:"),
        field("/proc/self/status", "VmPTE:"),
    };
}

static void print(const char *name, figures before, int n)
{
    figures now = measure();
    printf("%s %.3f %.3f\n", name, (now.private_kib - before.private_kib) / n, (now.tables_kib - before.tables_kib) / n);
}

static void load(int n, char **files)
{
    mote_engine *engine;
    mote_artifact *artifact;
    ok(mote_engine_new(&engine, &err));
    figures before = measure();
    for (int i = 0; i < n; i++)
        ok(mote_artifact_open(files[0], NULL, &artifact, &err)); /* kept until the process ends */
    print("modules", before, n);
}

static void live(int n, char **args)
{
    mote_engine *engine;
    mote_artifact *artifact;
    mote_linker *linker;
    mote_pool *pool;
    mote_program *program;
    mote_pool_limits limits = mote_pool_limits_default();
    limits.instances = (uint32_t)n + 1;
    ok(mote_engine_new(&engine, &err));
    ok(mote_artifact_open(args[0], NULL, &artifact, &err));
    ok(mote_linker_new(engine, &linker, &err));
    ok(mote_pool_new(engine, &limits, &pool, &err));
    ok(mote_program_new(pool, artifact, linker, &program, &err));
    figures before = measure();
    for (int i = 0; i < n; i++) {
        mote_instance *instance;
        mote_raw values[2] = {{.i32 = atoi(args[2])}, {.i32 = 0}};
        ok(mote_pool_acquire(program, &instance, &err));
        ok(mote_func_call_raw(mote_instance_func(instance, args[1]), values, &err));
    }
    print("live", before, n);
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "modules") == 0)
        load(atoi(argv[2]), argv + 3);
    else if (argc > 5 && strcmp(argv[1], "live") == 0)
        live(atoi(argv[2]), argv + 3);
    else
        die("memory: want modules N FILE, or live N FILE FUNCTION PAGES");
    return 0;
}
