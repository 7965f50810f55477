"""Bindings: where the user of an address of record is at the moment (RFC 3261 §10, RFC 3327, RFC 5626, RFC 5627)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from sip.equality import same
from sip.grammar import lookup, quote
from sip.locate import numeric
from sip.message import Request
from sip.outputs import Flow
from sip.uri import Uri

WEB = ("ws", "wss")
_INSTANCE = re.compile(r"<([A-Za-z0-9:._+=/\-]+)>")  # a URN; what else one might be is of no use in a URI

Temporary = Callable[["Uri", "Binding"], str]  # makes a temporary GRUU (RFC 5627 §3.1.2)


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an address of record. `expires`: when it ends, on the clock that `now` is of."""

    contact: str  # a URI, with the headers that it was registered with: they tell it from others (RFC 3261 §19.1.4)
    expires: float
    call_id: str
    cseq: int
    q: float = 1.0
    path: tuple[str, ...] = ()  # routes to it, the first one nearest to us (RFC 3327)
    flow: Flow | None = None  # the way back; None: found by the path, else by the contact
    instance: str = ""  # of the device, as it wrote it: <urn:uuid:…>
    reg_id: int = 0  # of a flow that the device keeps open for us (RFC 5626); 0: of none
    user_agent: str = ""

    @property
    def called_at(self) -> str:
        """What a request to it names: headers of a contact may lead anywhere, none is honoured (RFC 3261 §19.1.5)."""
        return str(Uri.parse(self.contact).without_headers())

    @property
    def needs_flow(self) -> bool:
        """Whether nothing but its connection leads there: its end is the binding's.

        Kept flows (RFC 5626 §5.3), browsers, and phones behind NAT, whose contacts name addresses of their own network.
        """
        if self.flow is None or not self.flow.reliable:
            return False
        away = Uri.parse(self.contact).host != self.flow.remote[0]
        return self.reg_id > 0 or self.flow.transport in WEB or away

    def without_flow(self) -> Binding | None:
        """After the end of its connection: reached by its contact, or gone."""
        return None if self.needs_flow else replace(self, flow=None)

    def is_for(self, contact: Uri, instance: str, reg_id: int) -> bool:
        """Whether a contact of a request means this binding (RFC 5626 §6; RFC 3261 §10.3)."""
        if reg_id and self.reg_id:
            return (self.instance, self.reg_id) == (instance, reg_id)
        return same(Uri.parse(self.contact), contact)

    def is_instance(self, gr: str) -> bool:
        """Whether it is of the device that a GRUU names."""
        found = _INSTANCE.fullmatch(self.instance)
        return found is not None and found[1] == gr


def gruu(address: Uri, instance: str) -> str | None:
    """The public GRUU of a device (RFC 5627 §4.1): its instance is in it, so nothing has to be kept."""
    found = _INSTANCE.fullmatch(instance)
    return None if found is None else str(replace(address, params=(("gr", found[1]),)))


def way_back(request: Request, contact: Uri, flow: Flow, *, kept: bool) -> Flow | None:
    """The flow over which a contact is reached; None where its path, or its URI, leads to it.

    A phone that registers itself is reached by the connection that it opened, or (RFC 3581: it asks for it by `rport`)
    at the UDP address that it sends from, which gets through the NAT in front of it. Of one that `kept` its flow for us
    (RFC 5626), of a browser, and of a contact in a private network, there is no other way. A contact that is somebody
    else's is called where it says.
    """
    if request.headers.get("Path") is not None or len(request.via) > 1:
        return None
    if kept or flow.transport in WEB or _is_inner(contact.host, flow.remote[0]):
        return flow
    via = request.via[0]
    itself = contact.host in (via.host.strip("[]").lower(), flow.remote[0])
    symmetric = flow.reliable or lookup(via.params, "rport") is not None
    return flow if itself and symmetric else None


def _is_inner(host: str, source: str) -> bool:
    """Whether a contact names an address of the network behind the NAT that the source is."""
    return host != source and numeric(host) and ip_address(host).is_private


def by_preference(bindings: Iterable[Binding]) -> list[list[Binding]]:
    """Those that ring at once together, the most wanted first (RFC 3261 §16.6: by q).

    A device that keeps several flows rings once, over the newest (RFC 5626 §7).
    """
    ranks: dict[float, dict[str, Binding]] = {}
    for binding in bindings:
        device = binding.instance if binding.reg_id else binding.contact
        ranks.setdefault(binding.q, {})[device] = binding
    return [[*ranks[q].values()] for q in sorted(ranks, reverse=True)]


def printed(binding: Binding, address: Uri, now: float, *, gruus: bool, temporary: Temporary | None = None) -> str:
    """As a Contact value of the registrar's answer."""
    text = f"<{binding.contact}>;expires={max(0, round(binding.expires - now))}"
    if binding.q != 1.0:
        text += f";q={binding.q:g}"
    if binding.instance:
        text += f";+sip.instance={quote(binding.instance)}"
    if binding.reg_id:
        text += f";reg-id={binding.reg_id}"
    if gruus and (public := gruu(address, binding.instance)) is not None:
        text += f";pub-gruu={quote(public)}"
        if temporary is not None:
            text += f";temp-gruu={quote(temporary(address, binding))}"
    return text
