"""Which of our addresses a peer reaches us at, where a socket is bound to all of them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from sip.outputs import Address

KEPT = 1024  # peers whose route is remembered


def fitting(bound: Sequence[Address], host: str) -> Address | None:
    """Which of our addresses a peer that knows us as `host` comes to: that one, else a wildcard, else any."""
    same = [one for one in bound if (":" in one[0]) == (":" in host)]
    return min(same, key=lambda one: (one[0] != host, not ip_address(one[0]).is_unspecified), default=None)


class LocalAddress:
    """The address of a listener as its peers see it."""

    def __init__(self, bound: Address) -> None:
        self.bound = bound
        self._wild = ip_address(bound[0]).is_unspecified
        self._routes: dict[str, str] = {}

    def towards(self, remote: str) -> Address:
        """Our address on the route to `remote`; no packet is sent to find out."""
        if not self._wild:
            return self.bound
        if remote not in self._routes:
            if len(self._routes) >= KEPT:
                self._routes.clear()  # routes change, too
            self._routes[remote] = route(remote) or self.bound[0]
        return self._routes[remote], self.bound[1]


def route(remote: str) -> str | None:
    """Our address on the way to an IP address, None where there is none; no packet is sent to find out."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
