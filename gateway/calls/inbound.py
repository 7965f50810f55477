"""Calls that come in: who may call, which number or SIP domain they are for, and the refusals."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from hmac import compare_digest

from gateway.calls import applications
from gateway.calls.params import sip_headers
from gateway.calls.placing import trunking
from gateway.calls.placing.dialstring import INSIDE, NoRoute
from gateway.calls.services import Services
from gateway.calls.sources import Dialling
from gateway.phones.directory import Domain
from gateway.store import sip_rows
from gateway.store.rows import Number
from gateway.store.voice_rows import Application
from gateway.trunks.admission import Refusal
from gateway.trunks.model import Numbers, Trunk
from gateway.trunks.policy import understood
from sip import identity
from sip.events import Invited
from sip.message import Request
from sip.stir import Claim
from sip.uri import Uri, escape

LOG = logging.getLogger(__name__)

NOT_A_NUMBER = 13223  # Twilio: Dial: invalid number


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers calls to a number or a SIP domain: its account, its documents, and who is told of the end."""

    account_sid: str
    voice_url: str = ""
    voice_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    phone_number_sid: str | None = None
    fallback_twiml: str = ""  # runs when neither the app nor its fallback can be had


@dataclass(frozen=True, slots=True)
class Arrival:
    """An INVITE that may come in, and what answers it."""

    answering: Answering
    from_: str
    to: str
    trunk: Trunk | None  # None: ourselves, or a SIP domain
    forwarded_from: str  # empty for a call that came straight
    extra: dict[str, str]
    claim: Claim | None = None  # the caller's identity, where the trunk wants it verified
    dialling: Dialling | None = None  # in place of a document: a call of Elastic SIP Trunking
    direction: str = "inbound"
    trunk_sid: str | None = None


def source_of(services: Services, event: Invited) -> Trunk | Refusal | None:
    """The trunk that an INVITE comes from, None for ourselves."""
    inside = event.request.headers.get(INSIDE)
    if inside is None:
        return services.admission.of(event.request, event.flow)
    if from_ourselves(services, event):
        return None
    return Refusal(403, f"{INSIDE} from {event.flow.remote[0]} is not ours")


def from_ourselves(services: Services, event: Invited) -> bool:
    """Whether an INVITE is one of this gateway."""
    inside = event.request.headers.get(INSIDE) or ""
    return compare_digest(inside.encode("utf-8", "surrogateescape"), services.inside_token.encode())


async def admit(services: Services, event: Invited) -> Arrival | Refusal:
    """Decides on an INVITE: one to a SIP domain by the domain, every other by its source and its number.

    A carrier reaches the numbers of this gateway by whatever name: no customer takes them away by taking the name.
    """
    if from_ourselves(services, event) and (called := applications.called(event.request)) is not None:
        return await _by_application(services, called)
    carrier = services.admission.carrier(event.flow)
    if carrier is not None and await _is_ours(services, event, carrier.numbers):
        return await _by_number(services, event)
    domain = await services.phones.domain(event.request.uri.host)
    if domain is not None:
        return await _by_domain(services, event, domain)
    pbx = await services.store.sip.trunks.named(event.request.uri.host)
    if pbx is not None:
        return await _by_pbx(services, event, pbx)
    mapped = await _mapped(services, event)
    return await (_by_number(services, event) if mapped is None else _by_domain(services, event, mapped))


async def _is_ours(services: Services, event: Invited, rules: Numbers) -> bool:
    """Whether a number of this gateway is called."""
    to = understood(event.request.uri.user or "", rules)
    number = await services.store.numbers.find(to) if to else None
    return number is not None and number.sid is not None


async def _mapped(services: Services, event: Invited) -> Domain | None:
    """The domain of a carrier that names none; calls to numbers of ours and to our registrations are no domain's."""
    mapped = await services.store.sip.sources.domain_of(event.flow.remote[0])
    if mapped is None or INSIDE in event.request.headers:
        return None
    registered = services.carriers.registered_as(event.request.uri.user or "") is not None
    return None if registered or await _is_ours(services, event, Numbers()) else mapped


async def may_call(services: Services, event: Invited) -> Refusal | None:
    """Why who sends an INVITE may not call here at all."""
    host = event.request.uri.host
    domain = await services.phones.domain(host)
    if domain is None and (pbx := await services.store.sip.trunks.named(host)) is not None:
        domain = trunking.as_domain(pbx)
    if domain is None:
        source = source_of(services, event)
        return source if isinstance(source, Refusal) else None
    admitted = await services.domains.of(domain, event.request, event.flow, services.clock.now())
    return admitted if isinstance(admitted, Refusal) else None


