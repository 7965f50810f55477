"""The rows that send digits at the moment, which are few: telephone events or tones instead of their audio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from media import events
from media.codecs import g711
from media.departures import Spoken
from media.digits import EventPacket, Keys, Step
from media.frames import Pcm, Wire
from media.ports import Ports

PASSED = 0  # number of what nobody asked for: keys that are passed on
MOST = 32  # keys that wait to be passed on; who presses more in advance is no human being


@dataclass(frozen=True, slots=True)
class Sending:
    """What a row has still to send."""

    number: int
    keys: Keys
    steps: Iterator[Step]


class Dialling:
    """All of them. Where nothing goes to a row's peer at the moment, as when it holds the call, digits wait."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._streams: dict[int, Sending] = {}
        self._timestamp: dict[int, int] = {}  # of the event that is being sent

    def __bool__(self) -> bool:
        return bool(self._streams)

    def begin(self, row: int, number: int, digits: str) -> list[events.Event]:
        """A row sends digits, after the one that it is sending now; the others that it had to send are dropped."""
        keys = Keys(digits, events=bool(self._ports.dtmf_type[row] >= 0))
        before, steps = self._streams.get(row), iter(keys)
        if before is not None:
            before.keys.cut()
            steps = chain(before.steps, steps)
        self._streams[row] = Sending(number, keys, steps)
        self._ports.dialling[row] = True
        return [] if before is None else [events.DigitsSent(row, before.number)]

    def pass_on(self, row: int, digit: str) -> None:
        """A row sends a digit behind those that it is sending."""
        sending = self._streams.get(row)
        if sending is None:
            self.begin(row, PASSED, digit)
        elif len(sending.keys) < MOST:
            sending.keys.add(digit)

    def stop(self, row: int) -> list[events.Event]:
        """A row ends."""
        sending = self._streams.pop(row, None)
        self._ports.dialling[row] = False
        return [] if sending is None else [events.DigitsSent(row, sending.number)]

    def into(self, spoken: Spoken) -> list[events.Event]:
        """The next 20 ms of all of them, instead of what their rows would say."""
        said: list[events.Event] = []
        for row, sending in list(self._streams.items()):
            place = int(np.searchsorted(spoken.rows, row))
            if place == len(spoken.rows) or spoken.rows[place] != row:
                continue
            step = next(sending.steps, "over")
            if isinstance(step, str):
                said += self.stop(row)
            elif isinstance(step, EventPacket):
                self._event(spoken, place, row, step)
            elif step is not None:
                spoken.wire[place : place + 1] = self._tone(row, step)
        return said

    def _event(self, spoken: Spoken, place: int, row: int, step: EventPacket) -> None:
        if self._ports.dtmf_type[row] < 0:
            self._timestamp.pop(row, None)  # agreed on no more: what is left of it cannot be said
            return
        if step.first or row not in self._timestamp:
            self._timestamp[row] = int(spoken.timestamps[place])
            self._ports.marker[row] = True
        spoken.wire[place, : len(step.payload)] = np.frombuffer(step.payload, np.uint8)
        spoken.types[place], spoken.sizes[place] = self._ports.dtmf_type[row], len(step.payload)
        spoken.timestamps[place] = self._timestamp[row]

    def _tone(self, row: int, pcm: Pcm) -> Wire:
        return g711.encode(pcm[None, :], self._ports.law[row : row + 1])
