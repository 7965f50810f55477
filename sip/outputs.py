"""What crosses the border of the sans-IO core: flows, things to do, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Flow:
    """The way between us and a peer: a pair of addresses over UDP, or one connection (`id`) over TCP."""

    transport: str  # udp, tcp
    local: Address
    remote: Address
    id: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport itself retransmits (RFC 3261 §17)."""
        return self.transport != "udp"


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send these bytes on this flow."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class Connect:
    """Find and open a way to a target; answered by FlowOpened or FlowFailed with the same request number."""

    request: int
    transport: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class FlowOpened:
    """The way that `Connect` asked for."""

    request: int
    flow: Flow


@dataclass(frozen=True, slots=True)
class FlowFailed:
    """`Connect` failed (by its request number), or an open flow broke."""

    request: int
    reason: str
    flow: Flow | None = None
