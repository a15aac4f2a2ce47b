/* metrics.c - sums -> lines. Names that an operator chose are labels, escaped; how many there are
 * is bounded by shared.h, the rest is told as function="(other)". */
#include "serve/record/metrics.h"

#include <stdio.h>

typedef struct page {
    mo_buffer *to;
    mo_totals *rows;
    size_t nrows, cap;
    bool failed;
} page;

static void collect(void *data, const mo_totals *t)
{
    page *p = data;
    if (p->failed || !mo_grow(&p->rows, &p->cap, p->nrows + 1, sizeof *p->rows)) {
        p->failed = true;
        return;
    }
    p->rows[p->nrows++] = *t;
}

/* --- text -------------------------------------------------------------------------- */

static void put(mo_buffer *to, const char *text) { mo_buffer_put(to, text, strlen(text)); }

static void put_label(mo_buffer *to, const char *value)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            mo_buffer_put(to, "\\", 1);
        if (*value == '\n')
            put(to, "\\n");
        else
            mo_buffer_put(to, value, 1);
    }
}

static void begin_sample(mo_buffer *to, const char *name, const char *suffix, const mo_totals *t)
{
    const char *rest = t->kind == MO_TOTALS_NONE ? "(none)" : "(other)";
    put(to, name);
    put(to, suffix);
    put(to, "{tenant=\"");
    put_label(to, t->tenant ? t->tenant : rest);
    put(to, "\",function=\"");
    put_label(to, t->function ? t->function : rest);
}

/* label: a further one, or NULL. */
static void put_sample(mo_buffer *to, const char *name, const mo_totals *t, const char *label, const char *value, uint64_t n)
{
    char number[32];
    begin_sample(to, name, "", t);
    if (label) {
        put(to, "\",");
        put(to, label);
        put(to, "=\"");
        put(to, value);
    }
    snprintf(number, sizeof number, "\"} %" PRIu64 "\n", n);
    put(to, number);
}

static void put_seconds(mo_buffer *to, uint64_t ns)
{
    char number[48];
    size_t n = (size_t)snprintf(number, sizeof number, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
    while (number[n - 1] == '0')
        n--;
    mo_buffer_put(to, number, number[n - 1] == '.' ? n - 1 : n);
}

/* --- of functions ----------------------------------------------------------------------- */

static void print_classes(mo_buffer *to, const char *name, const mo_totals *t)
{
    static const char *const codes[] = {"2xx", "3xx", "4xx", "5xx", "none"};
    for (size_t i = 0; i < MO_COUNT(codes); i++)
        put_sample(to, name, t, "code", codes[i], t->classes[i]);
}

static void print_starts(mo_buffer *to, const char *name, const mo_totals *t)
{
    static const char *const kinds[MO_STARTS] = {[MO_START_WARM] = "warm", [MO_START_BOUND] = "bound", [MO_START_COLD] = "cold"};
    for (size_t i = 0; i < MO_STARTS; i++)
        if (kinds[i])
            put_sample(to, name, t, "kind", kinds[i], t->starts[i]);
}

static void print_hits(mo_buffer *to, const char *name, const mo_totals *t)
{
    static const char *const limits[MO_HITS] = {
        [MO_HIT_WALL] = "wall", [MO_HIT_CPU] = "cpu", [MO_HIT_MEMORY] = "memory", [MO_HIT_BODY] = "body",
        [MO_HIT_OUTPUT] = "output", [MO_HIT_LOG] = "log", [MO_HIT_REQUESTS] = "requests", [MO_HIT_QUEUE] = "queue",
    };
    for (size_t i = 0; i < MO_HITS; i++)
        put_sample(to, name, t, "limit", limits[i], t->hits[i]);
}

static void print_durations(mo_buffer *to, const char *name, const mo_totals *t)
{
    char number[32];
    uint64_t n = 0;
    for (size_t i = 0; i < MO_SHARED_BUCKETS; i++) {
        n += t->buckets[i];
        begin_sample(to, name, "_bucket", t);
        put(to, "\",le=\"");
        if (i == MO_SHARED_BUCKETS - 1)
            put(to, "+Inf");
        else
            put_seconds(to, mo_shared_bounds_ns[i]);
        snprintf(number, sizeof number, "\"} %" PRIu64 "\n", n);
        put(to, number);
    }
    begin_sample(to, name, "_sum", t);
    put(to, "\"} ");
    put_seconds(to, t->wall_ns);
    put(to, "\n");
    begin_sample(to, name, "_count", t);
    put(to, number); /* the last bucket's */
}

static void print_reset_time(mo_buffer *to, const char *name, const mo_totals *t)
{
    begin_sample(to, name, "", t);
    put(to, "\"} ");
    put_seconds(to, t->reset_ns);
    put(to, "\n");
}

#define PRINT_ONE(member) \
    static void print_##member(mo_buffer *to, const char *name, const mo_totals *t) { put_sample(to, name, t, NULL, NULL, t->member); }
PRINT_ONE(truncated)
PRINT_ONE(in_bytes)
PRINT_ONE(out_bytes)
PRINT_ONE(running)
PRINT_ONE(queued)
PRINT_ONE(pages)
PRINT_ONE(quarantined)

/* --- all of them ---------------------------------------------------------------------------- */

static void begin_family(mo_buffer *to, const char *name, const char *type, const char *help)
{
    const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"};
    for (size_t i = 0; i < MO_COUNT(parts); i++)
        put(to, parts[i]);
}

static void print_functions(const page *p, const char *name, void (*print)(mo_buffer *to, const char *name, const mo_totals *t))
{
    for (size_t i = 0; i < p->nrows; i++)
        print(p->to, name, &p->rows[i]);
}

static void print_process(mo_buffer *to, const char *name, uint64_t n)
{
    char number[32];
    put(to, name);
    snprintf(number, sizeof number, " %" PRIu64 "\n", n);
    put(to, number);
}

bool mo_metrics_print(const mo_shared *shared, mo_buffer *to)
{
    page p = {.to = to};
    p.failed |= !mo_shared_each(shared, collect, &p);
#define FUNCTION(name, type, help, labels, how) \
    begin_family(to, name, type, help);         \
    print_functions(&p, name, print_##how);
#define PROCESS(name, type, help, labels, value) \
    begin_family(to, name, type, help);          \
    print_process(to, name, mo_shared_sum(shared, value));
#include "serve/record/metrics.def"
#undef FUNCTION
#undef PROCESS
    mo_free(p.rows);
    return !p.failed && !to->failed;
}
