"""The C loop over streams does what NumPy does, packet by packet."""

from __future__ import annotations

import ctypes
from dataclasses import astuple
from random import Random

import numpy as np
import pytest

from media import native, rtcp
from media.departures import silent
from media.duties import duties_of
from media.forward import Forwarder
from media.frames import FRAME, WHOLE
from media.jitter import Jitter
from media.native_streams import LIBRARY, SOURCES, NativeStreams, best
from media.ports import Ports
from media.probation import Probation
from media.rtp import WIDTH, Packets, packets_of
from media.streams import NumpyStreams, Owners, Streams
from tests.lib.rig import plan_of

ROWS, DTMF = 12, 101


class Side:
    """Columns of a worker with one of the loops."""

    def __init__(self, *, native: bool) -> None:
        self.ports, self.heard, self.reports = Ports(ROWS), Probation(ROWS), rtcp.Reports(ROWS)
        self.forwarder = Forwarder(self.ports)
        self.jitter = Jitter(ROWS, self.ports.law)
        self.pcm = np.ones((ROWS, FRAME), np.int16)
        self.owners = Owners(self.ports, self.heard, self.reports, self.forwarder, self.jitter)
        self.streams: Streams = (
            NativeStreams(ctypes.CDLL(str(LIBRARY)), self.owners) if native else NumpyStreams(self.owners)
        )
        for row in range(ROWS):
            self.ports.take(row, 1000 + row, 65530 + row % 8, 2**32 - 300)
            self.ports.connect(row, plan_of(row, dtmf=-1 if row % 5 == 4 else DTMF, receive=row != 7), 0.0)
            self.ports.peer[row] = row ^ 1
            self.heard.ssrc[row], self.heard.highest[row] = 7, 65533
            self.reports.begin(row, 7, 65533, 2**32 - 320, 0.0)

    def tick(self, packets: Packets, now: float) -> tuple[object, list[bool], list[int], list[bytes]]:
        """All that it makes of them."""
        self.heard.tick += 1
        headers, others = self.streams.sort(packets)
        before = [column.tolist() for column in astuple(headers)], others.tolist()
        pressed = self.streams.count(packets, headers, now)
        duties = duties_of(self.ports, self.forwarder, np.zeros(ROWS, np.bool_), np.zeros(ROWS, np.bool_))
        out = self.streams.forward(packets, headers, duties)
        sent = [out.data[index, :length].tobytes() for index, length in enumerate(out.lengths)]
        starved = self.streams.wait(duties)
        self.streams.buffer(packets, headers, np.arange(ROWS) % 3 > 0)
        self.streams.hear(np.arange(ROWS)[np.arange(ROWS) % 3 > 0], self.pcm)
        ours = self.streams.pack(silent(self.ports, np.arange(0, ROWS, 5)))
        said = ours.rows.tolist(), ours.data.tolist(), ours.lengths.tolist()
        return (before, starved, pressed, self.pcm.tolist(), said), headers.ok.tolist(), out.rows.tolist(), sent

    def columns(self) -> list[list[float]]:
        """All that it keeps; of playout buffers only those in use."""
        self.jitter.ring[self.jitter.ssrc < 0] = 0
        found = [
            one
            for owner in self.owners
            for one in vars(owner).values()
            if isinstance(one, np.ndarray) and one.dtype != WHOLE
        ]
        return [np.round(one.astype(np.float64), 6).tolist() for one in found]


@pytest.fixture
def sides() -> tuple[Side, Side]:
    """The same twice."""
    if native.load(LIBRARY, *SOURCES) is None:
        pytest.skip("the C loop over streams was not built: no C compiler")
    return Side(native=True), Side(native=False)


def packet(random: Random, row: int, tick: int) -> tuple[int, bytes]:
    """Mostly the next packet of the row's stream, now and then something else of any kind."""
    first = random.choice([0x80] * 30 + [0x90, 0xA0, 0x82, 0xB1, 0x40])
    kind = random.choice([0] * 30 + [DTMF, 13, 8, 72, 0x80, 0x80 | DTMF])
    ssrc = random.choice([7] * 30 + [8])
    sequence = (65534 + tick + random.choice([0] * 30 + [50, -50, 5000])) & 0xFFFF
    stamp = (2**32 - 320 + 160 * tick) & 0xFFFFFFFF
    head = bytes((first, kind)) + sequence.to_bytes(2, "big") + stamp.to_bytes(4, "big") + ssrc.to_bytes(4, "big")
    whole = head + random.randbytes(random.choice([160] * 30 + [0, 4, 80, 500, 700]))
    return row, whole[: random.choice([len(whole)] * 30 + [0, 1, 11, 13, 20])]


def test_both_loops_make_the_same_of_whatever_comes(sides: tuple[Side, Side]) -> None:
    random = Random(1)
    for tick in range(300):
        rows = [row for row in range(ROWS) if random.random() < 0.95]
        packets = packets_of([packet(random, row, tick) for row in rows])
        native, numpy = (side.tick(packets, tick * 0.02) for side in sides)
        assert native == numpy
        assert sides[0].columns() == sides[1].columns()


def test_more_packets_than_there_was_room_for(sides: tuple[Side, Side]) -> None:
    random = Random(2)
    packets = packets_of([packet(random, row, 0) for row in range(ROWS)] * 50)
    headers, _ = sides[0].streams.sort(packets)
    assert len(headers.ok) == len(packets)
    assert headers.ssrc.tolist() == sides[1].streams.sort(packets)[0].ssrc.tolist()


def test_a_payload_that_no_packet_of_ours_can_hold_is_not_passed_on(sides: tuple[Side, Side]) -> None:
    whole = bytes((0x80, 0)) + (65534).to_bytes(2, "big") + bytes(4) + (7).to_bytes(4, "big") + bytes(600)
    for side in sides:
        _, ok, rows, sent = side.tick(packets_of([(0, whole)]), 0.0)
        assert (ok, rows) == ([True], [1])
        assert [len(one) for one in sent] == [WIDTH]


def test_without_the_library_numpy_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side(native=False)
    monkeypatch.setattr("media.native_streams.LIBRARY", LIBRARY.with_name("none.so"))
    assert isinstance(best(side.owners), NumpyStreams)
