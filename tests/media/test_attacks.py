"""Attacks on a port, before and after its peer is known: what the victim hears is what it hears undisturbed.

Each attack runs beside a stream that is bridged and recorded; the far end and the recording are compared, byte by byte,
with those of a run without it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from media import commands, events
from media.arrivals import SOURCES
from media.frames import FRAME
from media.inbox import Stray
from media.latch import SUITORS
from media.recorder import Recorder
from media.rtcp import BYE, Report
from tests.lib.rig import DTMF, Rig, Sent, peer_of, plan_of, voice

pytestmark = pytest.mark.usefixtures("both_loops")

TICKS = 100
STRANGER = ("203.0.113.66", 6666)
Attack = Callable[[int], list[Sent]]


def speech(number: int) -> Sent:
    """What the victim's peer says."""
    wave = np.random.default_rng(number).integers(0, 256, FRAME, np.uint8)
    return voice(0, number, wave.tobytes())


def run(folder: Path, attack: Attack) -> tuple[list[bytes], bytes, Rig]:
    """What the bridged far end heard, what was recorded of the victim, and the rig."""
    said: list[events.Event] = []
    rig = Rig(2, recorder=Recorder(said.append, threaded=False))
    rig.do(commands.Bridge(0, 1))
    path = folder / f"{len(list(folder.iterdir()))}.wav"
    rig.do(commands.Record(0, "r", str(path)))
    heard = []
    for number in range(TICKS):
        packets = attack(number) if number else []  # the call goes on already
        before, after = packets[: len(packets) // 2], packets[len(packets) // 2 :]
        heard += [one.payload for one in rig.tick(*before, speech(number), *after).get(1, [])]
    rig.do(commands.StopRecord(0, "r"))
    return heard, path.read_bytes(), rig


def forged(number: int, **other: object) -> Sent:
    """A packet that is loud and not the peer's."""
    return replace(voice(0, number, bytes([0x80] * FRAME)), **other)  # type: ignore[arg-type]


FROM_ELSEWHERE: dict[str, Attack] = {
    "another address, the same SSRC": lambda n: [forged(n, source=STRANGER)],
    "another port of the peer": lambda n: [forged(n, source=("192.0.2.1", 9))],
    "another SSRC": lambda n: [forged(n, source=STRANGER, ssrc=99)],
    "a flood": lambda n: [forged(n + k, source=STRANGER) for k in range(200)],
    "junk": lambda n: [Sent(0, bytes(range(k)), k, 3, 127, source=STRANGER) for k in range(0, 160, 7)],
}
FROM_THE_PEERS_ADDRESS: dict[str, Attack] = {
    "another SSRC beside it": lambda n: [forged(n, ssrc=99)],
    "another SSRC, many in a row": lambda n: [forged(5 * n + k, ssrc=99) for k in range(5)],
    "a leap of the sequence": lambda n: [forged(n + 30000, timestamp=n * FRAME)] if n % 10 == 5 else [],
    "a leap of sequence and timestamp": lambda n: [forged(n + 30000)] if n % 10 == 5 else [],
    "a leap no longer than what may get lost": lambda n: [forged(n + 1000)] if n % 10 == 5 else [],
    "a payload type that was not agreed": lambda n: [forged(n, payload_type=9)],
    "a truncated packet": lambda n: [Sent(0, b"", n, n * FRAME, ssrc=99)],
    "no RTP": lambda n: [Sent(0, bytes(300), n, 1, 77, ssrc=99)],
    "a telephone event of another SSRC": lambda n: [forged(n, ssrc=99, payload_type=DTMF, payload=b"\1\0\0\xa0")],
}


@pytest.mark.parametrize("attack", FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
def test_who_is_not_the_peer_is_not_heard_and_is_told(tmp_path: Path, attack: Attack) -> None:
    heard, recorded, _ = run(tmp_path, lambda n: [])
    attacked, recording, rig = run(tmp_path, attack)
    assert attacked == heard
    assert recording == recorded
    told = rig.heard(events.Strangers)
    assert told
    assert {(one.ip, one.udp_port) for one in told if isinstance(one, events.Strangers)} <= {
        STRANGER, ("192.0.2.1", 9),
    }  # fmt: skip


@pytest.mark.parametrize("attack", FROM_THE_PEERS_ADDRESS.values(), ids=FROM_THE_PEERS_ADDRESS)
def test_forged_packets_in_the_peers_name_change_nothing(tmp_path: Path, attack: Attack) -> None:
    heard, recorded, _ = run(tmp_path, lambda n: [])
    attacked, recording, rig = run(tmp_path, attack)
    assert attacked == heard
    assert recording == recorded
    assert rig.heard(events.DigitReceived) == []


def test_a_forged_rtcp_bye_ends_nothing() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    for number in range(TICKS):
        bye = Report(0, struct.pack(">BBHI", 0x81, BYE, 1, 7), peer_of(0))
        assert [one.payload for one in rig.tick(speech(number), reports=[bye])[1]] == [speech(number).payload]


def test_rtcp_of_strangers_is_told_and_changes_nothing() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    lost = struct.pack(">BBHI", 0x81, 201, 7, 7) + struct.pack(">IIIIII", rig.engine.ports.ssrc[0], 99, 0, 0, 0, 0)
    forged = [Stray(0, data, STRANGER, control=True) for data in (lost, struct.pack(">BBHI", 0x81, BYE, 1, 7))]
    for number in range(TICKS):
        assert [one.payload for one in rig.tick(speech(number), control=forged)[1]] == [speech(number).payload]
    assert rig.heard(events.Strangers)[0] == events.Strangers(0, *STRANGER, 100)
    assert rig.engine._reports.lost_far[0] == 0


def test_rtcp_of_a_peer_that_is_yet_to_be_followed_is_no_strangers() -> None:
    rig = behind_nat()
    report = Stray(0, struct.pack(">BBHI", 0x80, 201, 1, 7), (SIGNALLING, 31001), control=True)
    for number in range(30):
        rig.tick(voice(0, number, source=NAT), control=[report] if number < 2 else [])
    rig.run(6)
    assert rig.heard(events.Latched) == [events.Latched(0, *NAT)]
    assert rig.heard(events.Strangers) == []


def test_junk_on_the_port_for_rtcp_keeps_no_dead_call_up() -> None:
    """RTCP of the peer does, as of one on hold."""
    for data, lost in ((b"junk" * 20, 1), (struct.pack(">BBHI", 0x80, 201, 1, 7), 0)):
        rig = Rig(1, idle_seconds=5.0)
        for _ in range(300):
            rig.tick(reports=[Report(0, data, peer_of(0))])
        assert len(rig.heard(events.MediaLost)) == lost


@pytest.mark.parametrize("junk", [b"", b"\x80", b"\x81\xc8\xff\xff", bytes(1500), b"\x9f\xc9\0\1aaaa" * 100])
def test_rtcp_that_is_none_does_no_harm(junk: bytes) -> None:
    rig = Rig(1)
    assert len(rig.tick(speech(0), reports=[Report(0, junk, peer_of(0))])[0]) == 1


def test_before_the_peer_is_known_nobody_is_heard() -> None:
    rig = Rig(2, connect=False)
    for number in range(10):
        assert rig.tick(forged(number, source=STRANGER)) == {}
    rig.run(1)
    assert rig.heard(events.Strangers) == [events.Strangers(0, *STRANGER, 10)]


def test_a_stranger_cannot_latch_in_the_peers_place() -> None:
    """The plan would follow a peer behind NAT: only from the signalling's host, only in its first five seconds."""
    rig = Rig(1, connect=False)
    plan = plan_of(0, remote_ip="10.0.0.5", signalling_ip="198.51.100.7")
    rig.do(commands.Connect(0, plan))
    for number in range(20):
        rig.tick(forged(number, source=STRANGER))
    assert rig.heard(events.Latched) == []
    for number in range(3):
        rig.tick(voice(0, number, source=("198.51.100.7", 40000)))
    assert rig.heard(events.Latched) == [events.Latched(0, "198.51.100.7", 40000)]
    for number in range(20):
        rig.tick(forged(number, source=("198.51.100.7", 40001)))
    assert len(rig.heard(events.Latched)) == 1
    assert rig.engine.ports.remote[0] == ("198.51.100.7", 40000)


def test_a_peer_that_moves_by_re_invite_is_heard_at_once() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    rig.tick(voice(0, 0))
    rig.do(commands.Connect(0, plan_of(0, remote_ip="192.0.2.77", remote_port=7000)))
    moved = voice(0, 500, bytes([9] * FRAME), ssrc=1234, source=("192.0.2.77", 7000))
    assert [one.payload for one in rig.tick(moved)[1]][-1] == bytes([9] * FRAME)
    assert not any(one.payload == bytes([7] * FRAME) for one in rig.tick(voice(0, 1, bytes([7] * FRAME))).get(1, []))


def test_a_peer_that_begins_anew_with_another_ssrc_is_heard_again() -> None:
    """It stops, and comes back as another stream: what is lost is its proof."""
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    for number in range(10):
        rig.tick(voice(0, number))
    for _ in range(5):
        rig.tick()
    heard = [rig.tick(voice(0, 7000 + number, bytes([50 + number] * FRAME), ssrc=1234)) for number in range(5)]
    passed = [
        one.payload[0] for sent in heard for one in sent.get(1, []) if one.payload[0] >= 50 and one.payload[0] < 60
    ]
    assert passed == [51, 52, 53, 54]


def test_a_peer_that_changes_its_ssrc_without_a_pause_is_heard_after_three_frames_at_most() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    for number in range(10):
        rig.tick(voice(0, number))
    heard = [rig.tick(voice(0, number, bytes([50 + number] * FRAME), ssrc=1234)) for number in range(6)]
    passed = [one.payload[0] for sent in heard for one in sent.get(1, []) if 50 <= one.payload[0] < 60]
    assert passed[-1] == 55
    assert len(passed) >= 3


# peers behind NAT, and crowds

SIGNALLING = "198.51.100.7"
NAT = (SIGNALLING, 31000)  # where a peer behind NAT really sends from
NEIGHBOUR = (SIGNALLING, 32000)  # another host behind the same NAT


def behind_nat() -> Rig:
    """Row 0 waits for a peer whose SDP names an address behind NAT; row 1 hears it."""
    rig = Rig(2)
    rig.do(commands.Connect(0, plan_of(0, remote_ip="10.0.0.5", signalling_ip=SIGNALLING)))
    rig.do(commands.Bridge(0, 1))
    return rig


def neighbours(number: int, **other: object) -> Sent:
    """What another host behind the same NAT sends."""
    return forged(number, ssrc=99, source=NEIGHBOUR, **other)


def test_a_crowd_of_sources_is_told_in_few_words() -> None:
    """Source addresses cost an attacker nothing: what is kept and told of them is bounded."""
    rig = Rig(1)
    for number in range(51):
        rig.tick(*(forged(number, source=("203.0.113.9", 1024 + 8 * number + one)) for one in range(8)))
    told = [event for event in rig.heard(events.Strangers) if isinstance(event, events.Strangers)]
    assert len(told) == SOURCES + 1
    assert sum(event.packets for event in told) == 8 * 50
    assert [bool(event.ip) for event in told] == [True] * SOURCES + [False]


def test_neighbours_who_send_between_its_packets_do_not_keep_the_peer_from_being_followed() -> None:
    """As many hosts as are looked at, the peer among them; the neighbours' numbers are never in sequence."""
    rig = behind_nat()
    for number in range(5):
        crowd = [forged(7 * number, ssrc=99, source=(SIGNALLING, 32000 + one)) for one in range(SUITORS - 1)]
        rig.tick(*crowd, voice(0, number, source=NAT))
    assert rig.heard(events.Latched) == [events.Latched(0, *NAT)]


def test_no_neighbour_takes_over_from_a_peer_that_is_heard() -> None:
    rig = behind_nat()
    for number in range(100):
        rig.tick(voice(0, number, source=NAT), neighbours(number))
    assert rig.heard(events.Latched) == [events.Latched(0, *NAT)]
    assert rig.engine.ports.remote[0] == NAT


def test_no_neighbour_takes_over_from_a_peer_that_is_where_sdp_said() -> None:
    rig = Rig(2)
    peer = (SIGNALLING, 4000)
    rig.do(
        commands.Connect(
            0, plan_of(0, remote_ip=SIGNALLING, remote_port=4000, symmetric=True, signalling_ip=SIGNALLING)
        )
    )
    for number in range(100):
        rig.tick(voice(0, number, source=peer), neighbours(number))
    assert rig.heard(events.Latched) == []
    assert rig.engine.ports.remote[0] == peer


def test_a_nat_that_rebinds_is_followed_once_the_old_place_is_silent() -> None:
    rig, moved = behind_nat(), (SIGNALLING, 45000)
    for number in range(50):
        rig.tick(voice(0, number, source=NAT))
    for number in range(50, 70):
        rig.tick(voice(0, number, source=moved))
    assert rig.heard(events.Latched) == [events.Latched(0, *NAT)]
    heard = [rig.tick(voice(0, number, source=moved)).get(1, []) for number in range(70, 110)]
    assert rig.heard(events.Latched) == [events.Latched(0, *NAT), events.Latched(0, *moved)]
    assert heard[-1][-1].payload == voice(0, 109).payload


def test_a_nat_that_rebinds_later_than_the_policy_allows_is_a_stranger() -> None:
    rig = behind_nat()
    for number in range(300):
        rig.tick(voice(0, number, source=NAT))
    for number in range(300, 400):
        rig.tick(voice(0, number, source=(SIGNALLING, 45000)))
    assert rig.engine.ports.remote[0] == NAT
    assert rig.heard(events.Strangers)


def test_packets_that_were_not_agreed_on_make_nobody_the_peer() -> None:
    rig = behind_nat()
    for number in range(20):
        rig.tick(neighbours(number, payload_type=18))
    assert rig.heard(events.Latched) == []
    for number in range(3):
        rig.tick(neighbours(number, payload_type=DTMF, payload=b"\1\0\0\xa0"))
    assert rig.heard(events.Latched) == [events.Latched(0, *NEIGHBOUR)]


@pytest.mark.parametrize("ticks", range(45, 51))
def test_the_first_packets_of_a_peer_that_is_followed_are_no_strangers(ticks: int) -> None:
    """Also where strangers are told between them, once a second."""
    rig = behind_nat()
    for _ in range(ticks):
        rig.tick()
    for number in range(300):
        rig.tick(voice(0, number, source=NAT))
    assert rig.heard(events.Latched)
    assert rig.heard(events.Strangers) == []


def test_who_sends_too_little_to_be_followed_is_told_when_nobody_is_looked_for_any_more() -> None:
    rig = behind_nat()
    rig.tick(neighbours(0))
    rig.run(4)
    assert rig.heard(events.Strangers) == []
    rig.run(2.1)
    assert rig.heard(events.Strangers) == [events.Strangers(0, *NEIGHBOUR, 1)]
