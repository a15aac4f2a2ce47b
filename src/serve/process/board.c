/* board.c - pages that a fork shares. */
#include "serve/process/board.h"

#include <sys/mman.h>

mo_board *mo_board_new(void)
{
    mo_board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return b == MAP_FAILED ? NULL : b;
}

void mo_board_clear(mo_board *board, uint32_t generation)
{
    memset((void *)board, 0, sizeof *board);
    board->generation = generation;
}

void mo_board_free(mo_board *board)
{
    if (board)
        munmap(board, sizeof *board);
}
