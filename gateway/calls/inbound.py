"""Calls that come in: who may call, which number and app they are for, and the refusals."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from gateway.calls.dialstring import INSIDE
from gateway.calls.services import Services
from gateway.store.rows import Number
from gateway.trunks.model import Numbers, Trunk
from gateway.trunks.policy import understood
from sip.events import Invited
from sip.message import Request

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An INVITE that may come in, and the customer's number it is for."""

    number: Number
    from_: str
    to: str
    trunk: Trunk | None  # None: ourselves
    extra: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an INVITE is refused; `text` is for the log, the peer sees the status alone."""

    status: int
    text: str


def source_of(services: Services, event: Invited) -> Trunk | Refusal | None:
    """The trunk that an INVITE comes from, None for ourselves."""
    source = event.flow.remote[0]
    inside = event.request.headers.get(INSIDE)
    if inside is not None:
        return None if inside == services.inside_token else Refusal(403, f"{INSIDE} from {source} is not ours")
    trunk = services.carriers.registered_as(event.request.uri.user or "")
    trunk = trunk or services.trunks.match_inbound(source, event.flow.transport)
    return trunk or Refusal(403, f"no trunk lets {source} call in")


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
    return Arrival(number, _caller(request, rules), to, trunk, _sip_params(request, event.flow.remote[0]))


def _caller(request: Request, rules: Numbers) -> str:
    """The caller as Twilio writes it: E.164, a SIP URI, or `anonymous`."""
    uri = request.from_.uri
    if (uri.user or "anonymous").lower() == "anonymous":
        return "anonymous"
    return understood(uri.user or "", rules) or f"sip:{uri.user}@{uri.host}"


def _sip_params(request: Request, source: str) -> dict[str, str]:
    """The SIP facts of a call as parameters (webhooks.md: standard call parameters, SIP)."""
    params = {"SipCallId": request.call_id, "SipSourceIp": source, "SipDomain": request.uri.host}
    for name, value in request.headers:
        if name.lower().startswith("x-") or name.lower() == "user-to-user":
            params[f"SipHeader_{name}"] = value
    params.pop(f"SipHeader_{INSIDE}", None)
    return params
