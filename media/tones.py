"""Tones: sine pairs as PCM."""

from __future__ import annotations

import numpy as np

from media.frames import RATE, Pcm

# ITU-T Q.23: the rows and columns of the key pad
LOW, HIGH = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"
DIGITS = {key: (LOW[index // 4], HIGH[index % 4]) for index, key in enumerate(KEYS)}


def tone(low: float, high: float, on_ms: int, off_ms: int = 0, level: float = -10.0) -> Pcm:
    """One or two sines (0 Hz: none) for `on_ms`, then silence; each sine at `level` dBFS (RMS of a sine)."""
    time = np.arange(RATE * on_ms // 1000) / RATE
    peak = 32767 * 10 ** (level / 20)
    wave = sum((np.sin(2 * np.pi * hertz * time) for hertz in (low, high) if hertz), np.zeros(len(time)))
    pcm = np.clip(np.round(peak * wave), -32768, 32767).astype(np.int16)
    return np.concatenate((pcm, np.zeros(RATE * off_ms // 1000, np.int16)))
