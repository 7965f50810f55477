"""How we call ourselves to a peer: what Via and Contact say on a flow (RFC 3261 §8.1.1, §18.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from sip.locate import numeric
from sip.message import Request
from sip.outputs import Address, Flow
from sip.values import Via

MAGIC = "z9hG4bK"  # RFC 3261 §8.1.1.7


class Naming:
    """`advertised`: transport -> the address peers shall see, where it is not the one that is bound."""

    def __init__(self, advertised: Mapping[str, Address]) -> None:
        self._advertised = advertised

    def address(self, flow: Flow) -> Address:
        """Our address on this flow: what is advertised for its kind of address, else the local one."""
        if flow.remote[0] == flow.local[0] or ip_address(flow.remote[0]).is_loopback:
            return flow.local  # it is on this machine: what is advertised may lead nowhere from inside a NAT
        host, port = self._advertised.get(flow.transport, flow.local)
        if numeric(host) and (":" in host) != (":" in flow.local[0]):
            return flow.local
        return host, port or flow.local[1]

    def contact(self, flow: Flow, *, secure: bool = False, user: str | None = None, features: str = "") -> str:
        """Our Contact on this flow; `secure` makes it a SIPS URI (RFC 3261 §8.1.1.8), `features` are its parameters."""
        host, port = self.address(flow)
        host = f"[{host}]" if ":" in host else host
        at = f"{user}@" if user else ""
        what = f";{features}" if features else ""
        if secure:
            kind = ";transport=ws" if flow.transport == "wss" else ""
            return f"<sips:{at}{host}:{port}{kind}>{what}"
        kind = {"udp": "", "wss": ";transport=ws"}.get(flow.transport, f";transport={flow.transport}")
        return f"<sip:{at}{host}:{port}{kind}>{what}"

    def dress(
        self, request: Request, flow: Flow, branch: str, *, contact: bool, user: str | None = None, features: str = ""
    ) -> None:
        """Puts on a request what depends on its flow: Via with this branch, and Contact where it wants one."""
        host, port = self.address(flow)
        alias = (("alias", None),) if flow.transport == "tls" else ()  # RFC 5923 §5.1
        params = (("branch", MAGIC + branch), ("rport", None), *alias)
        request.headers.remove("Via")
        request.headers.prepend("Via", str(Via(flow.transport.upper(), host, port, params)))
        if contact:
            secure = request.uri.scheme == "sips"
            request.headers.set("Contact", self.contact(flow, secure=secure, user=user, features=features))
        for cached in ("via", "contact"):
            request.__dict__.pop(cached, None)
