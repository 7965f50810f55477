"""Symmetric RTP, safe by default: when a port may follow the address that packets really come from.

Only within five seconds of the answer, only to the IP address that the signalling came from, only when the SDP names
a private address or the trunk is symmetric, and only for a source that keeps one SSRC for three packets in sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from media.negotiate import StreamPlan
from media.ports import Address

SECONDS = 5.0
PACKETS = 3


@dataclass(slots=True)
class Suitor:
    """A source that may become the peer."""

    address: Address
    ssrc: int
    sequence: int
    count: int = 1


class Latch:
    """The decision for one port, from its answer on."""

    def __init__(self, plan: StreamPlan, now: float) -> None:
        self._ip = plan.signalling_ip
        self._until = now + SECONDS
        self._allowed = plan.symmetric or _private(plan.remote_ip)
        self._suitor: Suitor | None = None

    def is_open(self, address: Address, now: float) -> bool:
        """Whether the port may still follow somebody there."""
        return self._allowed and now <= self._until and address[0] == self._ip

    def accepts(self, address: Address, ssrc: int, sequence: int, now: float) -> bool:
        """Whether a packet of a stranger makes it the peer."""
        if not self.is_open(address, now):
            return False
        suitor = self._suitor
        if (
            suitor is None
            or (suitor.address, suitor.ssrc) != (address, ssrc)
            or sequence != (suitor.sequence + 1) & 0xFFFF
        ):
            self._suitor = Suitor(address, ssrc, sequence)
            return False
        suitor.sequence, suitor.count = sequence, suitor.count + 1
        return suitor.count >= PACKETS


def _private(ip: str) -> bool:
    return ip_address(ip).is_private