async def _by_domain(services: Services, event: Invited, domain: Domain) -> Arrival | Refusal:
    """A phone or PBX calls its SIP domain (webhooks.md: SIP domains)."""
    request = event.request
    admitted = await services.domains.of(domain, request, event.flow, services.clock.now())
    if isinstance(admitted, Refusal):
        return admitted
    if not request.uri.user:
        return Refusal(404, f"an INVITE to {domain.domain_name} without a user")
    byoc = await services.store.sip.byoc_trunks.fetch(domain.account_sid, domain.byoc_trunk_sid or "")
    answering = _of_domain(domain) if byoc is None else _of_byoc(byoc)
    if not answering.voice_url:
        return Refusal(480, f"{domain.domain_name} has no VoiceUrl")
    extra = _sip_params(request, event.flow.remote[0]) | {"SipDomainSid": domain.sid}
    if admitted.user is not None:
        extra["SipAuthUsername"] = admitted.user
    if byoc is not None:
        called = _address(request.uri, Numbers())
        return Arrival(answering, _caller(request, None), called, None, _forwarded(request, Numbers()), extra)
    caller = "anonymous" if identity.hidden(request) else _sip_address(request.from_.uri)
    return Arrival(answering, caller, _sip_address(request.uri), None, "", extra)


def _of_domain(domain: Domain) -> Answering:
    return Answering(
        domain.account_sid, domain.voice_url or "", domain.voice_method,
        domain.voice_fallback_url or "", domain.voice_fallback_method,
        domain.voice_status_callback_url or "", domain.voice_status_callback_method,
    )  # fmt: skip


def _of_byoc(trunk: sip_rows.ByocTrunk) -> Answering:
    """What answers in place of the domain, as a number would (webhooks.md: SIP domains, trunks)."""
    return Answering(
        trunk.account_sid, trunk.voice_url or "", trunk.voice_method,
        trunk.voice_fallback_url or "", trunk.voice_fallback_method,
        trunk.status_callback_url or "", trunk.status_callback_method,
    )  # fmt: skip


async def _by_pbx(services: Services, event: Invited, pbx: sip_rows.Trunk) -> Arrival | Refusal:
    """A PBX calls out through its trunk: Twilio's termination."""
    request = event.request
    admitted = await services.domains.of(trunking.as_domain(pbx), request, event.flow, services.clock.now())
    if isinstance(admitted, Refusal):
        return admitted
    if pbx.secure:
        return Refusal(488, f"trunk {pbx.sid} is secure: its calls need SRTP, which this version does not have")
    shown = identity.asserted(request) or request.from_
    try:
        call = await trunking.from_pbx(services, pbx, request.uri, shown.uri)
    except NoRoute as error:
        return Refusal(404 if error.code == NOT_A_NUMBER else 403, f"trunk {pbx.sid}: {error}")
    extra = _sip_params(request, event.flow.remote[0])
    return Arrival(
        Answering(pbx.account_sid), call.from_, call.to, None, "", extra,
        dialling=call.dialling, direction=trunking.TERMINATING, trunk_sid=pbx.sid,
    )  # fmt: skip


async def _by_application(services: Services, called: applications.Called) -> Arrival | Refusal:
    """A Dial of this gateway calls an application."""
    one = await services.store.applications.find(called.sid)
    if one is None or not one.voice_url:
        return Refusal(404, f"{called.sid} is no application with a VoiceUrl")
    answering = _with_urls(one.account_sid, one, None)
    return Arrival(answering, called.from_, called.to, None, "", called.params)


async def _by_number(services: Services, event: Invited) -> Arrival | Refusal:
    """A carrier, or this gateway itself, calls a customer's number."""
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
    dialling = await trunking.to_pbx(services, number) if number.trunk_sid is not None else None
    answering = await _of_number(services, number)
    if dialling is None and not answering.voice_url:
        return Refusal(480, f"{to} has no VoiceUrl")
    extra = _sip_params(request, event.flow.remote[0])
    caller, forwarded = _caller(request, trunk), _forwarded(request, rules)
    direction = "inbound" if dialling is None else trunking.ORIGINATING
    claim, trunk_sid = _claim(request, trunk, to), number.trunk_sid if dialling is not None else None
    return Arrival(answering, caller, to, trunk, forwarded, extra, claim, dialling, direction, trunk_sid)


async def _of_number(services: Services, number: Number) -> Answering:
    """What answers a number: its application in place of all its URLs, where it has one (webhooks.md §2)."""
    account_sid, sid = number.account_sid or "", number.voice_application_sid
    application = await services.store.applications.fetch(account_sid, sid) if sid else None
    answering = _with_urls(account_sid, application or number, number.sid)
    return replace(answering, fallback_twiml=number.fallback_twiml or "")


def _with_urls(account_sid: str, one: Application | Number, number_sid: str | None) -> Answering:
    return Answering(
        account_sid, one.voice_url or "", one.voice_method, one.voice_fallback_url or "", one.voice_fallback_method,
        one.status_callback or "", one.status_callback_method, number_sid,
    )  # fmt: skip


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
    """E.164, or a URI."""
    return understood(uri.user or "", rules) or _sip_address(uri)


def _sip_address(uri: Uri) -> str:
    """A URI whose user part is escaped: what it may hold besides is nobody's text to store or send."""
    return f"sip:{escape(uri.user or '')}@{uri.host}" if uri.scheme in ("sip", "sips") else str(uri)


def _sip_params(request: Request, source: str) -> dict[str, str]:
    """The SIP facts of a call as parameters (webhooks.md: standard call parameters, SIP)."""
    params = {"SipCallId": request.call_id, "SipSourceIp": source, "SipDomain": request.uri.host}
    params |= sip_headers(request)
    params.pop(f"SipHeader_{INSIDE}", None)
    return params
