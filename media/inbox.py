"""What the sockets received since the last tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media.ports import Address
from media.rtcp import Report
from media.rtp import Packets


@dataclass(frozen=True, slots=True)
class Stray:
    """A packet that did not come from its row's peer; `control`: to the port for RTCP."""

    row: int
    data: bytes
    source: Address
    control: bool = False


@dataclass(frozen=True, slots=True)
class Inbox:
    """RTP packets of the rows' peers, packets of others, RTCP packets of the peers' hosts."""

    packets: Packets
    strays: Sequence[Stray] = ()
    reports: Sequence[Report] = ()
