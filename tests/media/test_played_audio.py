"""Speech as it is heard of a Play: its level, its noise and its delay, by both laws, over the joints of pages."""

from __future__ import annotations

import numpy as np
import pytest

from media.arena import PAGE
from media.codecs import g711
from media.commands import Connect, Play, Sound
from media.frames import FRAME, RATE, Pcm
from tests.lib.rig import Rig, plan_of


def speech(seconds: float) -> Pcm:
    """Voiced sounds of a gliding pitch in syllables, with noise between: as loud as speech on a line (-20 dBFS)."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    voice = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 24))
    wave = voice * np.maximum(0, np.sin(2 * np.pi * 2 * time)) + 0.05 * np.random.default_rng(3).normal(size=len(time))
    scaled: Pcm = np.round(3276.8 * wave / np.sqrt(np.square(wave).mean())).astype(np.int16)
    return scaled


def decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio))


@pytest.mark.parametrize(("codec", "law"), [("PCMU", 0), ("PCMA", 1)])
@pytest.mark.parametrize("volume", [0.0, -6.0])
def test_speech_is_heard_at_once_at_its_level_with_no_noise_but_that_of_the_law(
    codec: str, law: int, volume: float
) -> None:
    spoken = speech(10)
    assert len(spoken) > 2 * PAGE
    rig = Rig(1)
    rig.sounds["speech"] = spoken
    rig.do(Connect(0, plan_of(0, codec)))
    rig.do(Play(0, 1, (Sound("speech"),), volume=volume))
    wire = np.frombuffer(b"".join(rig.frame(0) for _ in range(len(spoken) // FRAME)), np.uint8)
    heard = g711.decode(wire[None, :], np.array([law]))[0].astype(np.float64)
    expected = spoken * 10 ** (volume / 20)
    power = np.square(expected).mean()
    assert decibels(np.square(heard).mean() / power) == pytest.approx(0, abs=0.1)
    assert decibels(power / np.square(heard - expected).mean()) > 36  # sample by sample: with no delay at all
    for joint in (PAGE, 2 * PAGE):
        around = slice(joint - FRAME, joint + FRAME)
        noise = np.square(heard[around] - expected[around]).mean()
        assert decibels((np.square(expected[around]).mean() + 1e4) / noise) > 30
