"""The RTP sockets of a worker, on real loopback sockets."""

from __future__ import annotations

import resource
import select
import socket
import sys
from collections.abc import Iterator
from mmap import PAGESIZE
from pathlib import Path

import numpy as np
import pytest

from media import native
from media.inbox import Stray
from media.packets import LEAST, LIBRARY, PER_TICK, NativePackets, PacketIO, PythonPackets, Room, best
from media.rtcp import Report
from media.rtp import WIDTH, Packets
from media.sockets import REST, STRAYS, NoUdpPort, Sockets

FIRST = 41000


@pytest.fixture(params=["native", "python"])
def packets(request: pytest.FixtureRequest) -> PacketIO:
    """Both ways to do it; the native one is skipped where there is no compiler."""
    found: PacketIO = best() if request.param == "native" else PythonPackets()
    if found.name != request.param:
        pytest.skip("the C packet loop was not built: no C compiler")
    return found


def test_the_native_loop_is_used_where_it_was_built() -> None:
    if native.load(LIBRARY, "packets.c") is not None:
        assert isinstance(best(), NativePackets)
    else:
        pytest.skip("the C packet loop was not built: no C compiler")


def test_without_the_library_python_does_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("media.packets.LIBRARY", tmp_path / "none.so")
    assert isinstance(best(), PythonPackets)


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """A far end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(2)
        yield one


def close(sockets: Sockets, rows: int) -> None:
    for row in range(rows):
        sockets.close(row, 0.0)


def test_ports_are_even_with_rtcp_above() -> None:
    sockets = Sockets("127.0.0.1", FIRST + 1, FIRST + 9)
    ports = [sockets.open(row, 0.0) for row in range(3)]
    assert ports == [FIRST + 2, FIRST + 4, FIRST + 6]
    close(sockets, 3)


def test_ports_of_others_are_skipped_and_none_is_said_clearly(peer: socket.socket) -> None:
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", FIRST + 21))  # the RTCP port of the first pair
    sockets = Sockets("127.0.0.1", FIRST + 20, FIRST + 24)
    assert sockets.open(0, 0.0) == FIRST + 22
    with pytest.raises(NoUdpPort, match="no UDP port"):
        sockets.open(1, 0.0)
    close(sockets, 1)
    taken.close()


def test_a_port_rests_before_it_is_used_again() -> None:
    sockets = Sockets("127.0.0.1", FIRST + 30, FIRST + 32)
    sockets.open(0, 0.0)
    sockets.close(0, 10.0)
    with pytest.raises(NoUdpPort):
        sockets.open(0, 10.0 + REST - 0.01)
    assert sockets.open(0, 10.0 + REST) == FIRST + 30
    close(sockets, 1)


def test_packets_of_the_peer_come_with_their_row_and_ours_go_to_it(peer: socket.socket, packets: PacketIO) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 40, FIRST + 50, packets)
    ports = [sockets.open(row, 0.0) for row in range(2)]
    for row in range(2):
        sockets.connect(row, peer.getsockname())
    for row in (1, 0, 1):
        peer.sendto(bytes([row]) * (20 + row), ("127.0.0.1", ports[row]))
    inbox = sockets.drain()
    assert sorted(zip(inbox.packets.rows.tolist(), inbox.packets.lengths.tolist(), strict=True)) == [
        (0, 20), (1, 21), (1, 21),
    ]  # fmt: skip
    assert sorted(set(inbox.packets.data[:, 0].tolist())) == [0, 1]
    assert not inbox.strays
    sockets.send(Packets(np.array([1]), np.full((1, 172), 9, np.uint8), np.array([30])))
    data, source = peer.recvfrom(2048)
    assert (data, source) == (b"\t" * 30, ("127.0.0.1", ports[1]))
    close(sockets, 2)


def test_strangers_are_read_apart_and_a_few_at_a_time(peer: socket.socket, packets: PacketIO) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 140, FIRST + 150, packets)
    port = sockets.open(0, 0.0)
    sockets.connect(0, peer.getsockname())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for _ in range(100):
            stranger.sendto(b"junk", ("127.0.0.1", port))
        peer.sendto(b"good", ("127.0.0.1", port))
        inbox = sockets.drain()
        assert inbox.packets.data[:, :4].tobytes() == b"good"
        assert inbox.strays == [Stray(0, b"junk", stranger.getsockname())] * STRAYS
    close(sockets, 1)


def test_what_the_peer_sent_before_it_was_known_is_its_own(peer: socket.socket, packets: PacketIO) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 160, FIRST + 170, packets)
    port = sockets.open(0, 0.0)
    peer.sendto(b"early", ("127.0.0.1", port))
    assert sockets.drain().strays == [Stray(0, b"early", peer.getsockname())]
    peer.sendto(b"early", ("127.0.0.1", port))
    sockets.connect(0, peer.getsockname())
    inbox = sockets.drain()
    assert (inbox.packets.data[:, :5].tobytes(), inbox.strays) == (b"early", [])
    close(sockets, 1)


def test_a_peer_that_moves_is_followed_and_its_old_place_is_a_strangers(peer: socket.socket, packets: PacketIO) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 180, FIRST + 190, packets)
    port = sockets.open(0, 0.0)
    sockets.connect(0, ("127.0.0.1", 9))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        sockets.connect(0, other.getsockname())
        sockets.connect(0, peer.getsockname())
        other.sendto(b"old", ("127.0.0.1", port))
        peer.sendto(b"new", ("127.0.0.1", port))
        inbox = sockets.drain()
        assert inbox.packets.data[:, :3].tobytes() == b"new"
        assert [one.data for one in inbox.strays] == [b"old"]
    close(sockets, 1)


def test_a_port_that_has_its_peer_is_still_ours_alone(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 200, FIRST + 210)
    port = sockets.open(0, 0.0)
    sockets.connect(0, peer.getsockname())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    close(sockets, 1)


def test_a_flood_of_one_port_is_read_in_portions(peer: socket.socket, packets: PacketIO) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 60, FIRST + 70, packets)
    ports = [sockets.open(row, 0.0) for row in range(2)]
    for row in range(2):
        sockets.connect(row, peer.getsockname())
    for _ in range(100):
        peer.sendto(b"junk", ("127.0.0.1", ports[0]))
    peer.sendto(b"good", ("127.0.0.1", ports[1]))
    rows = sockets.drain().packets.rows.tolist()
    assert (rows.count(0), rows.count(1)) == (PER_TICK, 1)
    close(sockets, 2)


def test_oversize_packets_are_cut_and_do_no_harm(peer: socket.socket, packets: PacketIO) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 80, FIRST + 90, packets)
    port = sockets.open(0, 0.0)
    sockets.connect(0, peer.getsockname())
    peer.sendto(bytes(5000), ("127.0.0.1", port))
    peer.sendto(b"", ("127.0.0.1", port))
    assert sockets.drain().packets.lengths.tolist() == [WIDTH, 0]
    close(sockets, 1)


def test_a_peer_that_is_not_there_costs_nothing(packets: PacketIO) -> None:
    """ICMP says so after each packet."""
    sockets = Sockets("127.0.0.1", FIRST + 220, FIRST + 230, packets)
    sockets.open(0, 0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nobody = gone.getsockname()
    sockets.connect(0, nobody)
    for _ in range(5):
        sockets.send(Packets(np.array([0]), np.zeros((1, 172), np.uint8), np.array([172])))
        assert len(sockets.drain().packets) == 0
    close(sockets, 1)


def test_where_no_file_can_be_opened_one_row_is_not_connected_and_the_others_go_on(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 240, FIRST + 250)
    ports = [sockets.open(row, 0.0) for row in range(2)]
    sockets.connect(1, peer.getsockname())
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as next_one:
        resource.setrlimit(resource.RLIMIT_NOFILE, (next_one.fileno(), limits[1]))
        try:
            sockets.connect(0, ("127.0.0.1", 9))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    peer.sendto(b"here", ("127.0.0.1", ports[1]))
    assert sockets.drain().packets.rows.tolist() == [1]
    sockets.send(Packets(np.zeros(1, np.int64), np.zeros((1, WIDTH), np.uint8), np.full(1, 20)))
    sockets.connect(0, peer.getsockname())
    peer.sendto(b"here", ("127.0.0.1", ports[0]))
    assert sockets.drain().packets.rows.tolist() == [0]
    close(sockets, 2)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_one_range_is_for_both_kinds_of_address(host: str, packets: PacketIO) -> None:
    """Peers, strangers and reports have addresses as SDP writes them."""
    sockets = Sockets("::", FIRST + 300, FIRST + 310, packets)
    port = sockets.open(0, 0.0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as peer, socket.socket(family, socket.SOCK_DGRAM) as stranger:
        for one in (peer, stranger):
            one.bind((host, 0))
            one.settimeout(2)
        place, elsewhere = peer.getsockname()[:2], stranger.getsockname()[:2]
        peer.sendto(b"early", (host, port))
        sockets.connect(0, place)
        peer.sendto(b"later", (host, port))
        stranger.sendto(b"junk", (host, port))
        peer.sendto(b"report", (host, port + 1))
        inbox = sockets.drain()
        assert inbox.packets.data[:, :5].tobytes() == b"earlylater"
        assert inbox.strays == [Stray(0, b"junk", elsewhere)]
        assert inbox.reports == [Report(0, b"report", place)]
        sockets.send_report(Report(0, b"ours", place))
        assert peer.recvfrom(99)[1][:2] == (host, port + 1)
        sockets.send(Packets(np.zeros(1, np.int64), np.zeros((1, WIDTH), np.uint8), np.full(1, 20)))
        assert peer.recvfrom(99)[1][:2] == (host, port)
    close(sockets, 1)


def test_reports_go_over_the_odd_port_or_the_same_when_muxed(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 100, FIRST + 110)
    port = sockets.open(0, 0.0)
    for mux, source in ((False, port + 1), (True, port)):
        sockets.send_report(Report(0, b"report", peer.getsockname(), mux))
        assert peer.recvfrom(100) == (b"report", ("127.0.0.1", source))
    sockets.connect(0, ("127.0.0.1", 9))
    peer.sendto(b"theirs", ("127.0.0.1", port + 1))
    assert select.select([peer], [peer], [], 1)[1]
    assert sockets.drain().reports == [Report(0, b"theirs", peer.getsockname())]
    assert sockets.drain().reports == []
    sockets.connect(0, ("127.0.0.2", 9))
    peer.sendto(b"theirs", ("127.0.0.1", port + 1))
    assert select.select([peer], [peer], [], 1)[1]
    inbox = sockets.drain()
    assert (inbox.reports, inbox.strays) == ([], [Stray(0, b"theirs", peer.getsockname(), control=True)])
    close(sockets, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system takes memory back when it needs it")
def test_what_a_flood_has_filled_is_given_back_when_it_is_over() -> None:
    room = Room()
    room.begin(100)
    room.data[:] = 7
    for count in (len(room.rows), len(room.rows), 3):
        assert room.data.all()
        room.taken(count)
        room.begin(100)
    usual = max(LEAST, 200)
    assert room.data[:usual].all()
    assert not room.data[usual + PAGESIZE // WIDTH :].any()
    room.data[:] = 8
    room.taken(len(room.rows))
    room.begin(100)
    assert room.data.all()


def test_ports_that_were_used_cost_nothing_afterwards() -> None:
    sockets, now = Sockets("127.0.0.1", FIRST + 200, FIRST + 999), 0.0

    def use(times: int, now: float) -> float:
        for _ in range(times):
            sockets.open(0, now)
            sockets.close(0, now)
            now += REST / 4
        return now

    now = use(20, now)
    before = sys.getallocatedblocks()
    use(300, now)
    assert sys.getallocatedblocks() - before < 100


def test_a_port_that_is_closed_is_gone_and_sending_to_it_does_no_harm(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 120, FIRST + 130)
    sockets.open(0, 0.0)
    sockets.close(0, 0.0)
    sockets.close(0, 0.0)
    out = Packets(np.array([0]), np.zeros((1, 172), np.uint8), np.array([20]))
    sockets.send(out)
    sockets.connect(0, peer.getsockname())
    sockets.send_report(Report(0, b"x", peer.getsockname(), True))
    assert len(sockets.drain().packets) == 0
