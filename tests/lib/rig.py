"""An engine on a bench: ports with peers, packets in and out as Python sees them, a clock that ticks when told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from struct import Struct

from media import commands, events
from media.engine import Engine
from media.errors import AudioError
from media.frames import FRAME, TICK, Pcm
from media.inbox import Inbox, Stray
from media.negotiate import StreamPlan
from media.ports import Address
from media.recorder import Recorder
from media.rtcp import Report
from media.rtp import HEADER, Packets, packets_of, parse

DTMF = 101
RTP = Struct(">BBHII")


def peer_of(row: int) -> Address:
    """Where the peer of a row is."""
    return "192.0.2.1", 4000 + 2 * row


def plan_of(row: int, codec: str = "PCMU", dtmf: int = DTMF, **other: object) -> StreamPlan:
    """A stream with the row's peer."""
    ip, port = peer_of(row)
    fields = {
        "remote_ip": ip, "remote_port": port, "rtcp_port": port + 1, "codec": codec, "payload_type": 0,
        "dtmf_payload_type": dtmf, "ptime_ms": 20, "send": True, "receive": True, "signalling_ip": ip,
    }  # fmt: skip
    fields["payload_type"] = 0 if codec == "PCMU" else 8
    return StreamPlan(**{**fields, **other})  # type: ignore[arg-type]


@dataclass
class InMemory:
    """`library.Samples` that are in memory."""

    pcm: Pcm

    @property
    def length(self) -> int:
        """All of them."""
        return len(self.pcm)

    def read(self, start: int, count: int) -> Pcm:
        """A stretch."""
        return self.pcm[start : start + count]

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Sent:
    """A packet that an engine sent, or that is sent to it."""

    row: int
    payload: bytes
    sequence: int
    timestamp: int
    payload_type: int = 0
    ssrc: int = 7
    marker: bool = False
    source: Address | None = None  # None: the row's peer


class Rig:
    """An engine with connected rows; `tick` is 20 ms."""

    def __init__(
        self, rows: int = 4, idle_seconds: float = 60.0, *, connect: bool = True, recorder: Recorder | None = None,
        all_below: int = 16,
    ) -> None:  # fmt: skip
        self.sounds: dict[str, Pcm] = {}
        self.said: list[events.Event] = []
        self.reports: list[Report] = []  # that were sent
        self.now = 100.0
        recorder = recorder or Recorder(self.said.append, threaded=False)
        self.engine = Engine(rows, self, recorder, Random(1), idle_seconds, all_below)
        for row in range(rows):
            self.engine.take(row)
            if connect:
                self.do(commands.Connect(row, plan_of(row)))

    def open(self, audio: str) -> InMemory:
        """`library.Library`."""
        try:
            return InMemory(self.sounds[audio])
        except KeyError:
            raise AudioError(f"no sound {audio}") from None

    def do(self, command: commands.Command) -> list[events.Event]:
        """A command; what it brings about at once."""
        said = self.engine.apply(command, self.now)
        self.said += said
        return said

    def tick(
        self, *packets: Sent, reports: Sequence[Report] = (), control: Sequence[Stray] = ()
    ) -> dict[int, list[Sent]]:
        """20 ms; what each row sent. `control`: what strangers send to the ports for RTCP."""
        inbox = self._inbox(packets)
        out = self.engine.tick(replace(inbox, strays=[*inbox.strays, *control], reports=reports), self.now)
        self.now += TICK
        self.said += out.events
        self.reports += out.reports
        return _sent(out.packets)

    def late(self, *packets: Sent) -> None:
        """What came while ticks were left out."""
        self.said += self.engine.late(self._inbox(packets), self.now)

    def _inbox(self, packets: Sequence[Sent]) -> Inbox:
        return inbox_of(self.engine, [(one.row, _bytes(one), one.source or peer_of(one.row)) for one in packets])

    def run(self, seconds: float) -> None:
        """Time passes, and nothing comes."""
        for _ in range(round(seconds / TICK)):
            self.tick()

    def frame(self, row: int, *packets: Sent) -> bytes:
        """20 ms; the payload of the one packet that a row sent."""
        (one,) = self.tick(*packets)[row]
        return one.payload

    def heard(self, kind: type[events.Event]) -> list[events.Event]:
        """The events of a kind so far."""
        return [event for event in self.said if isinstance(event, kind)]


def inbox_of(engine: Engine, came: Sequence[tuple[int, bytes, Address]]) -> Inbox:
    """What connected sockets make of packets (row, bytes, source): the peers' own, and strays."""
    remote = engine.ports.remote
    peers = [(row, data) for row, data, source in came if source == remote[row]]
    return Inbox(packets_of(peers), [Stray(*one) for one in came if one[2] != remote[one[0]]])


def _bytes(one: Sent) -> bytes:
    """As RFC 3550 §5.1 has it."""
    kind = one.marker << 7 | one.payload_type
    return RTP.pack(0x80, kind, one.sequence & 0xFFFF, one.timestamp & 0xFFFFFFFF, one.ssrc) + one.payload


def _sent(batches: Sequence[Packets]) -> dict[int, list[Sent]]:
    found: dict[int, list[Sent]] = {}
    for packets in batches:
        _sort(packets, found)
    return found


def _sort(packets: Packets, found: dict[int, list[Sent]]) -> None:
    headers = parse(packets.data, packets.lengths)
    for index, row in enumerate(packets.rows.tolist()):
        payload = packets.data[index, HEADER : int(packets.lengths[index])].tobytes()
        one = Sent(
            row, payload, int(headers.sequence[index]), int(headers.timestamp[index]),
            int(headers.payload_type[index]), int(headers.ssrc[index]), bool(headers.marker[index]),
        )  # fmt: skip
        found.setdefault(row, []).append(one)


def voice(row: int, number: int, payload: bytes = b"", *, first: int = 0, **other: object) -> Sent:
    """The packet `number` of a row's peer: 20 ms of audio."""
    sequence, stamp = first + number, first * FRAME + number * FRAME
    return Sent(row, payload or bytes([number % 200] * FRAME), sequence & 0xFFFF, stamp & 0xFFFFFFFF, **other)  # type: ignore[arg-type]
