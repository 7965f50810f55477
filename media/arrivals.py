"""What came: the packets of the peers, checked and counted; strangers, who are told, or become the peer."""

from __future__ import annotations

from media import events, rtcp, rtp
from media.inbox import Inbox, Stray
from media.latch import ABSENT, PACKETS, Latch
from media.negotiate import StreamPlan
from media.ports import NOBODY, Address, Ports
from media.probation import Probation
from media.rtp import NO_HEADERS, Headers, Packets
from media.streams import CONTROL, Streams

SOURCES = 8  # strangers that are told apart of one port in a second: addresses cost those who forge them nothing


class Arrivals:
    """Looks at everything that comes in before anybody hears it."""

    def __init__(self, ports: Ports, reports: rtcp.Reports, probation: Probation, streams: Streams) -> None:
        self._ports, self._reports, self._probation = ports, reports, probation
        self._streams = streams
        self._latches: dict[int, Latch] = {}
        self._strangers: dict[int, dict[Address, int]] = {}  # by row

    def expect(self, row: int, plan: StreamPlan, now: float) -> None:
        """The row has this peer from now on. Unless it is heard where SDP says, it may turn out to be elsewhere."""
        self._latches[row] = Latch(plan, now, int(self._ports.packets_in[row]))
        self._probation.reset(row)

    def forget(self, row: int) -> list[events.Event]:
        """The row ends; who sent something to it meanwhile."""
        self._latches.pop(row, None)
        return self._tell(row, self._strangers.pop(row, {}))

    @property
    def awaited(self) -> bool:
        """Whether strangers are to be told."""
        return bool(self._strangers)

    def sort(self, inbox: Inbox, now: float, said: list[events.Event]) -> tuple[Packets, Headers, bool]:
        """The packets of the peers and their headers, of which `ok` says that they are RTP that was agreed on; whether
        telephone events are among them."""
        for stray in inbox.strays:
            self._meet(stray, now, said)
        for report in inbox.reports:
            self._hear_report(report.row, report.data, now)
        packets = inbox.packets
        self._probation.tick += 1
        if not len(packets):
            return packets, NO_HEADERS, False
        headers, others = self._streams.sort(packets)
        for index in others.tolist():
            headers.ok[index] = self._is_heard(packets, headers, index, now)
        return packets, headers, self._streams.count(packets, headers, now)

    def _is_heard(self, packets: Packets, headers: Headers, index: int, now: float) -> bool:
        """A packet that is of no stream that is heard so far: RTCP on the RTP port, or one of another stream."""
        row, kind, ports = int(packets.rows[index]), int(headers.payload_type[index]), self._ports
        if kind in CONTROL and kind not in (ports.payload_type[row], ports.dtmf_type[row]):
            plan = ports.plans[row]
            if plan is not None and plan.rtcp_mux:
                self._hear_report(row, packets.data[index, : packets.lengths[index]].tobytes(), now)
            return False
        ssrc, sequence = int(headers.ssrc[index]), int(headers.sequence[index])
        if not self._probation.proves(row, ssrc, sequence):
            return False
        self._reports.begin(row, ssrc, sequence, int(headers.timestamp[index]), now)
        return True

    def _hear_report(self, row: int, data: bytes, now: float) -> None:
        if self._reports.heard(row, data, int(self._ports.ssrc[row]), now):
            self._ports.reported_at[row] = now

    def _meet(self, stray: Stray, now: float, said: list[events.Event]) -> None:
        row, source = stray.row, stray.source
        latch = self._latches.get(row)
        if stray.control:
            if latch is None or not latch.is_open(source, now):  # else RTCP of a peer that is to be followed yet
                self._count(row, source)
        elif latch is not None and latch.is_open(source, now) and self._takes(latch, stray, now):
            self._ports.move(row, source)
            self._ports.heard_at[row], latch.packets_in = now, -1
            self._strangers.get(row, {}).pop(source, None)
            said.append(events.Latched(row, *source))
        else:
            self._count(row, source)

    def _takes(self, latch: Latch, stray: Stray, now: float) -> bool:
        """Whether the sender is the peer from now on: not while the peer is heard, nor by what was not agreed on."""
        row, ports = stray.row, self._ports
        heading = rtp.heading(stray.data)
        if heading is None or heading[0] not in (ports.payload_type[row], ports.dtmf_type[row]):
            return False
        if ports.packets_in[row] > latch.packets_in and now - ports.heard_at[row] < ABSENT:
            return False
        return latch.accepts(stray.source, *heading[1:], now)

    def _count(self, row: int, source: Address) -> None:
        sources = self._strangers.setdefault(row, {})
        if source not in sources and len(sources) >= SOURCES:
            source = NOBODY
        sources[source] = sources.get(source, 0) + 1

    def tell_strangers(self, now: float) -> list[events.Event]:
        """Who sent something that was not its peer's to hear, since it was told last."""
        strangers, self._strangers = self._strangers, {}
        said: list[events.Event] = []
        for row in sorted(strangers):
            sources = strangers[row]
            latch = self._latches.get(row)
            later = {one: sources.pop(one) for one in list(sources) if latch and _may_be_peer(latch, one, sources, now)}
            if later:
                self._strangers[row] = later
            said += self._tell(row, sources)
        return said

    def _tell(self, row: int, sources: dict[Address, int]) -> list[events.Event]:
        return [events.Strangers(row, *source, count) for source, count in sources.items()]


def _may_be_peer(latch: Latch, source: Address, sources: dict[Address, int], now: float) -> bool:
    """Whether somebody sent too little so far to be followed, and may be yet: that is no stranger so far."""
    return sources[source] < PACKETS and latch.is_open(source, now)
