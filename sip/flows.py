"""The flows of an agent: which connections stand, and whether a UDP flow leads to a peer better than its URI."""

from __future__ import annotations

from ipaddress import ip_address

from sip.outputs import Flow
from sip.uri import Uri


class Flows:
    """A datagram can always be sent; over a connection only while it stands."""

    def __init__(self) -> None:
        self._standing: set[Flow] = set()

    def heard_on(self, flow: Flow) -> None:
        """Something came on a flow: a connection stands."""
        if flow.reliable:
            self._standing.add(flow)

    def broken(self, flow: Flow) -> None:
        """A connection is gone."""
        self._standing.discard(flow)

    def usable(self, flow: Flow) -> bool:
        """Whether something can still be sent on a flow."""
        return not flow.reliable or flow in self._standing

    def leads(self, flow: Flow, hop: Uri) -> bool:
        """Whether a request to `hop` is better sent on this flow than to where `hop` leads."""
        return self.usable(flow) and (flow.reliable or _is_the_way(flow, hop))


def _is_the_way(flow: Flow, hop: Uri) -> bool:
    """Whether a UDP flow leads to a peer better than its URI.

    The peer says so (`ob`, RFC 5626 §4.3), its URI leads to a registrar (`gr`, RFC 5627), or it names a private address
    while its packets come from another.
    """
    if hop.param("ob") is not None or hop.param("gr") is not None:
        return True
    if hop.host == flow.remote[0]:
        return False
    try:
        named = ip_address(hop.host)
    except ValueError:
        return False
    return str(named) != flow.remote[0] and named.is_private
