"""What commands change: which rows are connected, bridged, in a room, played to, dialled, kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from media import commands, events, rtcp
from media.arrivals import Arrivals
from media.captures import Captures
from media.codecs import LAWS
from media.conferences import Conferences
from media.dialling import Dialling
from media.dtmf import Listener
from media.forward import Forwarder
from media.frames import RATE
from media.jitter import MOST, Jitter
from media.passing import Passing
from media.ports import Ports
from media.sinks import Sinks
from media.sources import Sources
from media.taps import Taps
from media.withholding import Withholding

if TYPE_CHECKING:
    from random import Random


class Parts(NamedTuple):
    """What an engine is made of: each has its own columns by row."""

    ports: Ports
    sources: Sources
    sinks: Sinks
    taps: Taps
    jitter: Jitter
    passing: Passing
    listener: Listener
    reports: rtcp.Reports
    forwarder: Forwarder
    conferences: Conferences
    arrivals: Arrivals
    dialling: Dialling
    withholding: Withholding
    captures: Captures


class Wiring:
    """One command at a time, between ticks."""

    def __init__(self, parts: Parts, random: Random) -> None:
        self._random = random
        self._ports, self._sources, self._sinks, self._taps, self._jitter = parts[:5]
        self._passing, self._listener, self._reports, self._forwarder, self._conferences = parts[5:10]
        self._arrivals, self._dialling, self._withholding, self._captures = parts[10:]

    def take(self, row: int) -> int:
        """A row begins; its SSRC."""
        ssrc = self._random.getrandbits(32)
        self._ports.take(row, ssrc, self._random.getrandbits(16), self._random.getrandbits(32))
        self._jitter.begin(row)
        self._passing.reset(row)
        self._listener.reset(row)
        self._reports.reset(row)
        return ssrc

    def apply(self, command: commands.Command, now: float) -> list[events.Event]:
        """One command; those about a port that is not taken do nothing."""
        match command:
            case commands.Bridge(a=a, b=b):
                self._bridge(a, b)
                return []
            case commands.PlayRoom():
                return self._conferences.play(command)
            case commands.StopRoom(room=room):
                return self._conferences.stop(room)
            case commands.Record() | commands.StopRecord() | commands.PauseRecord() | commands.ResumeRecord():
                return self._apply_record(command)
            case commands.Allocate():
                return []  # rows are given out by the worker
            case _:
                return self._apply(command, now) if self._is_taken(command.port) else []

    def stopped(self, said: list[events.Event]) -> list[events.Event]:
        """Ends of recordings: ports that nobody records any more are no longer tapped."""
        for event in said:
            if isinstance(event, events.RecordStopped):
                self._tap(event.port)
        return said

    def _apply(self, command: commands.PortCommand, now: float) -> list[events.Event]:
        match command:
            case commands.Connect(port=port, plan=plan):
                self._jitter.recode(port, LAWS[plan.codec])
                self._ports.connect(port, plan, now)
                self._forwarder.renew(port)
                self._arrivals.expect(port, plan, now)
            case commands.Play():
                return [*self._sources.play(command)]
            case commands.Stop(port=port):
                return [*self._sources.stop(port)]
            case commands.SendDigits(port=port, sending=sending, digits=digits):
                return self._dialling.begin(port, sending, digits)
            case commands.Press(port=port, digit=digit):
                self._passing.press(port, digit)
            case commands.Unbridge(port=port):
                self._unbridge(port)
            case commands.Join():
                self._unbridge(command.port)
                self._jitter.bound(command.port, command.playout_ms * RATE // 1000 or MOST)
                return self._join(command)
            case commands.Leave(port=port):
                return self._leave(port)
            case commands.Tap():
                self._feed(command)
            case commands.Capture():
                self._captures.start(command)
            case commands.StopCapture(port=port):
                self._captures.stop(port)
            case commands.Withhold(port=port, on=on):
                self._withhold(port, on)
            case commands.Release(port=port):
                return self._release(port)
        return []

    def _apply_record(self, command: commands.RecordCommand) -> list[events.Event]:
        match command:
            case commands.Record(port=port, room=room):
                if room >= 0 or self._is_taken(port):
                    self._sinks.start(command)
                    self._tap(port)
                if room >= 0 and not self._conferences.rooms.is_open(room):
                    return self._sinks.stop(command.recording, "released")
            case commands.StopRecord(recording=recording, cut_ms=cut_ms):
                return self.stopped(self._sinks.stop(recording, "stopped", cut_ms))
            case commands.PauseRecord(recording=recording, skip=skip):
                self._sinks.pause(recording, skip=skip)
            case commands.ResumeRecord(recording=recording):
                self._sinks.resume(recording)
        return []

    def _tap(self, row: int) -> None:
        if row >= 0:
            self._ports.tapped[row] = bool(self._sinks.of(row)) or self._taps.of(row)

    def _feed(self, tap: commands.Tap) -> None:
        """A port that another one is heard at, from another one than before perhaps."""
        if self._is_taken(tap.source):
            before = self._taps.source(tap.port)
            self._taps.add(tap)
            self._tap(tap.source)
            self._tap(before)

    def _unfeed(self, row: int) -> None:
        """A row that ends is heard at no other one, nor is another one at it."""
        if self._taps:
            source = self._taps.source(row)
            self._taps.forget(row)
            self._tap(source)

    def _join(self, part: commands.Join) -> list[events.Event]:
        """A port comes into a room, from another one perhaps."""
        said = self._leave(part.port) if self._conferences.rooms.of(part.port) not in (None, part.room) else []
        self._conferences.join(part)
        return said

    def _leave(self, row: int) -> list[events.Event]:
        """A port leaves its room; with the last one the room's recordings end."""
        room = self._conferences.rooms.of(row)
        self._jitter.bound(row, MOST)
        said = self._conferences.leave(row)
        if room is not None and not self._conferences.rooms.is_open(room):
            said += [event for name in self._sinks.of_room(room) for event in self._sinks.stop(name, "released")]
        return said

    def _is_taken(self, row: int) -> bool:
        return 0 <= row < len(self._ports) and bool(self._ports.taken[row])

    def _bridge(self, a: int, b: int) -> None:
        if self._is_taken(a) and self._is_taken(b):
            self._unbridge(a)
            self._unbridge(b)
            self._ports.peer[a], self._ports.peer[b] = b, a

    def _unbridge(self, row: int) -> None:
        for one in {row, int(self._ports.peer[row])} - {-1}:
            self._ports.peer[one] = -1
            self._forwarder.renew(one)

    def _withhold(self, row: int, on: bool) -> None:
        """What its peer hears is not forwarded from now on, or is again."""
        self._withholding.switch(row, on=on)
        for one in {row, int(self._ports.peer[row])} - {-1}:
            self._forwarder.renew(one)

    def _release(self, row: int) -> list[events.Event]:
        said = [*self._sources.stop(row), *self._arrivals.forget(row)]
        self._captures.stop(row)
        for recording in self._sinks.of(row):
            said += self._sinks.stop(recording, "released")
        self._unbridge(row)
        self._unfeed(row)
        said += self._leave(row)
        said += self._dialling.stop(row)
        quality = self._reports.quality(row)
        said.append(
            events.Released(
                row, int(self._ports.packets_in[row]), int(self._ports.packets_out[row]), quality.lost,
                int(self._jitter.late[row]), quality.jitter_ms,
            )
        )  # fmt: skip
        self._ports.release(row)
        return said
