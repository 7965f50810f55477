"""Digits on their way out: heard at the far end as what they are, and taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media import commands, events
from media.codecs import SILENCE, g711
from media.digits import GAP, ON
from media.frames import FRAME, RATE
from media.tones import DIGITS, KEYS
from tests.lib.rig import DTMF, Rig, Sent, plan_of

QUIET = bytes([SILENCE[0]] * FRAME)


def sending(digits: str, dtmf: int, number: int = 1) -> Rig:
    rig = Rig(2, connect=False)
    for row in range(2):
        rig.do(commands.Connect(row, plan_of(row, dtmf=dtmf)))
    rig.do(commands.SendDigits(0, number, digits))
    return rig


def until_sent(rig: Rig, number: int = 1) -> list[Sent]:
    packets: list[Sent] = []
    while events.DigitsSent(0, number) not in rig.said:
        packets += rig.tick()[0]
    return packets


def digits_of(packets: list[Sent]) -> str:
    """The digits that begin in them, as events."""
    names = "0123456789*#ABCD"
    return "".join(names[one.payload[0]] for one in packets if one.payload_type == DTMF and one.marker)


@pytest.mark.parametrize("dtmf", [DTMF, -1])
def test_all_digits_are_heard_by_another_port(dtmf: int) -> None:
    packets = until_sent(sending(KEYS, dtmf))
    far = Rig(1, connect=False)
    far.do(commands.Connect(0, plan_of(0, dtmf=dtmf)))
    for one in packets:
        far.tick(Sent(0, one.payload, one.sequence, one.timestamp, one.payload_type, marker=one.marker))
    far.run(0.4)
    assert "".join(one.digit for one in far.said if isinstance(one, events.DigitReceived)) == KEYS
    assert {one.inband for one in far.said if isinstance(one, events.DigitReceived)} == {dtmf < 0}


@pytest.mark.parametrize("digit", KEYS)
def test_a_tone_has_both_its_frequencies_at_one_level_and_its_length(digit: str) -> None:
    """ITU-T Q.24: at least 40 ms of each; 1.5 % of frequency."""
    packets = until_sent(sending(digit, -1))
    pcm = g711.decode(
        np.frombuffer(b"".join(one.payload for one in packets), np.uint8)[None, :], np.zeros(1, np.int64)
    )[0]
    on = ON * FRAME
    assert len(packets) == ON + GAP + 1
    assert not pcm[on:].any()
    spectrum = np.abs(np.fft.rfft(pcm[:on] * np.hanning(on), 8 * on))
    step = RATE / (8 * on)
    levels = []
    for hertz in DIGITS[digit]:
        around = spectrum[round(hertz * 0.985 / step) : round(hertz * 1.015 / step) + 1]
        levels.append(20 * np.log10(around.max() / (on / 4) / 32768))
    assert levels == pytest.approx([-10.0, -10.0], abs=0.5)


@pytest.mark.parametrize("dtmf", [DTMF, -1])
def test_digits_that_are_replaced_end_with_the_one_that_has_begun(dtmf: int) -> None:
    rig = sending("123", dtmf)
    packets = [packet for _ in range(3) for packet in rig.tick()[0]]
    assert rig.do(commands.SendDigits(0, 2, "9")) == [events.DigitsSent(0, 1)]
    packets += until_sent(rig, 2)
    far = Rig(1, connect=False)
    far.do(commands.Connect(0, plan_of(0, dtmf=dtmf)))
    for one in packets:
        far.tick(Sent(0, one.payload, one.sequence, one.timestamp, one.payload_type, marker=one.marker))
    far.run(0.4)
    assert "".join(one.digit for one in far.said if isinstance(one, events.DigitReceived)) == "19"
    assert [one for one in rig.said if isinstance(one, events.DigitsSent)] == [
        events.DigitsSent(0, 1), events.DigitsSent(0, 2),
    ]  # fmt: skip
    if dtmf >= 0:
        assert sum(1 for one in packets if one.payload_type == DTMF and one.payload[1] & 0x80) == 6  # both were ended


def test_no_digits_take_back_those_that_wait() -> None:
    rig = sending("WWWW5", DTMF)
    for _ in range(10):
        rig.tick()
    assert rig.do(commands.SendDigits(0, 2, "")) == [events.DigitsSent(0, 1)]
    assert digits_of(until_sent(rig, 2)) == ""
    rig.run(5.0)
    assert [one.payload for one in rig.tick()[0]] == [QUIET]
    assert rig.heard(events.DigitsSent) == [events.DigitsSent(0, 1), events.DigitsSent(0, 2)]


@pytest.mark.parametrize("dtmf", [DTMF, -1])
def test_digits_wait_while_the_peer_holds_the_call(dtmf: int) -> None:
    """Also in the midst of one."""
    rig, packets = sending("12", dtmf), []
    for ticks in (2, 7, 5, 40):
        packets += [one for _ in range(ticks) for one in rig.tick()[0]]
        rig.do(commands.Connect(0, plan_of(0, dtmf=dtmf, send=False)))
        rig.run(0.5)
        assert not rig.heard(events.DigitsSent) or ticks == 40
        rig.do(commands.Connect(0, plan_of(0, dtmf=dtmf)))
    assert rig.heard(events.DigitsSent) == [events.DigitsSent(0, 1)]
    if dtmf >= 0:
        assert list({one.timestamp: one.payload[0] for one in packets if one.payload_type == DTMF}.values()) == [1, 2]


def test_digits_that_begin_on_hold_are_sent_when_it_is_over() -> None:
    rig = Rig(2)
    rig.do(commands.Connect(0, plan_of(0, send=False)))
    rig.do(commands.SendDigits(0, 1, "5"))
    rig.run(0.1)
    rig.do(commands.Connect(0, plan_of(0)))
    assert digits_of(until_sent(rig)) == "5"


def test_events_that_are_agreed_on_no_more_are_not_sent() -> None:
    rig = sending("12", DTMF)
    rig.run(0.06)
    rig.do(commands.Connect(0, plan_of(0, dtmf=-1)))
    assert {one.payload_type for one in until_sent(rig)} == {0}
    rig.do(commands.SendDigits(0, 2, "3"))
    rig.run(0.02)
    rig.do(commands.Connect(0, plan_of(0)))
    until_sent(rig, 2)


def test_digits_that_are_replaced_before_they_begin_are_not_sent() -> None:
    rig = sending("1", DTMF)
    rig.do(commands.SendDigits(0, 2, "9"))
    assert digits_of(until_sent(rig, 2)) == "9"


def test_a_recording_of_what_is_sent_has_silence_for_events(tmp_path: Path) -> None:
    rig, path = Rig(1), tmp_path / "a.wav"
    rig.do(commands.Record(0, "RE1", str(path), tracks="outbound"))
    rig.do(commands.SendDigits(0, 1, "5"))
    rig.run(0.4)
    rig.do(commands.StopRecord(0, "RE1"))
    assert len(path.read_bytes()) == 44 + 20 * 2 * FRAME
    assert not any(path.read_bytes()[44:])
