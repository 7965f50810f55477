"""What is done in C to samples is what NumPy does to them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from media import commands, dtmf, native, native_arithmetic
from media.arithmetic import Arithmetic, NumpyArithmetic
from media.codecs import g711
from media.frames import FRAME, Mask, Pcm, Wire
from media.mixer import Mix
from media.native_arithmetic import LIBRARY, SOURCES, NativeArithmetic
from media.routes import Members, Rooms
from media.tones import DIGITS, tone

ROWS = 40
Parts = Callable[[int], commands.Join]


@pytest.fixture
def both() -> tuple[Arithmetic, Arithmetic]:
    """C and NumPy."""
    if native.load(LIBRARY, *SOURCES) is None:
        pytest.skip("the C arithmetic was not built: no C compiler")
    return NativeArithmetic(ctypes.CDLL(str(LIBRARY))), NumpyArithmetic()


def members_of(part: Parts) -> Members:
    """Of the rows that are no multiple of seven."""
    rooms = Rooms(ROWS)
    for row in range(ROWS):
        if row % 7:
            rooms.join(part(row))
    return rooms.members


def heard_by(seed: int, loudest: int) -> tuple[Pcm, Mask]:
    """Any audio, and that some members speak."""
    chance = np.random.default_rng(seed)
    heard = chance.integers(-loudest, loudest, (ROWS, FRAME), np.int16)
    return heard, chance.random(ROWS) < 0.7


def mixed(one: Arithmetic, members: Members, heard: Pcm, spoke: Mask) -> Wire:
    """What each member who speaks hears, in the order of the members turned round."""
    spoke = np.ascontiguousarray(spoke[: len(members)])
    which = np.flatnonzero(spoke)
    wire = np.zeros((len(members), FRAME), np.uint8)
    mix = Mix(members, spoke, heard, one.sums(members, spoke, heard))
    one.own(mix, which, which[::-1].copy(), which % 2, wire)
    return wire


@pytest.mark.parametrize("loudest", [20, 3000, 32767])
def test_rooms_are_mixed_cut_off_and_encoded_alike(both: tuple[Arithmetic, Arithmetic], loudest: int) -> None:
    members = members_of(lambda row: commands.Join(row, row // 9))
    heard, spoke = heard_by(loudest, loudest)
    ours, reference = (mixed(one, members, heard, spoke) for one in both)
    assert ours.tolist() == reference.tolist()
    assert ours.any(axis=1).sum() == spoke[: len(members)].sum()


def test_gains_are_rounded_to_the_same_code_or_the_next(both: tuple[Arithmetic, Arithmetic]) -> None:
    members = members_of(lambda row: commands.Join(row, row // 9, gain_db=row / 3 - 6))
    heard, spoke = heard_by(4, 9000)
    ours, reference = (g711.decode(mixed(one, members, heard, spoke), np.arange(len(members)) % 2) for one in both)
    assert (ours == reference).mean() > 0.999
    assert np.abs(ours.astype(np.int32) - reference).max() <= 1024


def test_what_is_louder_than_any_number_is_cut_off_on_its_own_side(both: tuple[Arithmetic, Arithmetic]) -> None:
    members = members_of(lambda row: commands.Join(row, row // 9, gain_db=140.0))
    heard, _ = heard_by(6, 32767)
    ours, reference = (mixed(one, members, heard, np.ones(ROWS, np.bool_)) for one in both)
    assert ours.tolist() == reference.tolist()
    assert len(np.unique(ours)) < 10


def test_a_member_alone_hears_silence(both: tuple[Arithmetic, Arithmetic]) -> None:
    members = members_of(lambda row: commands.Join(row, row))
    heard, _ = heard_by(5, 32767)
    silence = g711.encode(np.zeros((2, 1), np.int16), np.array([0, 1]))
    for one in both:
        wire = mixed(one, members, heard, np.ones(ROWS, np.bool_))
        assert np.unique(wire).tolist() == sorted(silence.ravel().tolist())


@pytest.mark.parametrize("level", [-6.0, -20.0, -30.0])
def test_tones_are_seen_at_a_glance_alike(both: tuple[Arithmetic, Arithmetic], level: float) -> None:
    """Digits from their first sample to their last, frames of noise and of single tones."""
    digits = [tone(*pair, on_ms=50, off_ms=50, level=level) for pair in DIGITS.values()]
    singles = [tone(hertz, 0.0, on_ms=100, level=level) for hertz in range(200, 3400, 130)]
    noise = np.random.default_rng(6).normal(0, 2000, (50 * FRAME,)).astype(np.int16)
    heard = np.concatenate([*digits, *singles, noise]).reshape(-1, FRAME)
    rows = np.arange(len(heard))
    ours, reference = (one.glance(rows, heard) for one in both)
    assert ours.tolist() == reference.tolist()
    assert 0 < ours.sum() < len(ours)


def test_a_glance_at_silence_and_at_the_loudest_square(both: tuple[Arithmetic, Arithmetic]) -> None:
    """No sum overflows."""
    heard = np.zeros((4, FRAME), np.int16)
    heard[1] = np.where(dtmf.WHOLE_BANK[9] > 0, 32767, -32768)
    heard[2] = -32768
    heard[3] = np.where(dtmf.WHOLE_BANK[0] > 0, 32767, -32768)
    ours, reference = (one.glance(np.array([3, 1, 0, 2]), heard) for one in both)
    assert ours.tolist() == reference.tolist() == [True, True, False, False]


def test_without_the_library_numpy_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.native_arithmetic.LIBRARY", LIBRARY.with_name("none.so"))
    assert isinstance(native_arithmetic.best(), NumpyArithmetic)
