/* What the arithmetic on samples shares. */
#pragma once
#include <stdint.h>

enum { FRAME = 160 }; /* samples of a tick: media/frames.py */
