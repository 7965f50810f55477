"""Digits in the audio and as telephone events."""

from __future__ import annotations

import numpy as np
import pytest

from media.digits import EventPacket, Keys
from media.dtmf import EVENTS, Events, Listener
from media.frames import FRAME, Pcm
from media.tones import DIGITS, tone


def heard(pcm: Pcm) -> list[str]:
    """What a listener makes of some audio."""
    listener, row = Listener(1), np.array([0])
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, 1, FRAME)
    return [digit for frame in frames for _, digit in listener.listen(row, frame)]


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("level", [-6.0, -15.0, -25.0])
@pytest.mark.parametrize("drift", [0.985, 1.0, 1.015])
def test_each_digit_is_heard_once_per_press(digit: str, level: float, drift: float) -> None:
    """ITU-T Q.24: 1.5 % off is still a digit."""
    low, high = DIGITS[digit]
    press = tone(low * drift, high * drift, on_ms=100, off_ms=100, level=level)
    assert heard(np.concatenate((press, press))) == [digit, digit]


wherever = pytest.mark.parametrize("begins", range(0, FRAME, 40))


@wherever
@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("level", [-8.0, -27.0])
def test_the_shortest_digits_and_pauses_are_heard_wherever_in_a_frame_they_begin(
    digit: str, level: float, begins: int
) -> None:
    """ITU-T Q.24: 40 ms each."""
    press = tone(*DIGITS[digit], on_ms=40, off_ms=40, level=level)
    assert heard(np.concatenate((np.zeros(begins, np.int16), press, press, press))) == 3 * [digit]


@wherever
@pytest.mark.parametrize("digit", "1D")
def test_what_is_too_short_is_no_digit(digit: str, begins: int) -> None:
    """ITU-T Q.24: up to 23 ms."""
    press = tone(*DIGITS[digit], on_ms=23, off_ms=80, level=-8.0)
    assert heard(np.concatenate((np.zeros(begins, np.int16), press, press))) == []


@wherever
@pytest.mark.parametrize("lost", range(2, 8))
def test_a_packet_that_is_lost_makes_no_two_digits_of_one(lost: int, begins: int) -> None:
    pcm = np.concatenate((np.zeros(begins, np.int16), tone(*DIGITS["5"], on_ms=180, off_ms=100)))
    pcm[lost * FRAME : (lost + 1) * FRAME] = 0
    assert heard(pcm) == ["5"]


@wherever
@pytest.mark.parametrize("twist", [-8.0, 4.0])
def test_one_tone_may_be_louder_than_the_other(twist: float, begins: int) -> None:
    """ITU-T Q.24: the high one by 4 dB, the low one by 8."""
    low, high = (tone(hertz, 0.0, on_ms=50, off_ms=50) for hertz in DIGITS["9"])
    press = (low + high * 10 ** (twist / 20)).astype(np.int16) // 2
    assert heard(np.concatenate((np.zeros(begins, np.int16), press, press))) == ["9", "9"]


def test_digits_are_heard_through_noise() -> None:
    random = np.random.default_rng(1)
    pcm = np.concatenate([tone(*DIGITS[digit], on_ms=80, off_ms=80, level=-12.0) for digit in "1590*#"])
    noise = random.normal(0, 32768 * 10 ** (-30 / 20), len(pcm))
    assert heard((pcm + noise).clip(-32768, 32767).astype(np.int16)) == list("1590*#")


def test_voices_and_single_tones_are_no_digits() -> None:
    """A minute of harmonics that glide as a voice does."""
    time = np.arange(60 * 8000) / 8000
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * time) + 15 * np.sin(2 * np.pi * 3.1 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 8000
    voice = sum((np.sin(k * phase) / k for k in range(1, 20)), np.zeros(len(time)))
    pcm = (6000 * voice * (0.5 + 0.5 * np.sin(2 * np.pi * 2 * time))).clip(-32768, 32767).astype(np.int16)
    assert heard(pcm) == []
    assert heard(tone(697.0, 0.0, on_ms=2000)) == []


def test_an_event_is_one_digit_whichever_packets_arrive() -> None:
    """RFC 4733 §2.5.2: the timestamp names the event."""
    events = Events(1)

    def receive(timestamp: int, event: int) -> list[tuple[int, str]]:
        return events.receive(np.array([0]), np.array([timestamp]), np.array([event]))

    assert receive(800, 1) == [(0, "1")]
    assert receive(800, 1) == []
    assert receive(2400, 5) == [(0, "5")]  # its start was lost: any of its packets says it
    assert receive(800, 1) == []  # late
    assert receive(4000, 16) == []  # a flash is no digit


@pytest.mark.parametrize("new", [100, 3_000_000_000 - 800_000, 2**32 - 1])
def test_events_of_a_new_stream_are_digits_wherever_its_timestamps_begin(new: int) -> None:
    """A peer that was moved, or began anew, has others."""
    events = Events(1)
    for timestamp in (3_000_000_000, new):
        said = [events.receive(np.array([0]), np.array([timestamp]), np.array([5])) for _ in range(3)]
        assert said == [[(0, "5")], [], []]


def test_sent_events_begin_grow_and_end_three_times() -> None:
    packets = [step for step in Keys("5", events=True) if isinstance(step, EventPacket)]
    assert [packet.first for packet in packets] == [True] + [False] * 8
    assert all(packet.payload[0] == EVENTS.index("5") for packet in packets)
    assert [packet.payload[1] >> 7 for packet in packets] == [0] * 6 + [1] * 3
    assert [int.from_bytes(packet.payload[2:], "big") for packet in packets] == [160, 320, 480, 640, 800, 960] + [
        960
    ] * 3


def test_sent_tones_are_heard_as_what_they_are() -> None:
    silence = np.zeros(FRAME, np.int16)
    frames = [step if isinstance(step, np.ndarray) else silence for step in Keys("0w9", events=False)]
    assert heard(np.concatenate(frames)) == ["0", "9"]
