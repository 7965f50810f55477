"""What takes audio from ports and rooms: recordings, as columns; every 200 ms their blocks go to the writer.

The tick touches no recording by itself: only what begins, pauses or ends is a Python object at work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from media.codecs import g711
from media.commands import Record
from media.events import Event, RecordStopped
from media.frames import FRAME, RATE, TICK, Mask, Pcm, Rows, Wire
from media.lanes import Block, Lanes, Sink, State, state_of

SLOW = "the disk is too slow: audio could not be written in time"
FLED = 4  # of so many recordings the newest one ends, when the disk is too slow for all


class Writer(Protocol):
    """Who writes recordings (media/recorder.py); none of this waits."""

    def open(self, command: Record) -> int:
        """Begins a file; the number of its tape."""
        ...

    def write(self, block: Block) -> bool:
        """Appends; False where the disk is too far behind to go on like this."""
        ...

    def broken(self) -> list[int]:
        """The tapes that could not be written, since this was asked last."""
        ...

    def close(self, tape: int, reason: str, cut_samples: int, *, silent: bool, error: str = "") -> None:
        """Ends a file."""
        ...


class Sinks:
    """All recordings of a worker."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._sinks: dict[str, Sink] = {}
        self._lanes = {channels: Lanes(channels) for channels in (1, 2)}

    def __bool__(self) -> bool:
        return bool(self._sinks)

    def start(self, command: Record) -> None:
        """Begins a recording with the next tick."""
        sink = Sink(command, self._writer.open(command))
        self._sinks[command.recording] = sink
        self._lanes[command.channels].add(sink, state_of(command))

    def pause(self, recording: str, *, skip: bool) -> None:
        """Silence from now on, or nothing at all."""
        sink = self._sinks.get(recording)
        if sink is None:
            return
        if sink.kept is None:
            self._hush(sink, hushed=True)
            if skip:
                sink.kept = self._rest(sink)
        elif not skip:
            self._go_on(sink, hushed=True)

    def resume(self, recording: str) -> None:
        """Goes on with what is heard."""
        sink = self._sinks.get(recording)
        if sink is None:
            return
        if sink.kept is None:
            self._hush(sink, hushed=False)
        else:
            self._go_on(sink, hushed=False)

    def _hush(self, sink: Sink, *, hushed: bool) -> None:
        lanes = self._lanes[sink.command.channels]
        lanes.state["hushed"][lanes.sinks.index(sink)] = hushed

    def _go_on(self, sink: Sink, *, hushed: bool) -> None:
        assert sink.kept is not None, "it has no lane"
        sink.kept["hushed"] = hushed
        self._lanes[sink.command.channels].add(sink, sink.kept)
        sink.kept = None

    def _rest(self, sink: Sink) -> State:
        """Takes a recording out of its lane, and writes what it has there."""
        lanes = self._lanes[sink.command.channels]
        state, block = lanes.remove(lanes.sinks.index(sink))
        if block.pcm.size:
            self._writer.write(block)
        return state

    def stop(self, recording: str, reason: str, cut_ms: int = 0, error: str = "") -> list[Event]:
        """Ends a recording, if it runs; the file follows."""
        sink = self._sinks.pop(recording, None)
        if sink is None:
            return []
        state = self._rest(sink) if sink.kept is None else sink.kept
        ticks = int(state["ticks"][0])
        cut = min(cut_ms * RATE // 1000, ticks * FRAME)
        self._writer.close(sink.tape, reason, cut, silent=not state["loud"][0], error=error)
        command = sink.command
        return [RecordStopped(command.port, recording, reason, ticks * TICK - cut / RATE, command.room)]

    def of(self, row: int) -> list[str]:
        """The recordings on a row."""
        return [name for name, sink in self._sinks.items() if sink.command.port == row and sink.command.room < 0]

    def of_room(self, room: int) -> list[str]:
        """The recordings of a room."""
        return [name for name, sink in self._sinks.items() if sink.command.room == room]

    def write(self, heard: Pcm, said: Said, mixes: Callable[[Rows], Pcm]) -> list[Event]:
        """A tick: `heard: (ports, FRAME)`, what was sent to each port, and what was said in the rooms asked for."""
        events: list[Event] = []
        for lanes in self._lanes.values():
            if not lanes.sinks:
                continue
            block = lanes.write(*_tracks(lanes.state, heard, said, mixes))
            if block is not None and not self._writer.write(block):
                events += self._flee(lanes)
            for sink, reason in lanes.over():
                events += self.stop(sink.command.recording, reason)
        if broken := self._writer.broken():
            names = [name for name, sink in self._sinks.items() if sink.tape in broken]
            events += [event for name in names for event in self.stop(name, "failed")]
        return events

    def _flee(self, lanes: Lanes) -> list[Event]:
        """The disk is too slow for all: the newest recordings end, so that the others can go on."""
        sinks = sorted(lanes.sinks, key=lambda sink: -sink.tape)
        newest = [sink.command.recording for sink in sinks[: -(-len(sinks) // FLED)]]
        return [event for name in newest for event in self.stop(name, "failed", error=SLOW)]


class Said:
    """What was sent to ports in this tick, decoded for those who want it. `wire: (ports, FRAME)`."""

    def __init__(self, wire: Wire, law: Rows, sends: Mask) -> None:
        self._wire, self._law, self._sends = wire, law, sends

    def to(self, rows: Rows) -> Pcm:
        """`(len(rows), FRAME)`; silence for those who are sent nothing."""
        pcm = g711.decode(self._wire[rows], self._law[rows])
        silent = ~self._sends[rows]
        if silent.any():
            pcm[silent] = 0
        return pcm


def _tracks(state: State, heard: Pcm, said: Said, mixes: Callable[[Rows], Pcm]) -> tuple[Pcm, Pcm]:
    """The inbound and the outbound frame of each lane; silence where it wants none."""
    wanted = ~state["hushed"]
    ports = state["room"] < 0
    inbound = _of(np.flatnonzero(wanted & ports & state["inbound"]), len(state), lambda at: heard[state["row"][at]])
    rooms = np.flatnonzero(wanted & ~ports)
    if len(rooms):
        inbound[rooms] = mixes(state["room"][rooms])
    outbound = _of(np.flatnonzero(wanted & state["outbound"]), len(state), lambda at: said.to(state["row"][at]))
    return inbound, outbound


def _of(lanes: Rows, count: int, frames: Callable[[Rows], Pcm]) -> Pcm:
    """The frames of some lanes; silence for the others."""
    if len(lanes) == count:
        return frames(lanes)
    pcm = np.zeros((count, FRAME), np.int16)
    if len(lanes):
        pcm[lanes] = frames(lanes)
    return pcm
