"""Symmetric RTP, safe by default: when a port may follow the address that packets really come from.

Only within five seconds of the answer, only to the IP address that the signalling came from, only when the SDP names
a private address or the trunk is symmetric, only for a source that keeps one SSRC for three packets in sequence, and
only while nothing comes from where the port's peer is: a NAT that rebinds is followed, nobody takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from media.negotiate import StreamPlan
from media.ports import Address

SECONDS = 5.0
PACKETS = 3
SUITORS = 8  # sources that are looked at beside each other
ABSENT = 0.5  # seconds without a packet, after which a peer that was heard may be elsewhere


@dataclass(slots=True)
class Suitor:
    """A source that may become the peer."""

    ssrc: int
    sequence: int
    count: int = 1


class Latch:
    """The decision for one port, from its answer on."""

    def __init__(self, plan: StreamPlan, now: float, packets_in: int = 0) -> None:
        self.packets_in = packets_in  # of the port when it began to wait for this peer
        self._ip = plan.signalling_ip
        self._until = now + SECONDS
        self._allowed = plan.symmetric or _private(plan.remote_ip)
        self._suitors: dict[Address, Suitor] = {}

    def is_open(self, address: Address, now: float) -> bool:
        """Whether the port may still follow somebody there."""
        return self._allowed and now <= self._until and address[0] == self._ip

    def accepts(self, address: Address, ssrc: int, sequence: int, now: float) -> bool:
        """Whether a packet of a stranger makes it the peer."""
        if not self.is_open(address, now):
            return False
        suitor = self._suitors.get(address)
        if suitor is None or suitor.ssrc != ssrc or sequence != (suitor.sequence + 1) & 0xFFFF:
            self._begin(address, Suitor(ssrc, sequence))
            return False
        suitor.sequence, suitor.count = sequence, suitor.count + 1
        if suitor.count < PACKETS:
            return False
        self._suitors.clear()
        return True

    def _begin(self, address: Address, suitor: Suitor) -> None:
        """One more that may become the peer; those who come between its packets do not hold it up."""
        self._suitors.pop(address, None)
        if len(self._suitors) >= SUITORS:
            del self._suitors[next(iter(self._suitors))]
        self._suitors[address] = suitor


def _private(ip: str) -> bool:
    return ip_address(ip).is_private
