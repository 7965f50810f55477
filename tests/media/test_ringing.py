"""Ringing tones: every country that TwiML names, and what of them is heard."""

from __future__ import annotations

import numpy as np
import pytest

from media import commands
from media.codecs import g711
from media.frames import FRAME, RATE, Pcm
from media.ringing import DEFAULT, RINGING
from tests.lib.rig import Rig
from twiml.verbs.dial import RING_TONES


def played(country: str, seconds: float) -> Pcm:
    """What a caller hears."""
    rig = Rig(1)
    rig.do(commands.Play(0, 1, RINGING[country], 0))
    wire = np.frombuffer(b"".join(rig.frame(0) for _ in range(round(seconds * RATE / FRAME))), np.uint8)
    pcm: Pcm = g711.decode(wire[None, :], np.array([0]))[0]
    return pcm


def test_the_countries_are_those_of_twiml() -> None:
    assert set(RINGING) == set(RING_TONES)
    assert DEFAULT in RINGING


@pytest.mark.parametrize("country", sorted(RINGING))
def test_each_is_heard_in_its_cadence_and_as_loud_as_the_others(country: str) -> None:
    tones = RINGING[country]
    cycle = sum(tone.on_ms + tone.off_ms for tone in tones) / 1000
    pcm = played(country, 2 * cycle).astype(np.float64) / 32768
    loud = np.abs(pcm).reshape(-1, FRAME // 2).max(axis=1) > 0.005  # by 10 ms
    expected = np.concatenate([[on] * (ms // 10) for tone in tones for on, ms in ((1, tone.on_ms), (0, tone.off_ms))])
    assert (loud == np.tile(expected, 2).astype(bool)).mean() > 0.99
    while_on = pcm[: tones[0].on_ms * 8]
    level = 10 * np.log10(2 * np.square(while_on).mean())
    assert level == pytest.approx(-16 if not tones[0].modulation else -19, abs=1.5)


@pytest.mark.parametrize(
    ("country", "hertz"),
    [("us", [440, 480]), ("uk", [400, 450]), ("fr", [440]), ("de", [425]), ("in", [375, 400, 425]), ("au", [413, 438]),
     ("ph", [425, 480]), ("us-old", [380, 420, 460])],
)  # fmt: skip
def test_each_has_its_frequencies(country: str, hertz: list[int]) -> None:
    on = RINGING[country][0].on_ms * 8
    spectrum = np.abs(np.fft.rfft(played(country, 2)[:on].astype(np.float64) * np.hanning(on)))
    found = [place * RATE / on for place in np.flatnonzero(spectrum > spectrum.max() / 4)]
    for one in hertz:
        assert min(abs(one - place) for place in found) <= 3
    assert all(min(abs(one - place) for one in hertz) <= 8 for place in found)
