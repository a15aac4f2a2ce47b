/* nbody.c - planets under gravity: a dependent chain of double-precision
 * multiply, add, divide and square root.
 * n: 13000 full, 1000 quick */
#include "kernel.h"

enum { NBODIES = 5, STEPS_PER_UNIT = 1000 };

typedef struct {
    double x, y, z, vx, vy, vz, mass;
} body;

static void place_bodies(body *bodies)
{
    u64 random = 7;
    for (int i = 0; i < NBODIES; i++) {
        double far = 1.0 + 6.0 * i;
        bodies[i] = (body){
            .x = far, .y = (double)(next_random(&random) & 1023) / 512.0, .z = 0.1 * i,
            .vx = 0.01 * i, .vy = 1.0 / far, .vz = 0.001 * i,
            .mass = i == 0 ? 39.0 : 0.01 * i,
        };
    }
}

static void advance(body *bodies, double dt)
{
    for (int i = 0; i < NBODIES; i++) {
        body *a = &bodies[i];
        for (int j = i + 1; j < NBODIES; j++) {
            body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            double square = dx * dx + dy * dy + dz * dz + 1e-3;
            double pull = dt / (square * __builtin_sqrt(square));
            a->vx -= dx * b->mass * pull;
            a->vy -= dy * b->mass * pull;
            a->vz -= dz * b->mass * pull;
            b->vx += dx * a->mass * pull;
            b->vy += dy * a->mass * pull;
            b->vz += dz * a->mass * pull;
        }
    }
    for (int i = 0; i < NBODIES; i++) {
        bodies[i].x += dt * bodies[i].vx;
        bodies[i].y += dt * bodies[i].vy;
        bodies[i].z += dt * bodies[i].vz;
    }
}

i64 run(i32 n)
{
    take_back();
    body *bodies = take(NBODIES * sizeof *bodies);
    place_bodies(bodies);
    for (i64 step = 0; step < (i64)n * STEPS_PER_UNIT; step++)
        advance(bodies, 1e-4);
    u64 sum = 0;
    for (int i = 0; i < NBODIES; i++) {
        sum = mix_f64(sum, bodies[i].x);
        sum = mix_f64(sum, bodies[i].vy);
        sum = mix_f64(sum, bodies[i].z);
    }
    return (i64)sum;
}
