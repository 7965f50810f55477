"""Tones that peers say into the engines of a whole gateway in virtual time, and which of them somebody hears."""

from __future__ import annotations

import numpy as np
import pytest

from media.codecs import g711
from media.frames import FRAME, RATE, TICK, Pcm
from media.rtp import HEADER, WIDTH, pack
from media.tones import tone
from tests.lib.whole import EngineLink

SAID = -20.0  # dB below full scale
FLOOR = -50.0  # what is less than that is not heard


def pitch(number: int) -> float:
    """A multiple of 50 Hz: each frame of it is a whole number of waves."""
    return 600.0 + 150.0 * number


def say(link: EngineLink, row: int, hertz: float, now: float) -> None:
    """The peer of a row says 20 ms of a tone."""
    data, one, ticks = np.zeros((1, WIDTH), np.uint8), np.ones(1, np.int64), round(now / TICK)
    pack(data, 0 * one, one < 0, (ticks & 0xFFFF) * one, ticks * FRAME * one, (row + 1) * one)
    wave = tone(hertz, 0.0, on_ms=20, level=SAID)
    data[:, HEADER : HEADER + FRAME] = g711.encode(wave[None], np.zeros(1, np.int64))
    link.intrude(row, data.tobytes()[: HEADER + FRAME], link.engine.ports.remote[row])


def tones(pcm: Pcm) -> set[float]:
    """The pitches, and 500 Hz (our speech), in the last second; each must be as loud as it was said."""
    wave = pcm[-RATE:].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), RATE)) * 4 / len(wave) / 32768
    levels = 20 * np.log10(spectrum + 1e-9)
    found = {hertz for hertz in (500.0, *(pitch(one) for one in range(1, 10))) if levels[int(hertz)] > FLOOR}
    loud = {hertz: levels[int(hertz)] for hertz in found}
    assert all(level == pytest.approx(SAID, abs=1.0) for level in loud.values()), loud
    return found
