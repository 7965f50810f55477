"""A port that is withheld: its keys are in no recording and no capture, and nobody hears them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import commands, events, pcap
from media.codecs import g711
from media.dtmf import EVENTS, Listener, payload
from media.frames import FRAME, Pcm
from media.tones import DIGITS, tone
from tests.lib.rig import DTMF, Rig, Sent, plan_of, voice

CARD = "4111111111111111"
PLAYOUT = 5  # frames until all that came was played


def keys_in(pcm: Pcm) -> str:
    """What a listener makes of some audio."""
    listener, row = Listener(1), np.array([0])
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, 1, FRAME)
    return "".join(digit for frame in frames for _, digit in listener.listen(row, frame))


def recorded(path: Path) -> list[Pcm]:
    """The channels of a file."""
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return list(pcm.reshape(-1, file.getnchannels()).T)


def pressed(keys: str) -> Pcm:
    """The keys as tones."""
    parts = [tone(*DIGITS[key], on_ms=80, off_ms=80, level=-12.0) for key in keys]
    return np.concatenate(parts)


def say(rig: Rig, pcm: Pcm) -> Pcm:
    """The peer of row 0 says it; what that of row 1 is sent meanwhile."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    law = np.zeros(1, np.int64)
    wire = [g711.encode(frame[None], law)[0].tobytes() for frame in frames] + PLAYOUT * [b"\xff" * FRAME]
    heard = []
    for number, data in enumerate(wire):
        sent = rig.tick(voice(0, number, data), voice(1, number, b"\xff" * FRAME))
        heard += [one.payload for one in sent.get(1, []) if one.payload_type == 0]
    frames_heard = np.frombuffer(b"".join(heard), np.uint8).reshape(1, -1)
    said: Pcm = g711.decode(frames_heard, law)[0]
    return said


def record(rig: Rig, name: str, path: Path, port: int, room: int = -1) -> Path:
    file = path / f"{name}.wav"
    rig.do(commands.Record(port, name, str(file), 2 if room < 0 else 1, "both" if room < 0 else "inbound", room=room))
    return file


@pytest.mark.parametrize("withheld", [False, True])
def test_no_recording_of_a_bridge_has_its_keys(tmp_path: Path, withheld: bool) -> None:
    """Its own, and that of its peer; they are there where nothing is withheld."""
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    mine, other = record(rig, "a", tmp_path, 0), record(rig, "b", tmp_path, 1)
    rig.do(commands.Withhold(0, withheld))
    heard = say(rig, pressed(CARD))
    for name in "ab":
        rig.do(commands.StopRecord(0 if name == "a" else 1, name))
    channels = [recorded(mine)[0], recorded(other)[1]]
    assert [keys_in(pcm) for pcm in (*channels, heard)] == 3 * ["" if withheld else CARD]
    assert [pcm.any() for pcm in channels] == 2 * [not withheld]


@pytest.mark.parametrize("withheld", [False, True])
def test_no_recording_of_a_room_or_of_a_member_has_its_keys(tmp_path: Path, withheld: bool) -> None:
    rig = Rig(3)
    for row in range(3):
        rig.do(commands.Join(row, 7))
    room, member = record(rig, "room", tmp_path, -1, 7), record(rig, "member", tmp_path, 2)
    rig.do(commands.Withhold(0, withheld))
    heard = say(rig, pressed(CARD))
    rig.do(commands.StopRecord(-1, "room"))
    rig.do(commands.StopRecord(2, "member"))
    channels = [recorded(room)[0], recorded(member)[1]]
    assert [keys_in(pcm) for pcm in (*channels, heard)] == 3 * ["" if withheld else CARD]


@pytest.mark.parametrize("withheld", [False, True])
def test_who_taps_a_port_gets_silence_of_it(withheld: bool) -> None:
    """A recorder elsewhere (RFC 7866)."""
    rig = Rig(2)
    rig.do(commands.Tap(1, 0, "inbound"))
    rig.do(commands.Withhold(0, withheld))
    assert keys_in(say(rig, pressed("159"))) == ("" if withheld else "159")


def test_its_keys_are_read_all_the_same() -> None:
    """In band, where no events were agreed."""
    rig = Rig(2, connect=False)
    for row in range(2):
        rig.do(commands.Connect(row, plan_of(row, dtmf=-1)))
    rig.do(commands.Bridge(0, 1))
    rig.do(commands.Withhold(0, True))
    assert keys_in(say(rig, pressed("159"))) == ""
    said = [event for event in rig.heard(events.DigitReceived) if isinstance(event, events.DigitReceived)]
    assert "".join(event.digit for event in said) == "159"


def test_a_peer_gets_no_telephone_events_of_it_and_goes_on_hearing_it() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    rig.do(commands.Withhold(0, True))
    time = np.arange(4000) / 8000
    assert np.abs(say(rig, (9000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16))).max() > 8000
    event = Sent(0, payload(EVENTS.index("4"), True, 800), 60, 90000, DTMF)
    sent = [one for _ in range(10) for one in rig.tick(event).get(1, [])]
    assert {one.payload_type for one in sent} == {0}
    assert len(rig.heard(events.DigitReceived)) == 1


def test_its_packets_are_in_no_capture(tmp_path: Path) -> None:
    """Neither what it says nor what it is sent, strangers' packets included; before and afterwards they are."""
    rig, path = Rig(1), tmp_path / "a.pcap"
    path.touch()
    rig.do(commands.Capture(0, str(path), 1 << 20, "192.0.2.99", 20000))
    counts = []
    for on in (False, True, False):
        rig.do(commands.Withhold(0, on))
        for number in range(5):
            stranger = Sent(0, b"x" * FRAME, number, 0, source=("203.0.113.66", 6666))
            event = Sent(0, payload(4, True, 800), 50 + number, 90000, DTMF)
            rig.tick(voice(0, number), stranger, event)
        counts.append(len(list(pcap.records(path.read_bytes()))))
    rig.do(commands.StopCapture(0))
    assert counts == [20, 20, 40]


@settings(deadline=None, max_examples=25)
@given(st.text("0123456789*#ABCD", min_size=1, max_size=6), st.integers(0, FRAME - 1), st.sampled_from((-8.0, -20.0)))
def test_wherever_a_key_begins_nothing_of_it_is_heard(keys: str, begins: int, level: float) -> None:
    """Not even the parts of the first and the last frame."""
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    rig.do(commands.Withhold(0, True))
    parts = [tone(*DIGITS[key], on_ms=90, off_ms=110, level=level) for key in keys]
    pcm = np.concatenate([np.zeros(begins + 4 * FRAME, np.int16), *parts, np.zeros(4 * FRAME, np.int16)])
    assert np.abs(say(rig, pcm)).max() < 500


def test_a_row_that_was_released_is_not_withheld_when_it_is_taken_again() -> None:
    rig = Rig(1)
    rig.do(commands.Withhold(0, True))
    rig.do(commands.Release(0))
    assert not rig.engine.ports.withheld.any()
