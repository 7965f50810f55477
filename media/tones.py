"""Tones: one or two sines as PCM, with a pause behind them; the frequencies of keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from media.frames import RATE, Pcm

# ITU-T Q.23: the rows and columns of the key pad
LOW, HIGH = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"
DIGITS = {key: (LOW[index // 4], HIGH[index % 4]) for index, key in enumerate(KEYS)}
DEPTH = 0.9  # of the modulation: the tone is never quite gone


@dataclass(frozen=True, slots=True)
class ToneSamples:
    """`library.Samples` of a tone: sines of `low` and `high` Hz (0: none), each at `level` dBFS (RMS of a sine), for
    `on_ms`, then silence for `off_ms`. Their loudness goes up and down `modulation` times a second (0: not)."""

    low: float
    high: float
    on_ms: int
    off_ms: int
    level: float
    modulation: float = 0.0

    @property
    def length(self) -> int:
        """Tone and pause."""
        return RATE * self.on_ms // 1000 + RATE * self.off_ms // 1000

    def read(self, start: int, count: int) -> Pcm:
        """The same samples however they are cut into stretches."""
        index = np.arange(start, start + count)
        time = index / RATE
        wave = sum((np.sin(2 * np.pi * hertz * time) for hertz in (self.low, self.high) if hertz), np.zeros(count))
        if self.modulation:
            wave *= (1 + DEPTH * np.sin(2 * np.pi * self.modulation * time)) / (1 + DEPTH)
        peak = 32767 * 10 ** (self.level / 20)
        wave[index >= RATE * self.on_ms // 1000] = 0
        pcm: Pcm = np.clip(np.round(peak * wave), -32768, 32767).astype(np.int16)
        return pcm

    def close(self) -> None:
        """Nothing is open."""


def tone(low: float, high: float, on_ms: int, off_ms: int = 0, level: float = -10.0) -> Pcm:
    """A whole tone (ToneSamples)."""
    samples = ToneSamples(low, high, on_ms, off_ms, level)
    return samples.read(0, samples.length)
