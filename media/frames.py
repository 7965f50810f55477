"""The shape of audio in here: 8000 Hz, 20 ms frames, `pcm: (rows, FRAME) int16`, `wire: (rows, FRAME) uint8`."""

from __future__ import annotations

from typing import Any

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
Frames = NDArray[Any]  # of dtype WHOLE: a frame of wire bytes as one item

WHOLE = np.dtype((np.void, FRAME))


def windows(buffer: Wire) -> Frames:
    """Every frame that lies anywhere in a flat buffer, by its first byte: `windows(b)[at]` gathers whole frames, and
    an assignment scatters them, by copies of FRAME bytes instead of one index per sample."""
    return np.ndarray((buffer.size - FRAME + 1,), WHOLE, buffer=buffer.data, strides=(1,))


def whole(wire: Wire) -> Frames:
    """`wire: (n, FRAME)` -> (n,) whole frames."""
    return np.ascontiguousarray(wire).view(WHOLE)[:, 0]


def samples(frames: Frames) -> Wire:
    """(n,) whole frames -> `wire: (n, FRAME)`."""
    return np.ascontiguousarray(frames).view(np.uint8).reshape(-1, FRAME)
