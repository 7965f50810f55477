"""Calls that come in: who may call, which number and app they are for, and the refusals."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hmac import compare_digest

from gateway.calls.dialstring import INSIDE
from gateway.calls.services import Services
from gateway.store.rows import Number
from gateway.trunks.admission import Refusal
from gateway.trunks.model import Numbers, Trunk
from gateway.trunks.policy import understood
from sip import identity
from sip.events import Invited
from sip.message import Request
from sip.stir import Claim
from sip.uri import Uri, escape

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An INVITE that may come in, and the customer's number it is for."""

    number: Number
    from_: str
    to: str
    trunk: Trunk | None  # None: ourselves
    forwarded_from: str  # empty for a call that came straight
    extra: dict[str, str]
    claim: Claim | None = None  # the caller's identity, where the trunk wants it verified


def source_of(services: Services, event: Invited) -> Trunk | Refusal | None:
    """The trunk that an INVITE comes from, None for ourselves."""
    inside = event.request.headers.get(INSIDE)
    if inside is None:
        return services.admission.of(event.request, event.flow)
    if compare_digest(inside.encode("utf-8", "surrogateescape"), services.inside_token.encode()):
        return None
    return Refusal(403, f"{INSIDE} from {event.flow.remote[0]} is not ours")


async def admit(services: Services, event: Invited) -> Arrival | Refusal:
    """Decides on an INVITE by its source and its number."""
    request = event.request
    trunk = source_of(services, event)
    if isinstance(trunk, Refusal):
        return trunk
    rules = trunk.numbers if trunk is not None else Numbers()
    user = request.uri.user or ""
    if services.carriers.registered_as(user) is not None:
        user = request.to.uri.user or ""  # the Request-URI is our contact, To the number that was dialled
    to = understood(user, rules)
    number = await services.store.numbers.find(to) if to else None
    if to is None or number is None or number.sid is None:
        return Refusal(404, f"{user or 'an INVITE without a number'} is nobody's number here")
    if not number.voice_url:
        return Refusal(480, f"{to} has no VoiceUrl")
    extra = _sip_params(request, event.flow.remote[0])
    caller, forwarded = _caller(request, trunk), _forwarded(request, rules)
    return Arrival(number, caller, to, trunk, forwarded, extra, _claim(request, trunk, to))


def _caller(request: Request, trunk: Trunk | None) -> str:
    """The caller as Twilio writes it: E.164, a SIP URI, or `anonymous`."""
    shown = _shown(request, trunk)
    if identity.hidden(request) or (shown.user or "anonymous").lower() == "anonymous":
        return "anonymous"
    return _address(shown, trunk.numbers if trunk is not None else Numbers())


def _shown(request: Request, trunk: Trunk | None) -> Uri:
    """Who calls: what the carrier asserts where it is trusted, else what the phone wrote."""
    trusted = trunk is not None and trunk.trust_identity
    return ((identity.asserted(request) if trusted else None) or request.from_).uri


def _claim(request: Request, trunk: Trunk | None, called: str) -> Claim | None:
    """What is to be verified: the number that the app would be shown, also where the caller hides it."""
    if trunk is None or not trunk.verify_identity:
        return None
    return Claim(tuple(request.headers.all("Identity")), _address(_shown(request, trunk), trunk.numbers), called)


def _forwarded(request: Request, rules: Numbers) -> str:
    """Who sent the call on, where the carrier says so."""
    uri = identity.forwarded_from(request)
    return _address(uri, rules) if uri is not None and uri.user else ""


def _address(uri: Uri, rules: Numbers) -> str:
    """E.164, or a URI whose user part is escaped: what it may hold besides is nobody's text to store or send."""
    number = understood(uri.user or "", rules)
    if number is not None or uri.scheme not in ("sip", "sips"):
        return number or str(uri)
    return f"sip:{escape(uri.user or '')}@{uri.host}"


def _sip_params(request: Request, source: str) -> dict[str, str]:
    """The SIP facts of a call as parameters (webhooks.md: standard call parameters, SIP)."""
    params = {"SipCallId": request.call_id, "SipSourceIp": source, "SipDomain": request.uri.host}
    for name, value in request.headers:
        if name.lower().startswith("x-") or name.lower() == "user-to-user":
            params[f"SipHeader_{name}"] = value
    params.pop(f"SipHeader_{INSIDE}", None)
    return params
