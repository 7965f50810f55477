"""The registrar: what a REGISTER makes of the bindings of an address of record (RFC 3261 §10.3, RFC 5626 §6).

Pure: bindings, request, flow and time come in; the new bindings and the answer's headers go out, or an error that
carries its answer. Nothing is changed by a request that fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sip.bindings import Binding, Temporary, printed, way_back
from sip.errors import FirstHopLacksOutbound, IntervalTooBrief, OutOfOrder, ParseError, UnsupportedScheme
from sip.grammar import lookup, split_list
from sip.message import Request
from sip.outputs import Flow
from sip.uri import Uri
from sip.values import NameAddr

OPTIONS = ("path", "outbound", "gruu")
MALFORMED = 3600  # RFC 3261 §20.10, §20.19: what an unreadable expiry counts as
FLOW_TIMER = {True: 120, False: 25}  # seconds until a kept flow shall hear of its device: connections, UDP through NATs
LONGEST_TEXT = 200  # characters of a User-Agent or instance that are kept

_Q = re.compile(r"[01](?:\.[0-9]{0,3})?")

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds that a binding may ask for, and how many contacts an address may have."""

    least: int = 60
    most: int = 3600
    usual: int = 3600
    contacts: int = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """What a REGISTER came to: all bindings from now on, and the headers of its 200."""

    bindings: tuple[Binding, ...]
    headers: Fields


def register(
    bindings: Iterable[Binding], request: Request, flow: Flow, now: float, rules: Rules, address: Uri,
    temporary: Temporary | None = None,
) -> Kept:  # fmt: skip
    """Applies a REGISTER of the user of `address`; SipError where it is refused. `temporary` makes temporary GRUUs."""
    living = tuple(one for one in bindings if one.expires > now)
    kept: list[Binding] = []
    if _wants_all_gone(request):
        for one in living:
            _check_order(one, request)
        living = ()
    elif contacts := request.contact:
        asked = [_asked(contact, request, flow, now, rules) for contact in contacts]
        kept = [one.binding for one in asked if one.binding.reg_id and one.seconds]
        _check_outbound(asked, request)
        living = _bounded(_applied(living, asked, request), rules)
    return Kept(living, _headers(living, request, now, address, kept, temporary))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A contact of a request: the binding that it would be; 0 seconds: it shall go."""

    uri: Uri
    binding: Binding
    seconds: int


def _wants_all_gone(request: Request) -> bool:
    """RFC 3261 §10.3 step 6: `*` stands alone, and with Expires 0."""
    values = [value.strip() for value in request.headers.all("Contact")]
    if "*" not in values:
        return False
    if len(values) > 1 or (request.headers.get("Expires") or "").strip() != "0":
        raise ParseError("Contact * goes with Expires 0 and no other contact")
    return True


def _asked(contact: NameAddr, request: Request, flow: Flow, now: float, rules: Rules) -> _Asked:
    if contact.uri.scheme not in ("sip", "sips"):
        raise UnsupportedScheme(f"a contact of scheme {contact.uri.scheme!r} cannot be called")
    seconds = _seconds(contact, request, rules)
    instance = (lookup(contact.params, "+sip.instance") or "")[:LONGEST_TEXT]
    reg_id = _reg_id(contact, request) if instance else 0
    path = tuple(one for value in request.headers.all("Path") for one in split_list(value))
    for one in path:
        NameAddr.parse(one)
    return _Asked(
        contact.uri,
        Binding(
            contact=str(contact.uri),
            expires=now + seconds,
            call_id=request.call_id,
            cseq=request.cseq.number,
            q=_q(contact),
            path=path,
            flow=way_back(request, contact.uri, flow, kept=reg_id > 0),
            instance=instance,
            reg_id=reg_id,
            user_agent=(request.headers.get("User-Agent") or "")[:LONGEST_TEXT],
        ),
        seconds,
    )


def _seconds(contact: NameAddr, request: Request, rules: Rules) -> int:
    """How long a contact is kept: its own `expires`, else the header, else the usual; bounded by our rules."""
    text = lookup(contact.params, "expires")
    if text is None:
        text = request.headers.get("Expires")
    if text is None:
        return rules.usual
    text = text.strip()
    asked = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else MALFORMED
    if 0 < asked < rules.least:
        raise IntervalTooBrief(rules.least)
    return min(asked, rules.most)


def _reg_id(contact: NameAddr, request: Request) -> int:
    """The flow that the device keeps for us; 0 where it does not say that it does (RFC 5626 §6)."""
    text = lookup(contact.params, "reg-id") or ""
    known = text.isascii() and text.isdigit() and len(text) <= 10
    return int(text) if known and "outbound" in request.tokens("Supported") else 0


def _q(contact: NameAddr) -> float:
    """RFC 3261 §20.10: 0 to 1 with three digits at most; 1 where there is none."""
    text = lookup(contact.params, "q") or "1"
    if not _Q.fullmatch(text) or float(text) > 1:
        raise ParseError(f"q {text[:20]!r} is not between 0 and 1")
    return float(text)


def _check_outbound(asked: list[_Asked], request: Request) -> None:
    """RFC 5626 §6: one kept flow per request, and a first hop that keeps it, too."""
    keeping = [one for one in asked if one.binding.reg_id and one.seconds]
    if not keeping:
        return
    if len([one for one in asked if one.seconds]) > 1:
        raise ParseError("a contact with a reg-id stands alone")
    path = keeping[0].binding.path
    if len(request.via) > 1 and not (path and NameAddr.parse(path[-1]).uri.param("ob") is not None):
        raise FirstHopLacksOutbound("the first proxy on the way does not keep flows")


def _check_order(binding: Binding, request: Request) -> None:
    """RFC 3261 §10.3: requests of one Call-ID count in the order of their CSeq."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise OutOfOrder(f"CSeq {request.cseq.number} comes after {binding.cseq}")


