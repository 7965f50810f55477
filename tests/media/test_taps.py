"""Ports that are fed with what another one says and hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from media import commands
from media.codecs import SILENCE, g711
from media.frames import FRAME
from media.tones import tone
from tests.lib.rig import Rig, plan_of, voice

QUIET = bytes([SILENCE[0]] * FRAME)


def ulaw(hz: float, ticks: int) -> list[bytes]:
    """So many frames of a tone."""
    pcm = tone(hz, 0.0, on_ms=20 * ticks)
    wire = g711.encode(pcm[None, :], np.array([0])).tobytes()
    return [wire[start : start + FRAME] for start in range(0, len(wire), FRAME)]


def pitch(wire: bytes, law: int = 0) -> int:
    """The loudest frequency of G.711, 0 for silence."""
    pcm = g711.decode(np.frombuffer(wire, np.uint8)[None, :], np.array([law]))[0].astype(np.float64)
    power = np.abs(np.fft.rfft(pcm))
    return round(float(power.argmax()) * 8000 / len(pcm)) if np.abs(pcm).max() > 100 else 0


def heard(rig: Rig, ports: tuple[int, ...], ticks: int, said: dict[int, float]) -> dict[int, bytes]:
    """What the ports send while others say these tones, the first 200 ms left out."""
    frames = {row: ulaw(hz, ticks) for row, hz in said.items()}
    wire = dict.fromkeys(ports, b"")
    for number in range(ticks):
        out = rig.tick(*(voice(row, number, frames[row][number]) for row in said))
        for port in ports:
            if number >= 10:
                wire[port] += b"".join(packet.payload for packet in out.get(port, []))
    return wire


def test_one_port_is_fed_with_what_the_peer_says_the_other_with_what_it_hears() -> None:
    rig = Rig(4)
    rig.do(commands.Bridge(0, 1))
    rig.do(commands.Connect(3, plan_of(3, "PCMA")))
    rig.do(commands.Tap(2, 0, "inbound"))
    rig.do(commands.Tap(3, 0, "outbound"))
    wire = heard(rig, (0, 1, 2, 3), 60, {0: 400.0, 1: 1000.0})
    assert (pitch(wire[2]), pitch(wire[3], 1)) == (400, 1000)
    assert (pitch(wire[1]), pitch(wire[0])) == (400, 1000)  # the call goes on as before
    assert len(wire[2]) == len(wire[3]) == 50 * FRAME


def test_what_plays_into_the_source_is_what_its_peer_hears() -> None:
    rig = Rig(2)
    rig.do(commands.Tap(1, 0, "outbound"))
    rig.do(commands.Play(0, 1, (commands.Tone(600.0, 0.0, 2000, 0),)))
    wire = heard(rig, (0, 1), 50, {})
    assert wire[1] == wire[0]
    assert pitch(wire[1]) == 600


def test_a_port_whose_far_end_holds_is_sent_nothing_and_the_others_go_on() -> None:
    rig = Rig(3)
    rig.do(commands.Tap(1, 0, "inbound"))
    rig.do(commands.Tap(2, 0, "inbound"))
    rig.do(commands.Connect(1, plan_of(1, send=False, receive=False)))
    wire = heard(rig, (1, 2), 40, {0: 400.0})
    assert wire[1] == b""
    assert pitch(wire[2]) == 400


def test_after_the_end_of_the_source_there_is_silence() -> None:
    rig = Rig(2)
    rig.do(commands.Tap(1, 0, "inbound"))
    heard(rig, (1,), 20, {0: 400.0})
    rig.do(commands.Release(0))
    assert rig.frame(1) == QUIET


def test_after_the_last_tap_a_bridge_passes_bytes_on_again() -> None:
    rig = Rig(3)
    rig.do(commands.Bridge(0, 1))
    rig.do(commands.Tap(2, 0, "inbound"))
    rig.tick(voice(0, 0))
    rig.do(commands.Release(2))
    rig.tick(voice(0, 1))
    passed = rig.tick(voice(0, 2, bytes(range(FRAME))))[1]
    assert [one.payload for one in passed] == [bytes(range(FRAME))]


def test_a_port_that_is_recorded_as_well_stays_so(tmp_path: Path) -> None:
    rig = Rig(2)
    rig.do(commands.Tap(1, 0, "inbound"))
    rig.do(commands.Record(0, "RE1", str(tmp_path / "x.wav")))
    rig.do(commands.StopRecord(0, "RE1"))
    assert pitch(heard(rig, (1,), 40, {0: 400.0})[1]) == 400


def test_a_source_that_is_not_there_feeds_nobody() -> None:
    rig = Rig(1)
    rig.do(commands.Tap(0, 7))
    assert rig.frame(0) == QUIET
