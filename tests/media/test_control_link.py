"""What a worker says to a control that does not read: it waits, statistics are left out, and it is bounded."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from media import commands, events
from media.control_link import ControlLink
from media.framing import LARGEST, frame, take_message

STATS = events.WorkerStats(1, 1.0, 1.0, 0.0, 0.0, 0.0, 50, 50, "native", 0, 0)
BACKLOG = 100_000


def digit(port: int) -> events.Event:
    return events.DigitReceived(port, "1", False)


@contextmanager
def linked() -> Iterator[tuple[ControlLink, socket.socket]]:
    """A worker's end with small buffers of the system, and control's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        ours.settimeout(0.2)
        yield ControlLink(theirs, bytearray(), BACKLOG), ours


def read(link: ControlLink, control: socket.socket) -> list[events.Event]:
    """Control reads until nothing comes any more, the worker ticks on."""
    buffer, heard = bytearray(), list[events.Event]()
    while True:
        try:
            buffer += control.recv(65536)
        except TimeoutError:
            return heard
        link.send([])
        while (message := take_message(buffer)) is not None:
            heard += msgspec.msgpack.decode(message, type=list[events.Event])


def test_events_wait_in_order_and_statistics_are_left_out() -> None:
    with linked() as (link, control):
        began = time.perf_counter()
        for port in range(1000):
            link.send([digit(port), STATS])
        assert time.perf_counter() - began < 0.5  # a thousand ticks, and none of them waited
        heard = read(link, control)
        assert [one for one in heard if one != STATS] == [digit(port) for port in range(1000)]
        kept = heard.count(STATS)
        assert 0 < kept < 500
        assert heard[: 2 * kept : 2] == [digit(port) for port in range(kept)]  # only those of the beginning
        link.send([STATS])
        assert read(link, control) == [STATS]
        assert link.open


def test_a_control_that_reads_nothing_for_too_long_is_as_good_as_gone() -> None:
    with linked() as (link, _):
        sent = 0
        while link.open and sent < 2 * BACKLOG:
            link.send([digit(sent)])
            sent += len(frame([digit(sent)]))
        assert not link.open
        assert BACKLOG < sent < 2 * BACKLOG


def test_statistics_alone_never_break_the_link() -> None:
    with linked() as (link, _):
        for _ in range(20_000):
            link.send([STATS])
        assert link.open


def test_what_came_before_the_end_is_obeyed() -> None:
    with linked() as (link, control):
        batch = frame([commands.Allocate(1), commands.Release(0)])
        control.sendall(batch + frame([commands.Stop(3)])[:-1])
        assert link.receive() == [commands.Allocate(1), commands.Release(0)]
        assert link.receive() == []
        control.sendall(frame([commands.Stop(3)])[-1:])
        control.close()
        assert link.receive() == [commands.Stop(3)]
        assert link.open
        assert link.receive() == []
        assert not link.open


def test_what_cannot_be_sent_any_more_ends_it() -> None:
    with linked() as (link, control):
        control.close()
        link.send([digit(1)])
        assert not link.open


def test_a_message_of_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes on the link"):
        take_message(bytearray((LARGEST + 1).to_bytes(4, "big")))
