"""The column engine: what happens every 20 ms, for all ports at once. No socket, no clock, no thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from media import commands, events, native_streams, rtcp, watch
from media.arena import BOUND, Arena
from media.arithmetic import best
from media.arrivals import Arrivals
from media.capturer import Capturer
from media.captures import Captures, CaptureWriter
from media.codecs import g711
from media.conferences import Conferences
from media.departures import Spoken, silent
from media.dialling import Dialling
from media.dtmf import Events, Listener, is_event
from media.duties import Duties, duties_of
from media.forward import Forwarder
from media.frames import FRAME, RATE, Mask, Pcm, Rows
from media.inbox import Inbox
from media.jitter import MOST, Jitter
from media.library import Library
from media.ports import Ports
from media.probation import Probation
from media.rtp import Headers, Packets
from media.sinks import Said, Sinks, Writer
from media.sources import Sources
from media.streams import Owners
from media.taps import Taps
from media.withholding import Mixes, Withholding

if TYPE_CHECKING:
    from random import Random


@dataclass(slots=True)
class Outbox:
    """What a tick produced: packets to the peers of their rows, RTCP reports, events."""

    packets: list[Packets] = field(default_factory=list)
    reports: list[rtcp.Report] = field(default_factory=list)
    events: list[events.Event] = field(default_factory=list)


class Engine:
    """All ports of a worker. `apply` takes commands, `tick` makes 20 ms of media.

    `all_below`: in rooms of up to so many members everybody is mixed, in larger ones only those who talk.
    """

    def __init__(
        self, rows: int, library: Library, writer: Writer, random: Random, idle_seconds: float, all_below: int = 16,
        sound_bound: int = BOUND, capturer: CaptureWriter | None = None,
    ) -> None:  # fmt: skip
        self.ports = Ports(rows)
        self._random = random
        self._idle_seconds = idle_seconds
        self.arena = Arena(sound_bound)
        self._sources = Sources(2 * rows, library, self.arena)  # those of the ports, then those of the rooms
        self._sinks = Sinks(writer)
        self._taps = Taps()
        self._jitter = Jitter(rows, self.ports.law)
        self._events = Events(rows)
        self._forwarder = Forwarder(self.ports)
        self._reports = rtcp.Reports(rows)
        probation = Probation(rows)
        self._streams = native_streams.best(Owners(self.ports, probation, self._reports, self._forwarder, self._jitter))
        arithmetic = best()
        self._listener = Listener(rows, arithmetic.glance)
        self._conferences = Conferences(rows, self._sources, all_below, arithmetic)
        self._arrivals = Arrivals(self.ports, self._reports, probation, self._streams)
        self._dialling = Dialling(self.ports)
        self._withholding = Withholding(self.ports, self._conferences.rooms)
        self._captures = Captures(self.ports, capturer or Capturer(threaded=False))
        self._heard = np.zeros((rows, FRAME), np.int16)
        self._said = np.zeros((rows, FRAME), np.uint8)
        self._listened = np.zeros(rows, np.bool_)  # in the last tick
        self._duties: Duties | None = None
        self._ticks = 0

    # commands

    def take(self, row: int) -> int:
        """A row begins; its SSRC."""
        self._duties = None
        ssrc = self._random.getrandbits(32)
        self.ports.take(row, ssrc, self._random.getrandbits(16), self._random.getrandbits(32))
        self._jitter.begin(row)
        self._events.reset(row)
        self._listener.reset(row)
        self._reports.reset(row)
        self._heard[row] = 0
        return ssrc

    def apply(self, command: commands.Command, now: float) -> list[events.Event]:
        """One command; those about a port that is not taken do nothing."""
        self._duties = None
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

    def _apply(self, command: commands.PortCommand, now: float) -> list[events.Event]:
        match command:
            case commands.Connect(port=port, plan=plan):
                self.ports.connect(port, plan, now)
                self._forwarder.renew(port)
                self._arrivals.expect(port, plan, now)
            case commands.Play():
                return [*self._sources.play(command)]
            case commands.Stop(port=port):
                return [*self._sources.stop(port)]
            case commands.SendDigits(port=port, sending=sending, digits=digits):
                return self._dialling.begin(port, sending, digits)
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
                return self._stopped(self._sinks.stop(recording, "stopped", cut_ms))
            case commands.PauseRecord(recording=recording, skip=skip):
                self._sinks.pause(recording, skip=skip)
            case commands.ResumeRecord(recording=recording):
                self._sinks.resume(recording)
        return []

    def _stopped(self, said: list[events.Event]) -> list[events.Event]:
        """Ports that nobody records any more are no longer tapped."""
        for event in said:
            if isinstance(event, events.RecordStopped):
                self._tap(event.port)
        return said

    def _tap(self, row: int) -> None:
        if row >= 0:
            self.ports.tapped[row] = bool(self._sinks.of(row)) or self._taps.of(row)

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
        return said + self._conferences.join(part)

    def _leave(self, row: int) -> list[events.Event]:
        """A port leaves its room; with the last one the room's recordings end."""
        room = self._conferences.rooms.of(row)
        self._jitter.bound(row, MOST)
        said = self._conferences.leave(row)
        if room is not None and not self._conferences.rooms.is_open(room):
            said += [event for name in self._sinks.of_room(room) for event in self._sinks.stop(name, "released")]
        return said

    def _is_taken(self, row: int) -> bool:
        return 0 <= row < len(self.ports) and bool(self.ports.taken[row])

    def _bridge(self, a: int, b: int) -> None:
        if self._is_taken(a) and self._is_taken(b):
            self._unbridge(a)
            self._unbridge(b)
            self.ports.peer[a], self.ports.peer[b] = b, a

    def _unbridge(self, row: int) -> None:
        for one in {row, int(self.ports.peer[row])} - {-1}:
            self.ports.peer[one] = -1
            self._forwarder.renew(one)

    def _withhold(self, row: int, on: bool) -> None:
        """What its peer hears is not forwarded from now on, or is again."""
        self._withholding.switch(row, on=on)
        for one in {row, int(self.ports.peer[row])} - {-1}:
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
                row, int(self.ports.packets_in[row]), int(self.ports.packets_out[row]), quality.lost,
                int(self._jitter.late[row]), quality.jitter_ms,
            )
        )  # fmt: skip
        self.ports.release(row)
        return said

    # the tick

    def tick(self, inbox: Inbox, now: float) -> Outbox:
        """What happens every 20 ms."""
        out = Outbox()
        self._ticks += 1
        if not len(inbox.packets) and not inbox.strays and self._is_quiet():
            return out
        packets, headers, pressed = self._came(inbox, now, out)
        duties = self._duties or self._take_on()
        if len(packets) and duties.forwards:
            out.packets.append(self._streams.forward(packets, headers, duties))
        if pressed:
            self._hear_events(packets, headers, out)
        if len(duties.listening):
            if len(packets):
                self._streams.buffer(packets, headers, self._listened)
            self._streams.hear(duties.listening, self._heard)
            self._detect(duties.inband, out)
        if duties.withholds:
            self._heard[self._withholding.rows] = self._withholding.keyless(self._heard[self._withholding.rows])
        out.events += self._conferences.hear(self._heard)
        speaking = duties.unfed
        if duties.forwards and self._streams.wait(duties):
            speaking = duties.speaking(self._forwarder.idle)
        if len(speaking):
            out.packets.append(self._speak(speaking, duties, out))
        self.ports.timestamp += FRAME
        self._record(duties, out)
        self._watch(now, out)
        if self._captures:
            self._captures.went(out.packets, out.reports, now)
        if out.events:
            self._duties = None  # what ended may have been part of somebody's
        return out

    def late(self, inbox: Inbox, now: float) -> list[events.Event]:
        """What came while ticks were left out: it is counted, its keys are heard, its audio is too late for anybody."""
        out = Outbox()
        packets, headers, pressed = self._came(inbox, now, out)
        if pressed:
            self._hear_events(packets, headers, out)
        return out.events

    def _came(self, inbox: Inbox, now: float, out: Outbox) -> tuple[Packets, Headers, bool]:
        if self._captures:
            self._captures.came(inbox, now)
        return self._arrivals.sort(inbox, now, out.events)

    def miss(self, ticks: int) -> None:
        """So many ticks were left out after a stall: their audio is late, and what we send goes on in time."""
        rows = np.flatnonzero(self.ports.connected)
        self._jitter.skip(rows[self._listened[rows]], ticks)  # the others begin anew when they are listened to
        self.ports.timestamp += ticks * FRAME

    def _is_quiet(self) -> bool:
        """Whether nothing can happen in a tick without packets: nobody is connected, recorded or dialled."""
        ports = self.ports
        return not (ports.connected.any() or self._sinks or self._dialling or self._arrivals.awaited)

    def _hear_events(self, packets: Packets, headers: Headers, out: Outbox) -> None:
        rows = packets.rows
        mine = headers.ok & (headers.payload_type == self.ports.dtmf_type[rows]) & is_event(headers.size)
        index = np.flatnonzero(mine)
        if len(index):
            numbers = packets.data[index, headers.start[index]].astype(np.int64)
            for row, digit in self._events.receive(rows[index], headers.timestamp[index], numbers):
                out.events.append(events.DigitReceived(row, digit, False))

    def _take_on(self) -> Duties:
        """What rows do from now on. Who was not listened to until now has an old playout buffer."""
        self._duties = duties_of(self.ports, self._forwarder, self._sources.playing, self._conferences.rooms.wanted)
        listening = self._duties.listening
        begun = listening[~self._listened[listening]]
        if len(begun):
            self._jitter.reset(begun)
        self._listened[:] = False
        self._listened[listening] = True
        return self._duties

    def _detect(self, rows: Rows, out: Outbox) -> None:
        for row, digit in self._listener.listen(rows, self._heard):
            out.events.append(events.DigitReceived(row, digit, True))

    def _speak(self, rows: Rows, duties: Duties, out: Outbox) -> Packets:
        """A frame for each of these rows: what plays, what its peer or its room says, silence."""
        spoken, playing = silent(self.ports, rows), self._sources.playing[rows]
        out.events += self._sources.into(spoken, playing)
        self._mix_pairs(spoken, duties.forwarding)
        if len(self._conferences.rooms.members):
            self._conferences.speak(spoken, playing)
        if self._dialling:
            out.events += self._dialling.into(spoken)
        if self._taps or self._sinks:
            self._said[rows] = spoken.wire
        if self._taps:
            self._taps.into(spoken, *self._kept(duties))
        return self._streams.pack(spoken)

    def _mix_pairs(self, spoken: Spoken, forwarding: Mask) -> None:
        """Into rows whose bridge is not forwarded: what their peer says, and what plays there."""
        peer = self.ports.peer[spoken.rows]
        mixed = np.flatnonzero((peer >= 0) & ~forwarding[peer])
        if len(mixed):
            law = spoken.law[mixed]
            said = g711.decode(spoken.wire[mixed], law).astype(np.int32) + self._heard[peer[mixed]]
            spoken.wire[mixed] = g711.encode(np.clip(said, -32768, 32767).astype(np.int16), law)

    def _record(self, duties: Duties, out: Outbox) -> None:
        if self._sinks:
            mixes: Mixes = self._conferences.mixes
            if duties.withholds:
                mixes = self._withholding.unmixed(mixes)
            out.events += self._stopped(self._sinks.write(*self._kept(duties), mixes))

    def _kept(self, duties: Duties) -> tuple[Pcm, Said]:
        """What was heard and said, for those who keep it."""
        ports, heard, sends = self.ports, self._heard, self.ports.connected & self.ports.send
        if duties.withholds:
            heard, sends = self._withholding.unsaid(heard), sends & ~self._withholding.tainted
        return heard, Said(self._said, ports.law, sends)

    def _watch(self, now: float, out: Outbox) -> None:
        """What is looked at less often: silent peers and strangers each second, reports when they are due."""
        if self._ticks % 50 == 0:
            out.events += watch.silences(self.ports, self._idle_seconds, now)
            out.events += self._arrivals.tell_strangers(now)
            out.events += self._captures.said()
        out.reports = self._reports.due(self.ports, self._ticks, now)
