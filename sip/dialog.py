"""Dialogs (RFC 3261 §12): who talks to whom, over which route, with which numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace

from sip.message import Request, Response
from sip.uri import Uri
from sip.values import NameAddr


@dataclass(frozen=True, slots=True)
class DialogState:
    """A dialog as a value; it can be stored, and ended by another process."""

    call_id: str
    local_tag: str
    remote_tag: str
    local: str  # our From or To, without its tag
    remote: str
    remote_target: str
    route_set: tuple[str, ...]
    local_cseq: int
    remote_cseq: int

    @classmethod
    def as_server(cls, invite: Request, local_tag: str, local_cseq: int) -> DialogState:
        """RFC 3261 §12.1.1."""
        return cls(
            call_id=invite.call_id,
            local_tag=local_tag,
            remote_tag=invite.from_.tag,
            local=_bare(invite.to),
            remote=_bare(invite.from_),
            remote_target=str(invite.contact[0].uri if invite.contact else invite.from_.uri),
            route_set=tuple(str(route) for route in invite.record_route),
            local_cseq=local_cseq,
            remote_cseq=invite.cseq.number,
        )

    @classmethod
    def as_client(cls, invite: Request, response: Response) -> DialogState:
        """RFC 3261 §12.1.2."""
        return cls(
            call_id=invite.call_id,
            local_tag=invite.from_.tag,
            remote_tag=response.to.tag,
            local=_bare(invite.from_),
            remote=_bare(response.to),
            remote_target=str(response.contact[0].uri if response.contact else invite.uri),
            route_set=tuple(str(route) for route in reversed(response.record_route)),
            local_cseq=invite.cseq.number,
            remote_cseq=-1,  # none yet: their first may be 0
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """What names the dialog on our side: Call-ID, local tag, remote tag."""
        return self.call_id, self.local_tag, self.remote_tag

    @property
    def next_hop(self) -> Uri:
        """Where requests are sent: the first route, else the remote target (RFC 3261 §12.2.1.1)."""
        return NameAddr.parse(self.route_set[0]).uri if self.route_set else Uri.parse(self.remote_target)

    def request(self, method: str, cseq: int) -> Request:
        """A request inside the dialog, loose or strict routed; Via and Contact are put on when its flow is known."""
        target = Uri.parse(self.remote_target)
        routes = list(self.route_set)
        if routes and (first := NameAddr.parse(routes[0]).uri).param("lr") is None:
            target, routes = first.without_headers(), [*routes[1:], f"<{target}>"]
        request = Request(method=method, uri=target)
        request.headers.add("Max-Forwards", "70")
        for route in routes:
            request.headers.add("Route", route)
        request.headers.add("From", f"{self.local};tag={self.local_tag}")
        remote_tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        request.headers.add("To", f"{self.remote}{remote_tag}")
        request.headers.add("Call-ID", self.call_id)
        request.headers.add("CSeq", f"{cseq} {method}")
        return request

    def ack(self, invite: Request) -> Request:
        """The ACK of a 2xx to `invite`, with its credentials (RFC 3261 §22.1)."""
        ack = self.request("ACK", invite.cseq.number)
        for name in ("Authorization", "Proxy-Authorization"):
            for value in invite.headers.all(name):
                ack.headers.add(name, value)
        return ack

    def next_cseq(self) -> DialogState:
        """The same with the next number of ours."""
        return replace(self, local_cseq=self.local_cseq + 1)

    def heard(self, request: Request) -> DialogState:
        """After a request of theirs: its number, and its Contact where it refreshes the target."""
        target = self.remote_target
        if request.method in ("INVITE", "UPDATE") and request.contact:
            target = str(request.contact[0].uri)
        return replace(self, remote_cseq=request.cseq.number, remote_target=target)

    def refreshed(self, response: Response) -> DialogState:
        """After a 2xx to a re-INVITE or UPDATE of ours (RFC 3261 §12.2.1.2)."""
        if not response.contact:
            return self
        return replace(self, remote_target=str(response.contact[0].uri))

    def to_json(self) -> str:
        """As text for a database."""
        return json.dumps({name: getattr(self, name) for name in _FIELDS})

    @classmethod
    def from_json(cls, text: str) -> DialogState:
        """From `to_json`."""
        values = json.loads(text)
        return cls(**{**values, "route_set": tuple(values["route_set"])})


_FIELDS = tuple(one.name for one in fields(DialogState))


def _bare(address: NameAddr) -> str:
    return str(replace(address, params=tuple(param for param in address.params if param[0] != "tag")))
