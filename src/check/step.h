/* step.h - one machine instruction as the checker's dataflow sees it: what it does to
 * 64-bit words, or which registers hold data afterwards. decode_x86_64.c makes them. */
#ifndef MO_CHECK_STEP_H
#define MO_CHECK_STEP_H

#include "check/value.h"

#define MO_NO_REGISTER 0xff
#define MO_RIP 16
enum { MO_RAX, MO_RCX, MO_RDX, MO_RBX, MO_RSP, MO_RBP, MO_RSI, MO_RDI, MO_R8, MO_R9, MO_R10, MO_R11, MO_R12, MO_R13, MO_R14, MO_R15 };

typedef enum mo_step_op {
    MO_STEP_OTHER,       /* writes data into `writes`; may access memory */
    MO_STEP_MOVE,        /* dst = src; width 4: a number of 32 bits */
    MO_STEP_NUMBER,      /* dst = number */
    MO_STEP_LOAD,        /* dst = 64 or, width 4, 32 bits of memory */
    MO_STEP_LOAD_SIGNED, /* dst = 32 bits of memory, sign-extended */
    MO_STEP_STORE,       /* 64 or 32 bits of memory = src, or number if there is no src */
    MO_STEP_LEA,         /* dst = address */
    MO_STEP_ADD,         /* dst += src, or number */
    MO_STEP_SUB,
    MO_STEP_ADD_CARRY,   /* dst += src, number or 64 bits of memory, and perhaps 1 */
    MO_STEP_SUB_CARRY,
    MO_STEP_ADD_LOAD,    /* dst += 64 bits of memory */
    MO_STEP_SUB_LOAD,
    MO_STEP_ADD_STORE,   /* 64 bits of memory += src, or number */
    MO_STEP_SUB_STORE,
    MO_STEP_COMPUTE,     /* dst = dst (sum) src, or number; 4 or 8 bytes */
    MO_STEP_LOW_BYTE,    /* dst = the lowest byte of src */
    MO_STEP_SET_BYTE,    /* the lowest byte of dst = 0 or 1 */
    MO_STEP_COMPARE,     /* flags = dst - number */
    MO_STEP_NEG,         /* dst = -dst + number */
    MO_STEP_CMOV,        /* dst = dst or src */
    MO_STEP_CMOV_LOAD,
    MO_STEP_XCHG,        /* registers */
    MO_STEP_PUSH,        /* src, or number */
    MO_STEP_POP,
    MO_STEP_LEAVE,
    MO_STEP_CALL,        /* target; or through src; or through memory */
    MO_STEP_JUMP,        /* target */
    MO_STEP_BRANCH,      /* target, or on */
    MO_STEP_JUMP_THROUGH, /* through src, or through memory: a jump table or a tail call */
    MO_STEP_RET,
    MO_STEP_TRAP,        /* ud1, ud2, int3 */
    MO_STEP_STRING,      /* movs, stos, with or without rep */
    MO_STEP_PROBE,       /* touches the stack page by page down to src, then goes on */
} mo_step_op;

/* Unsigned orders, of what was compared last; others tell nothing that is needed. */
typedef enum mo_condition { MO_IF_ANY, MO_IF_ABOVE, MO_IF_ABOVE_EQUAL, MO_IF_BELOW, MO_IF_BELOW_EQUAL } mo_condition;

enum { MO_READS = 1, MO_WRITES = 2 };

typedef struct mo_step {
    uint32_t at; /* in TEXT */
    uint8_t len, op;
    uint8_t width;  /* bytes of what is moved or computed; 4: the upper half becomes zero */
    uint8_t dst, src;
    uint8_t access; /* MO_READS, MO_WRITES: of the memory operand; 0: there is none */
    uint8_t base, index, scale; /* scale as a shift; base may be MO_RIP */
    bool narrow;    /* the address is cut to 32 bits */
    bool repeated;  /* rep */
    bool vector_index; /* index is a vector register */
    bool flags;      /* writes them */
    uint8_t sum;     /* mo_sum */
    uint8_t condition; /* mo_condition of a branch */
    uint16_t writes; /* general registers */
    uint16_t halves; /* of those, those whose upper half becomes zero */
    uint32_t size;   /* bytes of the memory operand */
    uint32_t target; /* of direct calls and jumps, in TEXT */
    int64_t number, displacement;
} mo_step;

/* Decodes the instruction at text[at..end). NULL, or what is wrong with it. */
const char *mo_step_decode(const uint8_t *text, uint32_t at, uint32_t end, mo_step *ret);
/* Its text, of at most size bytes. */
void mo_step_text(const uint8_t *text, uint32_t at, uint32_t end, char *buf, size_t size);
/* Its length, listed or not; 0 if it is none. */
uint32_t mo_step_length(const uint8_t *text, uint32_t at, uint32_t end);
/* Length and target alone, the instruction being on the list: for the first pass. */
typedef struct mo_step_brief {
    uint8_t len;
    bool direct;      /* a call or jump to target */
    bool call;
    bool returns;     /* ret */
    bool jumps_through; /* through a register or memory */
    bool adds;        /* a sum of two registers: before such a jump, a jump table's */
    bool names;       /* refers to target relative to itself */
    uint32_t target;
} mo_step_brief;
const char *mo_step_brief_decode(const uint8_t *text, uint32_t at, uint32_t end, mo_step_brief *ret);

#endif
