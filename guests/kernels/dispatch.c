/* dispatch.c - objects of six classes called through tables of function pointers,
 * in sorted order (predicted) and in random order (not predicted).
 * n: 910 full, 71 quick */
#include "kernel.h"

enum { NOBJECTS = 4096, NCLASSES = 6, REPEATS = 40 };

typedef struct object object;

typedef struct {
    u32 (*measure)(const object *self);
    void (*change)(object *self, u32 by);
    u32 weight;
} class;

struct object {
    const class *class;
    u32 a, b;
};

static u32 measure_square(const object *self) { return self->a * self->a; }
static u32 measure_box(const object *self) { return self->a * self->b; }
static u32 measure_triangle(const object *self) { return self->a * self->b / 2; }
static u32 measure_line(const object *self) { return self->a + self->b; }
static u32 measure_point(const object *self) { return self->b; }
static u32 measure_ring(const object *self) { return (self->a - self->b) * (self->a + self->b); }
static void change_first(object *self, u32 by) { self->a += by; }
static void change_second(object *self, u32 by) { self->b ^= by; }
static void change_both(object *self, u32 by) { self->a -= by; self->b += by; }

static const class classes[NCLASSES] = {
    { measure_square, change_first, 1 },
    { measure_box, change_both, 2 },
    { measure_triangle, change_second, 3 },
    { measure_line, change_both, 5 },
    { measure_point, change_second, 7 },
    { measure_ring, change_first, 11 },
};

static u64 visit(object *objects, u32 by)
{
    u64 sum = 0;
    for (int i = 0; i < NOBJECTS; i++) {
        object *at = &objects[i];
        sum += at->class->measure(at) ^ at->class->weight;
        at->class->change(at, by + (u32)i);
    }
    return sum;
}

i64 run(i32 n)
{
    take_back();
    object *sorted = take(NOBJECTS * sizeof *sorted), *shuffled = take(NOBJECTS * sizeof *shuffled);
    u64 random = 13, sum = 0;
    for (int i = 0; i < NOBJECTS; i++) {
        u32 a = next_random(&random) & 0xfff, b = next_random(&random) & 0xfff;
        sorted[i] = (object){ &classes[i * NCLASSES / NOBJECTS], a, b };
        shuffled[i] = (object){ &classes[next_random(&random) % NCLASSES], a, b };
    }
    for (i32 unit = 0; unit < n; unit++) {
        for (u32 repeat = 0; repeat < REPEATS; repeat++)
            sum = mix(sum, visit(sorted, repeat));
        for (u32 repeat = 0; repeat < REPEATS / 8; repeat++)
            sum = mix(sum, visit(shuffled, repeat));
    }
    return (i64)sum;
}
