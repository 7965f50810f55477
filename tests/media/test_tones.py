"""Tones: level, frequency, modulation, the same samples in any stretches."""

from __future__ import annotations

import numpy as np
import pytest

from media.frames import RATE, Pcm
from media.tones import DEPTH, ToneSamples, tone


def peaks(pcm: Pcm, count: int) -> list[int]:
    """The strongest frequencies of a second, in Hz."""
    spectrum = np.abs(np.fft.rfft(pcm[:RATE].astype(np.float64)))
    return sorted(np.argsort(spectrum)[-count:].tolist())


def test_both_sines_have_the_level() -> None:
    pcm = tone(440.0, 480.0, on_ms=1000, level=-19.0).astype(np.float64) / 32767
    spectrum = np.abs(np.fft.rfft(pcm)) / (RATE / 2)
    for hertz in (440, 480):
        assert 20 * np.log10(spectrum[hertz]) == pytest.approx(-19.0, abs=0.05)
    assert np.delete(spectrum, [440, 480]).max() < 1e-4


def test_on_and_off_have_their_lengths() -> None:
    pcm = tone(400.0, 0.0, on_ms=250, off_ms=330)
    assert len(pcm) == 8 * 580
    assert np.abs(pcm[1900:2000]).max() > 5000
    assert not pcm[2000:].any()


def test_a_modulated_tone_swings() -> None:
    samples = ToneSamples(400.0, 0.0, 1000, 0, -10.0, 25.0)
    pcm = samples.read(0, RATE)
    assert peaks(pcm, 3) == [375, 400, 425]
    loud = np.abs(pcm.astype(np.float64)).reshape(-1, 20).max(axis=1)
    assert loud.min() / loud.max() == pytest.approx((1 - DEPTH) / (1 + DEPTH), abs=0.03)
    assert loud.max() <= 32767 * 10 ** (-10 / 20)


@pytest.mark.parametrize("stretch", [1, 7, 160, 3000])
def test_stretches_make_the_whole(stretch: int) -> None:
    samples = ToneSamples(440.0, 480.0, 300, 200, -19.0, 16.0)
    parts = [samples.read(at, min(stretch, samples.length - at)) for at in range(0, samples.length, stretch)]
    assert (np.concatenate(parts) == samples.read(0, samples.length)).all()


def test_a_loud_pair_is_clipped_and_does_not_wrap() -> None:
    pcm = tone(440.0, 480.0, on_ms=500, level=0.0)
    assert pcm.max() == 32767
    assert pcm.min() <= -32767
    assert np.abs(np.diff(pcm.astype(np.int32))).max() < 32767
