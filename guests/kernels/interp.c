/* interp.c - a register machine's bytecode run by a switch in a loop; the program
 * counts primes by trial division and sums Collatz lengths: indirect jumps and dependent loads.
 * n: 120 full, 9 quick */
#include "kernel.h"

enum op { SET, MOVE, ADD, SUB, MUL, REM, HALVE, LOAD, STORE, LESS, BRANCH, JUMP, STOP };

typedef struct {
    u8 op, to, a, b;
    i32 value;                         /* SET: the number; BRANCH, JUMP: the target */
} instruction;

enum { NREGISTERS = 16, NCELLS = 256 };

static i32 interpret(const instruction *code, i32 *cells, i32 argument)
{
    i32 r[NREGISTERS] = { argument };
    for (const instruction *pc = code; ; pc++) {
        switch ((enum op)pc->op) {
        case SET:    r[pc->to] = pc->value; break;
        case MOVE:   r[pc->to] = r[pc->a]; break;
        case ADD:    r[pc->to] = (i32)((u32)r[pc->a] + (u32)r[pc->b]); break;
        case SUB:    r[pc->to] = (i32)((u32)r[pc->a] - (u32)r[pc->b]); break;
        case MUL:    r[pc->to] = (i32)((u32)r[pc->a] * (u32)r[pc->b]); break;
        case REM:    r[pc->to] = (i32)((u32)r[pc->a] % ((u32)r[pc->b] | (r[pc->b] == 0))); break;
        case HALVE:  r[pc->to] = r[pc->a] >> 1; break;
        case LOAD:   r[pc->to] = cells[(u32)r[pc->a] % NCELLS]; break;
        case STORE:  cells[(u32)r[pc->a] % NCELLS] = r[pc->b]; break;
        case LESS:   r[pc->to] = r[pc->a] < r[pc->b]; break;
        case BRANCH: if (r[pc->a] != 0) pc = code + pc->value - 1; break;
        case JUMP:   pc = code + pc->value - 1; break;
        case STOP:   return r[pc->a];
        }
    }
}

/* r0: limit  r1: candidate  r2: found  r3: divisor  r9: 1  r10: 2
 * r4 to r8: scratch  r11: Collatz steps in all */
static const instruction program[] = {
    /*  0 */ { SET, 9, 0, 0, 1 },
    /*  1 */ { SET, 10, 0, 0, 2 },
    /*  2 */ { SET, 1, 0, 0, 3 },
    /*  3 */ { SET, 2, 0, 0, 1 },
    /*  4 */ { SET, 11, 0, 0, 0 },
    /*  5 */ { LESS, 4, 1, 0, 0 },         /* next candidate */
    /*  6 */ { BRANCH, 0, 4, 0, 8 },
    /*  7 */ { JUMP, 0, 0, 0, 36 },
    /*  8 */ { SET, 3, 0, 0, 3 },
    /*  9 */ { MUL, 4, 3, 3, 0 },          /* next divisor */
    /* 10 */ { LESS, 5, 1, 4, 0 },
    /* 11 */ { BRANCH, 0, 5, 0, 16 },
    /* 12 */ { REM, 4, 1, 3, 0 },
    /* 13 */ { ADD, 3, 3, 10, 0 },
    /* 14 */ { BRANCH, 0, 4, 0, 9 },
    /* 15 */ { JUMP, 0, 0, 0, 19 },
    /* 16 */ { ADD, 2, 2, 9, 0 },          /* a prime */
    /* 17 */ { LOAD, 4, 1, 0, 0 },
    /* 18 */ { ADD, 2, 2, 4, 0 },
    /* 19 */ { MOVE, 6, 1, 0, 0 },         /* Collatz from the candidate */
    /* 20 */ { SET, 8, 0, 0, 0 },
    /* 21 */ { LESS, 4, 6, 10, 0 },
    /* 22 */ { BRANCH, 0, 4, 0, 32 },
    /* 23 */ { ADD, 8, 8, 9, 0 },
    /* 24 */ { REM, 4, 6, 10, 0 },
    /* 25 */ { BRANCH, 0, 4, 0, 28 },
    /* 26 */ { HALVE, 6, 6, 0, 0 },
    /* 27 */ { JUMP, 0, 0, 0, 21 },
    /* 28 */ { SET, 5, 0, 0, 3 },
    /* 29 */ { MUL, 6, 6, 5, 0 },
    /* 30 */ { ADD, 6, 6, 9, 0 },
    /* 31 */ { JUMP, 0, 0, 0, 21 },
    /* 32 */ { STORE, 0, 8, 9, 0 },
    /* 33 */ { ADD, 11, 11, 8, 0 },
    /* 34 */ { ADD, 1, 1, 10, 0 },
    /* 35 */ { JUMP, 0, 0, 0, 5 },
    /* 36 */ { MUL, 2, 2, 11, 0 },
    /* 37 */ { STOP, 0, 2, 0, 0 },
};

i64 run(i32 n)
{
    take_back();
    i32 *cells = take(NCELLS * sizeof *cells);
    u64 sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        for (int i = 0; i < NCELLS; i++)
            cells[i] = i + unit;
        sum = mix(sum, (u32)interpret(program, cells, 12000 + unit % 16));
    }
    return (i64)sum;
}
