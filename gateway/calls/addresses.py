"""How this gateway calls itself in From, in SDP and towards itself, where it is bound to all addresses or behind NAT.

Via and Contact are the SIP room's (sip/layer.py): it knows the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from sip.locate import numeric
from sip.outputs import Address
from sip.transport.local import route

FAR = {4: "192.0.2.1", 6: "2001:db8::1"}  # somewhere in the internet (RFC 5737, RFC 3849): nothing is sent there


@dataclass(frozen=True, slots=True)
class Addresses:
    """`sip`: where SIP is bound; `rtp`: the host that media is bound to; then what the settings make public."""

    sip: Address
    rtp: str
    public_sip: str | None = None
    public_media: str | None = None
    route: Callable[[str], str | None] = route

    @property
    def sip_host(self) -> str:
        """HOST:PORT that others know us by."""
        return joined(self.public_sip or self._named(self.sip[0]), self.sip[1])

    @property
    def inside(self) -> str:
        """HOST:PORT at which we reach ourselves."""
        host, port = self.sip
        return joined(_near(host), port)

    @property
    def media_inside(self) -> str:
        """The address at which our media reaches itself."""
        return _near(self.rtp)

    def media(self, peer: str) -> str:
        """The address that SDP says to a peer, whose host or name this is."""
        if self._is_here(peer):
            return self._inside(peer) if wild(self.rtp) else self.rtp
        public = self._public()
        return public if public and not differ(public, peer) else self._named(self.rtp, peer)

    def _inside(self, peer: str) -> str:
        """Towards a peer on this machine, where media is bound to all addresses."""
        fits = ip_address(peer).version == self._version(self.rtp, peer)
        return peer if fits else _near(self.rtp)

    def _public(self) -> str | None:
        """What the settings make public of our media."""
        hidden = numeric(self.rtp) and not ip_address(self.rtp).is_global
        known = hidden and self.public_sip and numeric(self.public_sip)
        return self.public_media or (self.public_sip if known else None)

    def _is_here(self, peer: str) -> bool:
        return numeric(peer) and (ip_address(peer).is_loopback or peer == self.sip[0])

    def _named(self, bound: str, peer: str = "") -> str:
        """An address of ours that can be written down: what is bound, else the one on the way to the peer."""
        if not wild(bound):
            return bound
        version = self._version(bound, peer)
        known = numeric(peer) and ip_address(peer).version == version
        return self.route(peer if known else FAR[version]) or ("::1" if version == 6 else "127.0.0.1")

    def _version(self, bound: str, peer: str) -> int:
        """Of IP, towards a peer: media that is bound to `::` has both, and follows SIP where the peer is a name."""
        hosts = (bound,) if ip_address(bound).version == 4 else (peer, self.sip[0], bound)
        return next(ip_address(one).version for one in hosts if numeric(one))


def _near(host: str) -> str:
    """Where what is bound to `host` is reached on this machine."""
    if not wild(host):
        return host
    return "::1" if ":" in host else "127.0.0.1"


def wild(host: str) -> bool:
    """Whether a host stands for all addresses."""
    return numeric(host) and ip_address(host).is_unspecified


def differ(one: str, other: str) -> bool:
    """Whether two hosts are addresses of different kinds, which do not reach each other."""
    return numeric(one) and numeric(other) and (":" in one) != (":" in other)


def joined(host: str, port: int) -> str:
    """HOST:PORT, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
