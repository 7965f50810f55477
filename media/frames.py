"""The shape of audio in here: 8000 Hz, 20 ms frames, `pcm: (rows, FRAME) int16`, `wire: (rows, FRAME) uint8`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8000
TICK_MS = 20
TICK = TICK_MS / 1000
FRAME = RATE * TICK_MS // 1000  # samples of a tick

Pcm = NDArray[np.int16]
Wire = NDArray[np.uint8]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
