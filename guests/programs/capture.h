/* capture.h - included before a program's own source: its printf goes to the digest. */
#include "program.h"
#include <stdio.h>
#define printf output_printf
