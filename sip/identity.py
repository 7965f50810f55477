"""Who a request says is calling, and who sent the call on (RFC 3325, RFC 3323, RFC 5806, RFC 7044).

What is asserted counts only from peers that are trusted: whether they are is the gateway's business.
"""

from __future__ import annotations

import re
from itertools import pairwise

from sip.errors import SipError
from sip.grammar import lookup, number, split_list
from sip.message import Request
from sip.uri import Uri, unescape
from sip.values import NameAddr

HIDING = {"id", "user", "header"}  # priv-values that hide the caller (RFC 3323 §4.2, RFC 3325 §9.3)
MOVED = range(300, 700)  # causes of History-Info that say that the call was sent on (RFC 4458, RFC 7044 §10)
_REASON = re.compile(r"\bReason=SIP\s*;\s*cause=([0-9]{3})\b", re.I)


def asserted(request: Request) -> NameAddr | None:
    """P-Asserted-Identity, else Remote-Party-ID of the calling party; a number is preferred to a name."""
    found = _values(request, "P-Asserted-Identity") or [
        one for one in _values(request, "Remote-Party-ID") if lookup(one.params, "party") in (None, "calling")
    ]
    numbers = [one for one in found if (one.uri.user or "").lstrip("+").isdigit()]
    return next(iter(numbers or found), None)


def hidden(request: Request) -> bool:
    """Whether the caller wants not to be shown."""
    wanted = {
        word.strip() for value in request.headers.all("Privacy") for word in value.lower().replace(",", ";").split(";")
    }
    privacy = {lookup(one.params, "privacy") for one in _values(request, "Remote-Party-ID")}
    return bool(wanted & HIDING) or bool(privacy & {"full", "uri"})


def forwarded_from(request: Request) -> Uri | None:
    """Who sent the call on last: the topmost Diversion, else what History-Info says of the last hop but one."""
    diversions = _values(request, "Diversion")
    if diversions:
        return diversions[0].uri
    history = sorted(_values(request, "History-Info"), key=_place)
    pairs = reversed(list(pairwise(history)))
    return next((one.uri for one, target in pairs if _reason(one) in MOVED or _cause(target) in MOVED), None)


def _values(request: Request, name: str) -> list[NameAddr]:
    """The readable ones: a header of a carrier's that cannot be read costs no call."""
    found = []
    for value in request.headers.all(name):
        for item in split_list(value):
            try:
                found.append(NameAddr.parse(item))
            except SipError:
                continue
    return found


def _place(entry: NameAddr) -> list[int]:
    """The index of a History-Info entry: `1.2.1`."""
    parts = (lookup(entry.params, "index") or "").split(".")
    return [found for part in parts if (found := number(part, 2**31)) is not None]


def _cause(entry: NameAddr) -> int:
    """The `cause` of a target that the call was sent on to (RFC 4458), 0 without one."""
    return number(entry.uri.param("cause") or "", 699) or 0


def _reason(entry: NameAddr) -> int:
    """The cause of the Reason that is kept with a target that did not take the call (RFC 7044 §10.2), 0 without one."""
    found = _REASON.search(unescape(entry.uri.headers))
    return int(found[1]) if found else 0
