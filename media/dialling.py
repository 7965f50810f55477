"""The rows that send digits at the moment, which are few: telephone events or tones instead of their audio."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from media import events
from media.codecs import g711
from media.departures import Spoken
from media.digits import EventPacket, Step, steps
from media.frames import Pcm, Wire
from media.ports import Ports


class Dialling:
    """What each of them has still to send."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._streams: dict[int, tuple[int, Iterator[Step]]] = {}
        self._timestamp: dict[int, int] = {}  # of the event that is being sent

    def __bool__(self) -> bool:
        return bool(self._streams)

    def begin(self, row: int, sending: int, digits: str) -> None:
        """A row sends digits from the next tick on; what it was sending is dropped."""
        self._streams[row] = (sending, steps(digits, events=bool(self._ports.dtmf_type[row] >= 0)))
        self._ports.dialling[row] = True

    def stop(self, row: int) -> list[events.Event]:
        """A row ends."""
        sending = self._streams.pop(row, None)
        self._ports.dialling[row] = False
        return [] if sending is None else [events.DigitsSent(row, sending[0])]

    def into(self, spoken: Spoken) -> list[events.Event]:
        """The next 20 ms of all of them, instead of what their rows would say."""
        said: list[events.Event] = []
        for row, (_, stream) in list(self._streams.items()):
            step = next(stream, "over")
            if isinstance(step, str):
                said += self.stop(row)
                continue
            place = int(np.searchsorted(spoken.rows, row))
            if step is None or place == len(spoken.rows) or spoken.rows[place] != row:
                continue
            if isinstance(step, EventPacket):
                self._event(spoken, place, row, step)
            else:
                spoken.wire[place : place + 1] = self._tone(row, step)
        return said

    def _event(self, spoken: Spoken, place: int, row: int, step: EventPacket) -> None:
        if step.first:
            self._timestamp[row] = int(spoken.timestamps[place])
            self._ports.marker[row] = True
        spoken.wire[place, : len(step.payload)] = np.frombuffer(step.payload, np.uint8)
        spoken.types[place], spoken.sizes[place] = self._ports.dtmf_type[row], len(step.payload)
        spoken.timestamps[place] = self._timestamp[row]

    def _tone(self, row: int, pcm: Pcm) -> Wire:
        return g711.encode(pcm[None, :], self._ports.law[row : row + 1])
