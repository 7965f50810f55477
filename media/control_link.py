"""The worker's end of the link to control. Nothing here waits: a tick has no time for a control that stands still.

What control has not taken waits here. Statistics are left out as long as anything waits; when more waits than control
could ever catch up with, the link counts as broken, and the worker ends as it does when control is gone.
"""

from __future__ import annotations

import socket

import msgspec

from media import commands, events
from media.framing import frame, take_message

READ = 1 << 18  # bytes of commands that are read in a tick
BACKLOG = 1 << 22  # bytes of events that may wait: those of a thousand busy calls in a minute


class ControlLink:
    """`buffer` holds what came behind the settings already."""

    def __init__(self, link: socket.socket, buffer: bytearray, backlog: int = BACKLOG) -> None:
        link.setblocking(False)
        self._link = link
        self._came = buffer
        self._waiting = bytearray()
        self._backlog = backlog
        self._decode = msgspec.msgpack.Decoder(list[commands.Command]).decode
        self.open = True

    def receive(self) -> list[commands.Command]:
        """The commands that came; those of all whole messages."""
        try:
            data = self._link.recv(READ)
        except BlockingIOError:
            return self._take() if self._came else []
        except OSError:
            data = b""
        self.open = self.open and bool(data)
        self._came += data
        return self._take()

    def _take(self) -> list[commands.Command]:
        found: list[commands.Command] = []
        while (message := take_message(self._came)) is not None:
            found += self._decode(message)
        return found

    def send(self, said: list[events.Event]) -> None:
        """Sends what control takes now of these events and of those that wait; once a tick, also without any."""
        if self._waiting:
            said = [event for event in said if not isinstance(event, events.WorkerStats)]
        if said:
            self._waiting += frame(said)
        if self._waiting:
            self._flush()

    def _flush(self) -> None:
        try:
            del self._waiting[: self._link.send(self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self.open = False
        if len(self._waiting) > self._backlog:
            self.open = False