def _applied(living: tuple[Binding, ...], asked: list[_Asked], request: Request) -> tuple[Binding, ...]:
    """RFC 3261 §10.3 step 7: each contact adds, renews or removes its binding."""
    meant = [known for known in living if any(_means(one, known) for one in asked)]
    for known in meant:
        _check_order(known, request)
    wanted: list[Binding] = []
    for one in asked:
        wanted = [known for known in wanted if not _means(one, known)]
        if one.seconds:
            wanted.append(one.binding)
    return (*(known for known in living if known not in meant), *wanted)


def _means(one: _Asked, known: Binding) -> bool:
    return known.is_for(one.uri, one.binding.instance, one.binding.reg_id)


def _bounded(living: tuple[Binding, ...], rules: Rules) -> tuple[Binding, ...]:
    """Where there are too many contacts, those that end first give way: a phone that moves leaves them behind."""
    surplus = len(living) - rules.contacts
    if surplus <= 0:
        return living
    going = sorted(living, key=lambda one: one.expires)[:surplus]
    return tuple(one for one in living if one not in going)


def _headers(
    living: tuple[Binding, ...], request: Request, now: float, address: Uri, kept: list[Binding],
    temporary: Temporary | None,
) -> Fields:  # fmt: skip
    """What the 200 says (RFC 3261 §10.3 step 8; RFC 3327 §5.3; RFC 5626 §6; RFC 5627 §5.3)."""
    supported = request.tokens("Supported")
    gruus = "gruu" in supported
    headers = [("Contact", printed(one, address, now, gruus=gruus, temporary=temporary)) for one in living]
    if "path" in supported:
        headers += [("Path", value) for value in request.headers.all("Path")]
    headers.append(("Supported", ", ".join(OPTIONS)))
    if kept:
        headers.append(("Require", "outbound"))
    headers += [("Flow-Timer", str(FLOW_TIMER[one.flow.reliable])) for one in kept if one.flow is not None]
    return tuple(headers)
