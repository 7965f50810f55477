"""The column engine: what happens every 20 ms, for all ports at once. No socket, no clock, no thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from media import commands, events, rtcp, rtp
from media.codecs import SILENCE, g711
from media.digits import EventPacket, Step, steps
from media.dtmf import Events, Listener, is_event
from media.errors import AudioError
from media.forward import Forwarder
from media.frames import FRAME, Mask, Pcm, Rows, Wire
from media.jitter import Jitter
from media.latch import Latch
from media.ports import Address, Ports
from media.rtp import HEADER, WIDTH, Headers, Packets
from media.sinks import Sinks, Writer
from media.sources import Arena, Segment, Sources
from media.tones import tone

if TYPE_CHECKING:
    from random import Random

SILENCES = np.array(SILENCE, np.uint8)
ONE_WAY = 3.0  # seconds without a packet, while we send, that are no pause of a talker any more


class Library(Protocol):
    """Where sounds are read from; AudioError when one cannot be had."""

    def read(self, audio: str) -> Pcm: ...


@dataclass(frozen=True, slots=True)
class Inbox:
    """What the sockets received since the last tick: packets, and where each came from."""

    packets: Packets
    sources: Sequence[Address]


@dataclass(slots=True)
class Outbox:
    """What a tick produced: packets to `remote` of their rows, RTCP reports, events."""

    packets: Packets
    reports: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[events.Event] = field(default_factory=list)


class Engine:
    """All ports of a worker. `apply` takes commands, `tick` makes 20 ms of media."""

    def __init__(self, rows: int, library: Library, writer: Writer, random: Random, idle_seconds: float) -> None:
        self.ports = Ports(rows)
        self._library = library
        self._random = random
        self._idle_seconds = idle_seconds
        self._arena = Arena()
        self._sources = Sources(rows, self._arena)
        self._sinks = Sinks(writer)
        self._jitter = Jitter(rows)
        self._events = Events(rows)
        self._listener = Listener(rows)
        self._forwarder = Forwarder(self.ports)
        self._reports = rtcp.Reports(rows)
        self._latches: dict[int, Latch] = {}
        self._strangers: dict[tuple[int, Address], int] = {}
        self._dialling: dict[int, tuple[int, Iterator[Step]]] = {}
        self._event_timestamp = np.zeros(rows, np.int64)
        self._heard = np.zeros((rows, FRAME), np.int16)
        self._said = np.zeros((rows, FRAME), np.uint8)
        self._ticks = 0

    # commands

    def take(self, row: int) -> int:
        """A row begins; its SSRC."""
        ssrc = self._random.getrandbits(32)
        self.ports.take(row, ssrc, self._random.getrandbits(16), self._random.getrandbits(32))
        self._jitter.reset(row)
        self._events.reset(row)
        self._listener.reset(row)
        self._reports.reset(row)
        return ssrc

    def apply(self, command: commands.Command, now: float) -> list[events.Event]:
        """One command; those about a port that is not taken do nothing."""
        if isinstance(command, commands.Bridge):
            self._bridge(command.a, command.b)
            return []
        if isinstance(command, commands.Allocate) or not self._is_taken(command.port):
            return []
        match command:
            case commands.Connect(port=port, plan=plan):
                self.ports.connect(port, plan, now)
                self._forwarder.renew(port)
                self._latches[port] = Latch(plan, now)
            case commands.Play():
                return self._play(command)
            case commands.Stop(port=port):
                return self._stop(port)
            case commands.SendDigits(port=port, sending=sending, digits=digits):
                self._dialling[port] = (sending, steps(digits, events=self.ports.dtmf_type[port] >= 0))
                self.ports.dialling[port] = True
            case commands.Record():
                self._sinks.start(command)
                self.ports.tapped[command.port] = True
            case commands.StopRecord(port=port, recording=recording, cut_ms=cut_ms):
                stopped = self._sinks.stop(recording, "stopped", cut_ms)
                self.ports.tapped[port] = bool(self._sinks.of(port))
                return stopped
            case commands.Unbridge(port=port):
                self._unbridge(port)
            case commands.Release(port=port):
                return self._release(port)
        return []

    def _is_taken(self, row: int) -> bool:
        return 0 <= row < len(self.ports) and bool(self.ports.taken[row])

    def _bridge(self, a: int, b: int) -> None:
        if self._is_taken(a) and self._is_taken(b):
            self._unbridge(a)
            self._unbridge(b)
            self.ports.peer[a], self.ports.peer[b] = b, a

    def _unbridge(self, row: int) -> None:
        peer = int(self.ports.peer[row])
        for one in (row, peer):
            if one >= 0:
                self.ports.peer[one] = -1
                self._forwarder.renew(one)
                self._jitter.reset(one)

    def _play(self, command: commands.Play) -> list[events.Event]:
        said = self._stop(command.port)
        try:
            segments = [self._segment(piece) for piece in command.pieces]
        except (AudioError, MemoryError) as error:
            return [*said, events.PlayEnded(command.port, command.playing, False, str(error))]
        self._sources.play(command.port, command.playing, segments, command.loops)
        return said

    def _segment(self, piece: commands.Piece) -> Segment:
        if isinstance(piece, commands.Silence):
            # the arena's silence is one second; what is left over is the start of it
            offset, second = self._arena.quiet
            samples = piece.ms * 8
            if samples <= second:
                return Segment(offset, samples)
            return Segment(offset, FRAME, -(-samples // FRAME))
        if isinstance(piece, commands.Tone):
            key = f"tone {piece.low} {piece.high} {piece.on_ms} {piece.off_ms} {piece.level}"
            place = self._arena.find(key)
            if place is None:
                pcm = tone(piece.low, piece.high, piece.on_ms, piece.off_ms, piece.level)
                place = self._arena.put(key, pcm)
            return Segment(*place, piece.repeat)
        place = self._arena.find(piece.audio) or self._arena.put(piece.audio, self._library.read(piece.audio))
        return Segment(*place)

    def _stop(self, row: int) -> list[events.Event]:
        playing = self._sources.stop(row)
        return [] if playing is None else [events.PlayEnded(row, playing, False)]

    def _release(self, row: int) -> list[events.Event]:
        said = [*self._stop(row), *self._tell_strangers(row)]
        for recording in self._sinks.of(row):
            said += self._sinks.stop(recording, "released")
        self._unbridge(row)
        if sending := self._dialling.pop(row, None):
            said.append(events.DigitsSent(row, sending[0]))
        self._latches.pop(row, None)
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
        out = Outbox(rtp.NONE)
        self._ticks += 1
        if not len(inbox.packets) and self._is_quiet():
            return out
        packets, headers = self._accept(inbox, now, out)
        forwarding = self._forwarder.rows(self._sources.playing)
        forwarded = self._forwarder.forward(packets, headers, forwarding)
        listening = self._listening(forwarding)
        if len(packets):
            self._hear_events(packets, headers, out)
            self._buffer(packets, headers, listening)
        if len(listening):
            self._hear(listening)
            self._detect(listening, out)
        audio = self._speak(forwarding, out)
        self._record(out)
        out.packets = _joined(forwarded, audio)
        np.add.at(self.ports.packets_out, out.packets.rows, 1)
        np.add.at(self.ports.bytes_out, out.packets.rows, out.packets.lengths - HEADER)
        self._watch(now, out)
        return out

    def _is_quiet(self) -> bool:
        """Whether nothing can happen in a tick without packets: nobody is connected, recorded or dialled."""
        ports = self.ports
        return not (ports.connected.any() or ports.tapped.any() or self._dialling or self._strangers)

    def _accept(self, inbox: Inbox, now: float, out: Outbox) -> tuple[Packets, Headers]:
        """The packets of the peers; strangers are counted, or become the peer."""
        packets = inbox.packets
        remote = self.ports.remote
        strange = [
            index
            for index, (row, source) in enumerate(zip(packets.rows.tolist(), inbox.sources, strict=True))
            if source != remote[row]
        ]
        headers = rtp.parse(packets.data, packets.lengths)
        if strange:
            self._meet(strange, packets, headers, inbox.sources, now, out)
        if len(packets):
            rows = packets.rows
            known = headers.payload_type == self.ports.payload_type[rows]
            known |= headers.payload_type == self.ports.dtmf_type[rows]
            headers.ok &= known & self.ports.receive[rows] & self.ports.connected[rows]
            np.add.at(self.ports.packets_in, rows[headers.ok], 1)
            self.ports.heard_at[rows[headers.ok]] = now
            self._reports.received(rows, headers, now)
        return packets, headers

    def _meet(
        self,
        strange: list[int],
        packets: Packets,
        headers: Headers,
        sources: Sequence[Address],
        now: float,
        out: Outbox,
    ) -> None:
        for index in strange:
            row, source = int(packets.rows[index]), sources[index]
            latch = self._latches.get(row)
            if headers.ok[index] and latch is not None and source != self.ports.remote[row]:
                ssrc, sequence = int(headers.ssrc[index]), int(headers.sequence[index])
                if latch.accepts(source, ssrc, sequence, now):
                    self.ports.remote[row] = source
                    out.events.append(events.Latched(row, *source))
            if source != self.ports.remote[row]:
                headers.ok[index] = False
                self._strangers[row, source] = self._strangers.get((row, source), 0) + 1

    def _hear_events(self, packets: Packets, headers: Headers, out: Outbox) -> None:
        rows = packets.rows
        mine = headers.ok & (headers.payload_type == self.ports.dtmf_type[rows]) & is_event(headers.size)
        index = np.flatnonzero(mine)
        if len(index):
            numbers = packets.data[index, headers.start[index]].astype(np.int64)
            for row, digit in self._events.receive(rows[index], headers.timestamp[index], numbers):
                out.events.append(events.DigitReceived(row, digit, False))

    def _listening(self, forwarding: Mask) -> Rows:
        """The rows whose audio somebody needs as samples: recorded, bridged but not forwarded, without events."""
        ports = self.ports
        mixed = (ports.peer >= 0) & ~forwarding
        wanted = ports.tapped | (ports.dtmf_type < 0) | mixed
        if ports.tapped.any():
            wanted |= (ports.peer >= 0) & ports.tapped[ports.peer]
        return np.flatnonzero(wanted & ports.connected)

    def _buffer(self, packets: Packets, headers: Headers, listening: Rows) -> None:
        """Audio packets of those who listen into the playout buffers."""
        rows = packets.rows
        wanted = np.zeros(len(self.ports), np.bool_)
        wanted[listening] = True
        audio = headers.ok & (headers.payload_type == self.ports.payload_type[rows]) & wanted[rows]
        index = np.flatnonzero(audio)
        if len(index):
            at = np.minimum(headers.start[index, None] + np.arange(WIDTH - HEADER), WIDTH - 1)
            payload = packets.data[index[:, None], at]
            self._jitter.put(rows[index], headers.ssrc[index], headers.timestamp[index], payload, headers.size[index])

    def _hear(self, listening: Rows) -> None:
        """A frame out of the playout buffers for each who listens."""
        wire, there = self._jitter.take(listening)
        pcm = g711.decode(wire, self.ports.law[listening])
        self._heard[listening] = np.where(there, pcm, 0)

    def _detect(self, listening: Rows, out: Outbox) -> None:
        rows = listening[self.ports.dtmf_type[listening] < 0]
        for row, digit in self._listener.listen(rows, self._heard[rows]):
            out.events.append(events.DigitReceived(row, digit, True))

    def _speak(self, forwarding: Mask, out: Outbox) -> Packets:
        """A frame for each row that sends: what plays, what its peer says, silence."""
        ports = self.ports
        fed = (ports.peer >= 0) & forwarding[ports.peer] & ~self._forwarder.starved
        rows = np.flatnonzero(ports.connected & ports.send & ~fed)
        law = ports.law[rows]
        wire = np.repeat(SILENCES[law][:, None], FRAME, axis=1)
        playing = self._sources.playing[rows]
        if playing.any():
            wire[playing], ended = self._sources.read(rows[playing], law[playing])
            out.events += [events.PlayEnded(row, number, True) for row, number in ended]
        mixed = (ports.peer[rows] >= 0) & ~forwarding[ports.peer[rows]]
        if mixed.any():
            wire[mixed] = self._mix(rows[mixed], wire[mixed], law[mixed])
        types = ports.payload_type[rows].copy()
        size = np.full(len(rows), FRAME)
        timestamps = ports.timestamp[rows].copy()
        if self._dialling:
            self._dial(rows, wire, types, size, timestamps, out)
        self._said[rows] = wire
        return self._pack(rows, wire, types, size, timestamps)

    def _mix(self, rows: Rows, wire: Wire, law: Rows) -> Wire:
        """What plays into a bridged row, and what its peer says."""
        said = g711.decode(wire, law).astype(np.int32) + self._heard[self.ports.peer[rows]]
        return g711.encode(np.clip(said, -32768, 32767).astype(np.int16), law)

    def _dial(self, rows: Rows, wire: Wire, types: Rows, size: Rows, timestamps: Rows, out: Outbox) -> None:
        """Digits instead of audio, for the few rows that send some."""
        for row, (sending, stream) in list(self._dialling.items()):
            step = next(stream, "over")
            if isinstance(step, str):
                del self._dialling[row]
                self.ports.dialling[row] = False
                out.events.append(events.DigitsSent(row, sending))
                continue
            place = np.searchsorted(rows, row)
            if step is None or place == len(rows) or rows[place] != row:
                continue
            if isinstance(step, EventPacket):
                if step.first:
                    self._event_timestamp[row] = self.ports.timestamp[row]
                    self.ports.marker[row] = True
                wire[place, : len(step.payload)] = np.frombuffer(step.payload, np.uint8)
                types[place], size[place] = self.ports.dtmf_type[row], len(step.payload)
                timestamps[place] = self._event_timestamp[row]
            else:
                wire[place] = g711.encode(step[None, :], self.ports.law[row : row + 1])[0]

    def _pack(self, rows: Rows, wire: Wire, types: Rows, size: Rows, timestamps: Rows) -> Packets:
        ports = self.ports
        data = np.zeros((len(rows), WIDTH), np.uint8)
        data[:, HEADER : HEADER + FRAME] = wire
        rtp.pack(data, types, ports.marker[rows], ports.sequence[rows], timestamps, ports.ssrc[rows])
        ports.marker[rows] = False
        ports.sequence[rows] = (ports.sequence[rows] + 1) & 0xFFFF
        ports.timestamp[ports.connected] = (ports.timestamp[ports.connected] + FRAME) & 0xFFFFFFFF
        self._forwarder.broke(rows)
        return Packets(rows, data, size + HEADER)

    def _record(self, out: Outbox) -> None:
        rows = self._sinks.rows
        if len(rows):
            said = g711.decode(self._said[rows], self.ports.law[rows])
            stopped = self._sinks.write(self._heard[rows], said)
            for event in stopped:
                if isinstance(event, events.RecordStopped):
                    self.ports.tapped[event.port] = bool(self._sinks.of(event.port))
            out.events += stopped

    def _watch(self, now: float, out: Outbox) -> None:
        """What is looked at less often: silent peers and strangers each second, reports when they are due."""
        if self._ticks % 50 == 0:
            self._watch_silence(now, out)
            for row in {row for row, _ in self._strangers}:
                out.events += self._tell_strangers(row)
        out.reports = self._reports.due(self.ports, self._ticks, now)

    def _watch_silence(self, now: float, out: Outbox) -> None:
        """Peers of whom nothing came for long: each silence is told once."""
        ports = self.ports
        silence = now - ports.heard_at
        wanted = ports.connected & ports.receive
        for row in np.flatnonzero(wanted & ~ports.lost_said & (silence >= self._idle_seconds)).tolist():
            ports.lost_said[row] = True
            out.events.append(events.MediaLost(row, self._idle_seconds))
        ports.one_way_said &= silence >= ONE_WAY
        for row in np.flatnonzero(wanted & ports.send & ~ports.one_way_said & (silence >= ONE_WAY)).tolist():
            plan = ports.plans[row]
            assert plan is not None, "a connected port has a plan"
            ports.one_way_said[row] = True
            said = (plan.remote_ip, plan.remote_port)
            out.events.append(events.OneWay(row, *ports.remote[row], *said, round(float(silence[row]), 1)))

    def _tell_strangers(self, row: int) -> list[events.Event]:
        """Who sent something to a row that is not its peer, since it was told last."""
        sources = [source for one, source in self._strangers if one == row]
        return [events.Strangers(row, *source, self._strangers.pop((row, source))) for source in sources]

    def hear_report(self, row: int, data: bytes) -> None:
        """An RTCP packet of a row's peer."""
        self._reports.heard(row, data)


def _joined(a: Packets, b: Packets) -> Packets:
    if not len(a):
        return b
    return Packets(
        np.concatenate((a.rows, b.rows)), np.concatenate((a.data, b.data)), np.concatenate((a.lengths, b.lengths))
    )
