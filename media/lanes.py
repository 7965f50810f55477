"""Recordings of one channel count as columns: their frames, how long they are, how long it has been silent.

A lane is a place in the columns. Blocks of 200 ms are gathered for all lanes at once; a lane that begins within a
block has its `first` sample there. A lane that ends gives its place to the last one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.commands import Record
from media.frames import FRAME, TICK, Mask, Pcm, Rows
from media.levels import FULL_SCALE, SILENCE

BLOCK = 10  # ticks between writes: 200 ms
QUIET = FULL_SCALE**2 * 10 ** (SILENCE / 10)  # mean square of a frame

STATE = np.dtype(
    [
        ("row", np.int64), ("room", np.int64), ("inbound", np.bool_), ("outbound", np.bool_), ("hushed", np.bool_),
        ("ticks", np.int64), ("most", np.int64), ("quiet", np.int64), ("patience", np.int64), ("first", np.int64),
        ("loud", np.bool_),
    ]
)  # fmt: skip
State = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Block:
    """What is to be appended to files: `pcm: (n, samples, channels)`, of each from its sample `first` on."""

    tapes: tuple[int, ...]
    pcm: Pcm
    first: Rows


@dataclass(slots=True, eq=False)
class Sink:
    """One recording, as its commands know it. `kept` is its state while it has no lane (paused and skipped)."""

    command: Record
    tape: int
    kept: State | None = None


def state_of(command: Record) -> State:
    """How a recording begins: (1,)."""
    state = np.zeros(1, STATE)
    state["row"], state["room"] = command.port, command.room
    state["inbound"] = command.tracks in ("inbound", "both") or command.room >= 0
    state["outbound"] = command.tracks in ("outbound", "both") and command.room < 0
    state["most"] = max(1, -int(-command.max_seconds // TICK))
    state["patience"] = -int(-command.silence_seconds // TICK)
    return state


class Lanes:
    """All recordings with so many channels that take audio."""

    def __init__(self, channels: int) -> None:
        self.sinks: list[Sink] = []
        self._channels = channels
        self._fill = 0
        self._room = np.zeros(4, STATE)
        self._block = np.zeros((4, BLOCK * FRAME, channels), np.int16)

    @property
    def state(self) -> State:
        """By lane."""
        return self._room[: len(self.sinks)]

    def add(self, sink: Sink, state: State) -> None:
        """A recording begins, or goes on, with the next tick."""
        lane = len(self.sinks)
        if lane == len(self._room):
            self._room = np.concatenate((self._room, np.zeros_like(self._room)))
            self._block = np.concatenate((self._block, np.zeros_like(self._block)))
        self._room[lane : lane + 1] = state
        self._room["first"][lane] = self._fill * FRAME
        self.sinks.append(sink)

    def remove(self, lane: int) -> tuple[State, Block]:
        """A recording ends, or rests: its state, and what it has in the block."""
        state = self._room[lane : lane + 1].copy()
        pcm = self._block[lane : lane + 1, int(state["first"][0]) : self._fill * FRAME].copy()
        block = Block((self.sinks[lane].tape,), pcm, np.zeros(1, np.int64))
        last = len(self.sinks) - 1
        self._room[lane], self._block[lane] = self._room[last], self._block[last]
        self.sinks[lane] = self.sinks[last]
        self.sinks.pop()
        return state, block

    def write(self, inbound: Pcm, outbound: Pcm) -> Block | None:
        """A frame for each lane, (lanes, FRAME) each, silent where a lane does not want it; a block that is full."""
        count = len(self.sinks)
        at = slice(self._fill * FRAME, (self._fill + 1) * FRAME)
        if self._channels == 2:
            self._block[:count, at, 0], self._block[:count, at, 1] = inbound, outbound
        else:
            self._block[:count, at, 0] = mixed(inbound, outbound, self.state["outbound"])
        self._fill += 1
        self._count(inbound, self._block[:count, at])
        return self._handed() if self._fill == BLOCK else None

    def _count(self, inbound: Pcm, recorded: Pcm) -> None:
        """How long each is, and what is silent."""
        state = self.state
        state["ticks"] += 1
        unheard = np.flatnonzero(~state["loud"])
        if len(unheard):
            power = np.square(recorded[unheard], dtype=np.float32).mean(axis=1).max(axis=1)
            state["loud"][unheard] = power > QUIET
        patient = np.flatnonzero((state["patience"] > 0) & ~state["hushed"])
        if len(patient):
            power = np.square(inbound[patient], dtype=np.float32).mean(axis=1)
            state["quiet"][patient] = np.where(power > QUIET, 0, state["quiet"][patient] + 1)

    def _handed(self) -> Block:
        """The block that is full, for the writer; the next one begins."""
        count = len(self.sinks)
        block = Block(tuple(sink.tape for sink in self.sinks), self._block[:count], self.state["first"].copy())
        self._block = np.empty_like(self._block)
        self._room["first"] = 0
        self._fill = 0
        return block

    def over(self) -> list[tuple[Sink, str]]:
        """The recordings that have come to their end, and why."""
        state = self.state
        full = state["ticks"] >= state["most"]
        quiet = (state["patience"] > 0) & (state["quiet"] >= state["patience"])
        return [(self.sinks[lane], "max-length" if full[lane] else "silence") for lane in np.flatnonzero(full | quiet)]


def mixed(inbound: Pcm, outbound: Pcm, wants: Mask) -> Pcm:
    """Both tracks in one, for the lanes that want the outbound one."""
    both = np.flatnonzero(wants)
    if not len(both):
        return inbound
    said = outbound[both].astype(np.int32)
    said += inbound[both]
    pcm = inbound.copy()
    pcm[both] = np.clip(said, -32768, 32767, out=said)
    return pcm
