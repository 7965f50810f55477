"""Captured ports: what comes and goes is in the file, as IP packets, and nothing else is; the file is bounded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from media import commands, events, pcap
from media.frames import TICK
from media.inbox import Stray
from media.ports import Address
from media.rtcp import EVERY, Report
from tests.lib.rig import Rig, peer_of, plan_of, voice

OURS: Address = ("192.0.2.99", 20000)
STRANGER = ("203.0.113.66", 6666)
Seen = tuple[float, Address, Address, bytes]


def seen_in(file: bytes) -> list[Seen]:
    """Time, source, destination and payload of each packet of IPv4, whose checksums hold."""
    assert struct.unpack_from("<IHHiIII", file) == (0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    found = []
    for at, rest in pcap.records(file):
        size, packet = struct.unpack_from("<I", rest)[0], rest[8:]
        assert size == len(packet) == struct.unpack_from(">H", packet, 2)[0]
        assert packet[0] == 0x45
        assert pcap.checksum(packet[:20]) == 0
        assert pcap.checksum(packet[12:20] + struct.pack(">HH", 17, size - 20) + packet[20:]) == 0
        ports = struct.unpack_from(">HH", packet, 20)
        hosts = [".".join(map(str, packet[start : start + 4])) for start in (12, 16)]
        found.append((at / 1e6, (hosts[0], ports[0]), (hosts[1], ports[1]), packet[28:]))
    return found


def capture(rig: Rig, path: Path, limit: int = 1 << 20, row: int = 0) -> None:
    if path.parent.exists():
        path.touch()
    rig.do(commands.Capture(row, str(path), limit, *OURS))


def test_what_comes_and_goes_is_in_the_file_with_its_time(tmp_path: Path) -> None:
    rig, path = Rig(2), tmp_path / "a.pcap"
    rig.tick(voice(0, 0), voice(1, 0))
    capture(rig, path)
    began = rig.now
    sent = [rig.tick(voice(0, number), voice(1, number))[0][0] for number in (1, 2)]
    rig.do(commands.StopCapture(0))
    rig.tick(voice(0, 3))
    seen = seen_in(path.read_bytes())
    assert [one[1:3] for one in seen] == 2 * [(peer_of(0), OURS), (OURS, peer_of(0))]
    assert [one[0] for one in seen] == pytest.approx([began, began, began + TICK, began + TICK])
    assert [one[3][12:] for one in seen] == [voice(0, 1).payload, sent[0].payload, voice(0, 2).payload, sent[1].payload]
    assert struct.unpack_from(">H", seen[1][3], 2)[0] == sent[0].sequence
    assert rig.heard(events.CaptureEnded) == []


def test_what_is_forwarded_is_seen_where_it_goes(tmp_path: Path) -> None:
    rig, path = Rig(2), tmp_path / "a.pcap"
    rig.do(commands.Bridge(0, 1))
    capture(rig, path, row=1)
    rig.tick(voice(0, 0, b"\x11" * 160))
    rig.do(commands.StopCapture(1))
    ((_, source, destination, data),) = seen_in(path.read_bytes())
    assert (source, destination, data[12:]) == (OURS, peer_of(1), b"\x11" * 160)


@pytest.mark.parametrize("mux", [False, True])
def test_rtcp_is_seen_on_its_own_port_or_on_that_of_rtp(tmp_path: Path, mux: bool) -> None:
    rig, path = Rig(1), tmp_path / "a.pcap"
    ip, port = peer_of(0)
    rig.do(commands.Connect(0, plan_of(0, rtcp_mux=mux, rtcp_port=port if mux else port + 1)))
    capture(rig, path)
    theirs = Report(0, b"\x80\xc9\0\1aaaa", (ip, port if mux else port + 1), mux)
    rig.tick(reports=[theirs])
    while not rig.reports:
        rig.tick()
    rig.do(commands.StopCapture(0))
    seen = [one for one in seen_in(path.read_bytes()) if one[3][1] in (200, 201)]
    ours = OURS[0], OURS[1] + (not mux)
    assert [one[1:] for one in seen] == [(theirs.peer, ours, theirs.data), (ours, theirs.peer, rig.reports[0].data)]
    assert len(seen_in(path.read_bytes())) <= EVERY + 2


def test_strangers_are_seen(tmp_path: Path) -> None:
    rig, path = Rig(1), tmp_path / "a.pcap"
    capture(rig, path)
    rig.tick(voice(0, 0, source=STRANGER), control=[Stray(0, b"rtcp", STRANGER, control=True)])
    rig.do(commands.StopCapture(0))
    came = [(STRANGER, OURS), (STRANGER, (OURS[0], OURS[1] + 1)), (OURS, peer_of(0))]
    assert [one[1:3] for one in seen_in(path.read_bytes())] == came


def test_a_full_file_ends_the_capture_and_nothing_else(tmp_path: Path) -> None:
    rig, path = Rig(1), tmp_path / "a.pcap"
    capture(rig, path, limit=5000)
    for number in range(100):
        assert len(rig.tick(voice(0, number))[0]) == 1
    assert 4000 < path.stat().st_size <= 5000
    assert rig.heard(events.CaptureEnded) == [events.CaptureEnded(0, "full")]
    assert not rig.engine.ports.captured.any()


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    rig = Rig(1)
    capture(rig, tmp_path / "nowhere" / "a.pcap")
    for number in range(51):
        assert len(rig.tick(voice(0, number))[0]) == 1
    assert rig.heard(events.CaptureEnded) == [events.CaptureEnded(0, "failed", "No such file or directory")]


def test_a_row_that_is_given_back_is_captured_no_more(tmp_path: Path) -> None:
    rig, path = Rig(1), tmp_path / "a.pcap"
    capture(rig, path)
    rig.tick(voice(0, 0))
    rig.do(commands.Release(0))
    size = path.stat().st_size
    rig.engine.take(0)
    rig.do(commands.Connect(0, plan_of(0)))
    rig.tick(voice(0, 1))
    assert path.stat().st_size == size > len(pcap.FILE_HEADER)


def test_a_file_is_read_up_to_any_byte_of_it() -> None:
    """It may be read while it is written."""
    whole = pcap.FILE_HEADER + b"".join(pcap.record(one, OURS, STRANGER, bytes(one)) for one in range(1, 4))
    for end in range(len(pcap.FILE_HEADER), len(whole) + 1):
        found = list(pcap.records(whole[:end]))
        assert found == list(pcap.records(whole))[: len(found)]
        assert len(found) == 3 or end < len(whole)


def test_ipv6_and_what_is_too_long() -> None:
    packet = pcap.udp(("2001:db8::1", 5060), ("2001:db8::2", 5070), b"hello")
    assert struct.unpack_from(">IHBB", packet) == (6 << 28, 13, 17, 64)
    assert pcap.checksum(packet[8:40] + struct.pack(">IHBB", 13, 0, 0, 17) + packet[40:]) == 0
    ((_, rest),) = pcap.records(pcap.FILE_HEADER + pcap.record(1.5, OURS, STRANGER, bytes(70000)))
    kept, was = struct.unpack_from("<II", rest)
    assert (kept, was) == (pcap.LONGEST + 28, 70000 + 28)
