"""The RTP sockets of a worker, on real loopback sockets."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from media.rtp import WIDTH, Packets
from media.sockets import PER_TICK, REST, NoUdpPort, Sockets

FIRST = 41000


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


def test_packets_come_with_row_and_source_and_go_to_the_remote(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 40, FIRST + 50)
    ports = [sockets.open(row, 0.0) for row in range(2)]
    for row in (1, 0, 1):
        peer.sendto(bytes([row]) * (20 + row), ("127.0.0.1", ports[row]))
    inbox = sockets.drain()
    assert sorted(zip(inbox.packets.rows.tolist(), inbox.packets.lengths.tolist(), strict=True)) == [
        (0, 20), (1, 21), (1, 21),
    ]  # fmt: skip
    assert set(inbox.sources) == {peer.getsockname()}
    out = Packets(np.array([1]), np.full((1, WIDTH), 9, np.uint8), np.array([30]))
    sockets.send(out, [("", 0), peer.getsockname()])
    data, source = peer.recvfrom(2048)
    assert (data, source) == (b"\t" * 30, ("127.0.0.1", ports[1]))
    close(sockets, 2)


def test_a_flood_of_one_port_is_read_in_portions(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 60, FIRST + 70)
    ports = [sockets.open(row, 0.0) for row in range(2)]
    for _ in range(100):
        peer.sendto(b"junk", ("127.0.0.1", ports[0]))
    peer.sendto(b"good", ("127.0.0.1", ports[1]))
    rows = sockets.drain().packets.rows.tolist()
    assert (rows.count(0), rows.count(1)) == (PER_TICK, 1)
    close(sockets, 2)


def test_oversize_packets_are_cut_and_do_no_harm(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 80, FIRST + 90)
    port = sockets.open(0, 0.0)
    peer.sendto(bytes(5000), ("127.0.0.1", port))
    peer.sendto(b"", ("127.0.0.1", port))
    assert sockets.drain().packets.lengths.tolist() == [WIDTH, 0]
    close(sockets, 1)


def test_reports_go_over_the_odd_port_or_the_same_when_muxed(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 100, FIRST + 110)
    port = sockets.open(0, 0.0)
    for mux, source in ((False, port + 1), (True, port)):
        sockets.send_report(0, b"report", peer.getsockname(), mux=mux)
        assert peer.recvfrom(100) == (b"report", ("127.0.0.1", source))
    peer.sendto(b"theirs", ("127.0.0.1", port + 1))
    assert select.select([peer], [peer], [], 1)[1]
    sockets.drain()
    assert sockets.reports() == [(0, b"theirs")]
    assert sockets.reports() == []
    close(sockets, 1)


def test_a_port_that_is_closed_is_gone_and_sending_to_it_does_no_harm(peer: socket.socket) -> None:
    sockets = Sockets("127.0.0.1", FIRST + 120, FIRST + 130)
    sockets.open(0, 0.0)
    sockets.close(0, 0.0)
    sockets.close(0, 0.0)
    out = Packets(np.array([0]), np.zeros((1, WIDTH), np.uint8), np.array([20]))
    sockets.send(out, [peer.getsockname()])
    sockets.send_report(0, b"x", peer.getsockname(), mux=True)
    assert len(sockets.drain().packets) == 0
