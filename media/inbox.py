"""What the sockets received since the last tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media.ports import Address
from media.rtp import Packets


@dataclass(frozen=True, slots=True)
class Stray:
    """A packet that did not come from its row's peer."""

    row: int
    data: bytes
    source: Address


@dataclass(frozen=True, slots=True)
class Inbox:
    """Packets of the rows' peers, and packets of others."""

    packets: Packets
    strays: Sequence[Stray] = ()
