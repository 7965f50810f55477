"""What crosses the border of the sans-IO core: flows, things to do, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Flow:
    """The way between us and a peer. `id`: the connection, or over UDP the socket; `local`: where peers reach us.

    `names`: of the certificate that the peer showed over TLS and that was checked (RFC 5922 §7.1).
    `answered`: False for a stranger who is to hear nothing of us outside of dialogs.
    """

    transport: str  # udp, tcp, tls, ws, wss
    local: Address
    remote: Address
    id: int = 0
    names: tuple[str, ...] = ()
    answered: bool = field(default=True, compare=False)

    @property
    def reliable(self) -> bool:
        """Whether the transport itself retransmits (RFC 3261 §17)."""
        return self.transport != "udp"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request may go. `host` is an IP address; `name` is the domain that a certificate must be for."""

    transport: str
    host: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of DNS. HOST is both address types, and the machine's own table of hosts."""

    kind: Literal["NAPTR", "SRV", "HOST"]
    name: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """A NAPTR record (RFC 3403 §4.1); texts in lower case, `replacement` without its last dot."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """An SRV record (RFC 2782); `target` without its last dot, empty where the service is not offered."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Host:
    """An A or AAAA record."""

    address: str


Record = Naptr | Srv | Host


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send these bytes on this flow."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class Resolve:
    """Ask DNS; answered by Resolved with the same question."""

    question: Question


@dataclass(frozen=True, slots=True)
class Connect:
    """Find or open a way to a target; answered by FlowOpened or FlowFailed with the same request number.

    `guarded`: a stranger named it, so it may be refused.
    """

    request: int
    target: Target
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class Alias:
    """Requests to this port of the peer's address may go back on its connection, too (RFC 5923 §8)."""

    flow: Flow
    port: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """What DNS said, good for `ttl` seconds. No records: there are none, or (`failed`) nobody could say."""

    question: Question
    records: tuple[Record, ...]
    ttl: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class FlowOpened:
    """The way that `Connect` asked for; `reused` where the connection was there before."""

    request: int
    flow: Flow
    reused: bool = False


@dataclass(frozen=True, slots=True)
class FlowFailed:
    """`Connect` failed (by its request number), or an open flow broke."""

    request: int
    reason: str
    flow: Flow | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A datagram that the network did not deliver, as far as it is quoted."""

    data: bytes
