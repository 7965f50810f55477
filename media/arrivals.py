"""What came: the packets of the peers, checked and counted; strangers, who are told, or become the peer."""

from __future__ import annotations

import numpy as np

from media import events, rtcp, rtp
from media.frames import Rows
from media.inbox import Inbox, Stray
from media.latch import Latch
from media.negotiate import StreamPlan
from media.ports import Address, Ports
from media.probation import Probation
from media.rtp import Headers, Packets

CONTROL = range(64, 96)  # payload types that RTCP packets seem to have on the RTP port (RFC 5761 §4)


class Arrivals:
    """Looks at everything that comes in before anybody hears it."""

    def __init__(self, ports: Ports, reports: rtcp.Reports) -> None:
        self._ports = ports
        self._reports = reports
        self._probation = Probation(len(ports))
        self._latches: dict[int, Latch] = {}
        self._looking = np.zeros(len(ports), np.bool_)  # rows that have one
        self._strangers: dict[tuple[int, Address], int] = {}

    def expect(self, row: int, plan: StreamPlan, now: float) -> None:
        """The row has this peer from now on. Until it is heard where SDP says, it may turn out to be elsewhere."""
        self._latches[row] = Latch(plan, now)
        self._looking[row] = True
        self._probation.reset(row)

    def forget(self, row: int) -> list[events.Event]:
        """The row ends; who sent something to it meanwhile."""
        self._settle(row)
        return self._tell(row)

    def _settle(self, row: int) -> None:
        """Nobody is looked for any more."""
        self._latches.pop(row, None)
        self._looking[row] = False

    @property
    def awaited(self) -> bool:
        """Whether strangers are to be told."""
        return bool(self._strangers)

    def sort(self, inbox: Inbox, now: float, said: list[events.Event]) -> tuple[Packets, Headers]:
        """The packets of the peers and their headers, of which `ok` says that they are RTP that was agreed on."""
        for stray in inbox.strays:
            self._meet(stray, now, said)
        packets, ports = inbox.packets, self._ports
        headers = rtp.parse(packets.data, packets.lengths)
        if len(packets):
            rows = packets.rows
            self._hear_reports(packets, headers)
            known = headers.payload_type == ports.payload_type[rows]
            known |= headers.payload_type == ports.dtmf_type[rows]
            headers.ok &= known & ports.receive[rows] & ports.connected[rows]
            headers.ok = self._probation.passed(rows, headers)
            heard = rows[headers.ok]
            np.add.at(ports.packets_in, heard, 1)
            ports.heard_at[heard] = now
            self._reports.received(rows, headers, now)
            for row in heard[self._looking[heard]].tolist():  # its peer is where SDP said
                self._settle(row)
        return packets, headers

    def _hear_reports(self, packets: Packets, headers: Headers) -> None:
        """RTCP that shares the RTP port."""
        types = headers.payload_type
        for index in np.flatnonzero(headers.ok & (types >= CONTROL.start) & (types < CONTROL.stop)):
            row = int(packets.rows[index])
            plan = self._ports.plans[row]
            if plan is not None and plan.rtcp_mux:
                self._reports.heard(row, packets.data[index, : packets.lengths[index]].tobytes())

    def _meet(self, stray: Stray, now: float, said: list[events.Event]) -> None:
        row, source = stray.row, stray.source
        latch = self._latches.get(row)
        heading = rtp.heading(stray.data) if latch is not None and latch.is_open(source, now) else None
        if latch is not None and heading is not None and latch.accepts(source, *heading, now):
            self._ports.move(row, source)
            self._settle(row)
            said.append(events.Latched(row, *source))
        else:
            self._strangers[row, source] = self._strangers.get((row, source), 0) + 1

    def tell_strangers(self) -> list[events.Event]:
        """Who sent something that was not its peer's to hear, since it was told last."""
        rows: Rows = np.unique(np.array([row for row, _ in self._strangers], np.int64))
        return [event for row in rows.tolist() for event in self._tell(row)]

    def _tell(self, row: int) -> list[events.Event]:
        sources = [source for one, source in self._strangers if one == row]
        return [events.Strangers(row, *source, self._strangers.pop((row, source))) for source in sources]
