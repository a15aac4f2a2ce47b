/* board.c - pages that a fork shares. */
#include "serve/board.h"

#include <sys/mman.h>

mo_board *mo_board_new(uint32_t generation)
{
    mo_board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b == MAP_FAILED)
        return NULL;
    b->generation = generation;
    return b;
}

void mo_board_free(mo_board *board)
{
    if (board)
        munmap(board, sizeof *board);
}
