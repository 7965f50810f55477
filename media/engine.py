"""The column engine: what happens every 20 ms, for all ports at once. No socket, no clock, no thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from media import commands, events, native_arithmetic, native_streams, rtcp, watch
from media.arena import BOUND, Arena
from media.arrivals import Arrivals
from media.capturer import Capturer
from media.captures import Captures, CaptureWriter
from media.codecs import g711
from media.conferences import Conferences
from media.departures import Spoken, silent
from media.dialling import Dialling
from media.dtmf import Events, Listener
from media.duties import Duties, duties_of
from media.forward import Forwarder
from media.frames import FRAME, Mask, Pcm, Rows
from media.inbox import Inbox
from media.jitter import Jitter
from media.library import Library
from media.passing import Passing
from media.ports import Ports
from media.probation import Probation
from media.rtp import Headers, Packets
from media.sinks import Said, Sinks, Writer
from media.sources import Sources
from media.streams import Owners
from media.taps import Taps
from media.wiring import Parts, Wiring
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
        self.ports = ports = Ports(rows)
        self.arena = Arena(sound_bound)
        self._idle_seconds = idle_seconds
        arithmetic = native_arithmetic.best()
        self._sources = Sources(2 * rows, library, self.arena)  # those of the ports, then those of the rooms
        self._sinks, self._taps = Sinks(writer), Taps()
        self._jitter, self._reports, probation = Jitter(rows, ports.law), rtcp.Reports(rows), Probation(rows)
        self._listener = Listener(rows, arithmetic.glance)
        self._forwarder = Forwarder(ports)
        self._streams = native_streams.best(Owners(ports, probation, self._reports, self._forwarder, self._jitter))
        self._conferences = Conferences(rows, self._sources, all_below, arithmetic)
        self._arrivals = Arrivals(ports, self._reports, probation, self._streams)
        self._dialling = Dialling(ports)
        self._passing = Passing(ports, Events(rows), self._dialling)
        self._withholding = Withholding(ports, self._conferences.rooms)
        self._captures = Captures(ports, capturer or Capturer(threaded=False))
        parts = Parts(
            ports, self._sources, self._sinks, self._taps, self._jitter, self._passing, self._listener, self._reports,
            self._forwarder, self._conferences, self._arrivals, self._dialling, self._withholding, self._captures,
        )  # fmt: skip
        self._wiring = Wiring(parts, random)
        self._heard = np.zeros((rows, FRAME), np.int16)
        self._said = np.zeros((rows, FRAME), np.uint8)
        self._listened = np.zeros(rows, np.bool_)  # in the last tick
        self._duties: Duties | None = None
        self._ticks = 0

    def take(self, row: int) -> int:
        """A row begins; its SSRC."""
        self._duties = None
        self._heard[row] = 0
        return self._wiring.take(row)

    def apply(self, command: commands.Command, now: float) -> list[events.Event]:
        """One command; those about a port that is not taken do nothing."""
        self._duties = None
        return self._wiring.apply(command, now)

    def tick(self, inbox: Inbox, now: float) -> Outbox:
        """What happens every 20 ms."""
        out = Outbox()
        self._ticks += 1
        if not len(inbox.packets) and not inbox.strays and self._is_quiet():
            return out
        packets, headers, pressed = self._came(inbox, now, out)
        duties = self._duties or self._take_on()
        if pressed:
            out.events += self._passing.hear(packets, headers, duties.forwarding)
        if len(packets) and duties.forwards:
            out.packets.append(self._streams.forward(packets, headers, duties))
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
            self._duties = None  # keys may be passed on
            out.events += self._passing.hear(packets, headers, np.zeros(len(self.ports), np.bool_))
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
            self._said[rows] = spoken.audible()
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
            out.events += self._wiring.stopped(self._sinks.write(*self._kept(duties), mixes))

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
