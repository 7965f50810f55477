"""How loud frames are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.frames import Pcm

FULL_SCALE = 32768.0
SILENCE = -40.0  # dBFS: below it a frame counts as silent; telephone speech is near -20, line noise below -50


def dbfs(pcm: Pcm) -> NDArray[np.float64]:
    """`pcm: (rows, n) int16` -> RMS level of each row in dBFS; -100 for digital silence."""
    rms = np.sqrt(np.square(pcm, dtype=np.float64).mean(axis=-1))
    level: NDArray[np.float64] = 20 * np.log10(np.maximum(rms, 0.33) / FULL_SCALE)
    return level
