"""Calls that we place: the route as hops, the attempts one after the other, and who may be the caller."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from gateway.calls.call import Call
from gateway.calls.dial import fork
from gateway.calls.leg import Gone, Leg
from gateway.calls.media import NoPort, Worker
from gateway.calls.negotiation import MediaSettings
from gateway.calls.placing.dialstring import INSIDE, Hop, NoRoute, NotRegistered, address_of, through, to_sip
from gateway.calls.placing.signing import signed
from gateway.calls.services import Services
from gateway.trunks.model import Trunk
from gateway.trunks.policy import Header, caller_headers, identity_of, shown
from gateway.webhooks.errors import UNRESOLVED, FetchError
from sip.bindings import by_preference
from sip.commands import Invite
from sip.errors import SipError
from sip.events import Cause
from sip.session_timer import TimerPolicy
from sip.uri import Uri

LOG = logging.getLogger(__name__)

NO_HOST = 13254  # Twilio: Dial: the DNS name of a SIP URI has no address
MOST_INSIDE = 10  # times that a call goes on to another number or domain of ours: each takes two ports


async def hops_to(services: Services, number: str) -> list[Hop]:
    """Where a phone number is reached: inside when it is a customer's of this gateway, else by longest prefix."""
    own = await services.store.numbers.find(number)
    if own is not None and own.sid is not None:
        return [Hop(f"sip:{number}@{services.addresses.inside}", headers=((INSIDE, services.inside_token),))]
    down, random, route = services.carriers.down, services.random, services.trunks.route(number)
    price = route.price_micro if route is not None else 0
    trunks = services.trunks.trunks_to(number)
    hops = [hop for trunk in trunks for hop in through(trunk, number, down, random, price)]
    if not hops:
        raise NoRoute(13225, f"no outbound route matches {number}: add one to trunkline.toml or /operator/v1/routes")
    return hops


async def hops_to_uri(
    services: Services, account_sid: str, text: str, username: str | None, password: str | None
) -> list[Hop]:
    """Where a SIP URI is reached: at the phones that a user of a SIP domain has registered, else where it says."""
    hop = to_sip(text, username, password)
    try:
        uri = Uri.parse(hop.uri)
    except SipError as error:
        raise NoRoute(13243, str(error)) from error
    domain = await services.phones.domain(uri.host)
    if domain is None:
        await _guard(services, hop.uri)
        return [replace(hop, headers=(*hop.headers, *inside(services, hop.uri)), guarded=True)]
    if domain.account_sid == account_sid and any(name.lower() == "replaces" for name, _ in hop.headers):
        # a phone of the domain has its dialogs with us: one of them is what an attended transfer takes over
        here = str(Uri.parse(f"sip:{services.addresses.inside}").with_user(uri.user or ""))
        return [replace(hop, uri=here, headers=(*hop.headers, *inside(services, here)))]
    known = services.phones.at(uri.user or "", domain.domain_name) if domain.account_sid == account_sid else ()
    if gr := uri.param("gr"):  # RFC 5627: one of the user's devices; a temporary one has no value, its user says it
        known = tuple(one for one in known if one.is_instance(gr))
    if not known:
        raise NotRegistered(f"{uri.user}@{uri.host} has no registered phone")
    return [replace(hop, uri=one.called_at, binding=one) for rank in by_preference(known) for one in rank]


async def _guard(services: Services, uri: str) -> None:
    """NoRoute where its host has no address, FetchError for one that customers may not reach."""
    try:
        await services.guard_sip(uri)
    except FetchError as error:
        if error.code != UNRESOLVED:
            raise
        raise NoRoute(NO_HOST, str(error)) from error


def inside(services: Services, uri: str) -> tuple[tuple[str, str], ...]:
    """The header that lets a call to our own address in; with `maddr` it would be told to somebody else."""
    ours = {address_of(f"sip:{host}") for host in (services.sip_host, services.addresses.inside)}
    stays = address_of(uri) in ours and Uri.parse(uri).param("maddr") is None
    return ((INSIDE, services.inside_token),) if stays else ()


async def number_sid(services: Services, account_sid: str, caller_id: str) -> str | None:
    """The SID of the account's own number, or of its verified one; None where it has none like this."""
    own = await services.store.numbers.find(caller_id)
    if own is not None and own.sid is not None and own.account_sid == account_sid:
        return own.sid
    verified = await services.store.caller_ids.verified(account_sid, caller_id)
    return None if verified is None else verified.sid


async def check_caller_id(services: Services, account_sid: str, caller_id: str, number: str) -> None:
    """NoRoute 21210 unless the caller ID is a number of the account, a verified one, or one that the trunk allows."""
    if any(caller_id in trunk.caller_ids for trunk in services.trunks.trunks_to(number)):
        return
    if await number_sid(services, account_sid, caller_id) is not None:
        return
    why = "neither a number of this account, nor verified, nor allowed by the trunk"
    raise NoRoute(21210, f"caller ID {caller_id} is {why}")


OnEarlyMedia = Callable[[Leg], None]


async def place(
    call: Call, hops: list[Hop], timeout: float, near: Worker | None = None, on_early_media: OnEarlyMedia | None = None
) -> bool:
    """Tries the hops in order until one answers: True then, also when it hung up at once. `call.leg` is the last leg.

    A hop that could not be reached, or that failed before it rang with a code of its trunk's, hands over to the next.
    Phones of one preference ring together, for those of the next there is what is left of the time.
    """
    clock, groups = call.services.clock, _together(hops)
    end = clock.now() + timeout
    for number, group in enumerate(groups):
        hop = group[0]
        seconds = timeout if hop.binding is None else max(0.0, end - clock.now())
        if len(group) == 1:
            leg = await _try(call, hop, seconds, near, on_early_media)
        else:
            leg = await fork.ring(call, [partial(_start, call, one, near) for one in group], seconds)
        if leg.answered.done():
            return True
        gone = await leg.gone
        last = number + 1 == len(groups) or (hop.binding is not None and clock.now() >= end)
        goes_on = _goes_on(leg, gone, hop) and call.wanted_status is None and not last
        _log(hop, gone, "trying the next" if goes_on else "")
        if not goes_on:
            break
        leg.release()
    return False


def _log(hop: Hop, gone: Gone, then: str) -> None:
    """Why a hop did not take the call: trouble where it is a carrier's and not the called party's."""
    level = logging.WARNING if then or gone.cause in (Cause.TRANSPORT, Cause.TIMEOUT) else logging.INFO
    mark, more = "!" if level == logging.WARNING else "-", f": {then}" if then else ""
    LOG.log(level, "%s %s did not take the call (%d %s)%s", mark, hop.uri, gone.status, gone.reason, more)


def _together(hops: list[Hop]) -> list[list[Hop]]:
    """Hops that are tried at once: registered phones of one preference."""
    groups: list[list[Hop]] = []
    for hop in hops:
        before = groups[-1][0].binding if groups else None
        if hop.binding is not None and before is not None and before.q == hop.binding.q:
            groups[-1].append(hop)
        else:
            groups.append([hop])
    return groups


def _goes_on(leg: Leg, gone: Gone, hop: Hop) -> bool:
    """Whether another hop may take the call."""
    if hop.binding is not None:
        return gone.cause is not Cause.CANCELED and gone.status < 600  # RFC 3261 §16.7: 6xx speaks for all
    if leg.ringing.done():
        return False
    return gone.cause in (Cause.TRANSPORT, Cause.TIMEOUT) or gone.status in _failover(hop)


async def _try(call: Call, hop: Hop, timeout: float, near: Worker | None, on_early_media: OnEarlyMedia | None) -> Leg:
    """One attempt: returns when it is answered or over."""
    leg = await _start(call, hop, near, on_early_media)
    try:
        async with asyncio.timeout(timeout):
            await asyncio.wait((leg.ringing, leg.answered, leg.gone), return_when=asyncio.FIRST_COMPLETED)
            if leg.ringing.done() and not leg.gone.done():
                await call.rings()
            await asyncio.wait((leg.answered, leg.gone), return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        leg.hangup("no answer")
        await leg.gone
    return leg


async def _start(call: Call, hop: Hop, near: Worker | None, on_early_media: OnEarlyMedia | None = None) -> Leg:
    """A leg on its way; one that cannot even start is over."""
    services, trunk = call.services, hop.trunk
    leg = services.leg(services.random.randbytes(8).hex(), _peer(hop), symmetric=hop.symmetric)
    leg.calls = (call.sid, call.row.parent_call_sid) if call.row.parent_call_sid else (call.sid,)
    call.leg = leg
    if on_early_media is not None:
        leg.on_early_media = partial(on_early_media, leg)
    if trunk is not None:
        if services.carriers.admit(trunk) is not None:
            services.end_leg(leg, f"trunk {trunk.name} takes no more calls (cps or concurrency)")
            return leg
        services.carriers.hold(trunk, leg.gone)
        leg.settle(media_of(services, trunk))

    try:
        identity = await signed(call, hop)
        await leg.invite(lambda sdp: _invite(call, leg, hop, sdp, identity), near)
    except NoPort as error:
        services.end_leg(leg, f"no media port: {error}")
    except BaseException:  # nobody wants it any more, and SIP never knew of it
        services.end_leg(leg, "given up before its INVITE")
        raise
    return leg


def _peer(hop: Hop) -> str:
    """The host that the call goes to: of a phone behind NAT, the address that it is seen at."""
    flow = hop.binding.flow if hop.binding is not None else None
    return Uri.parse(hop.uri).host if flow is None else flow.remote[0]


def media_of(services: Services, trunk: Trunk) -> MediaSettings:
    """What SDP says to a trunk."""
    codecs = trunk.codecs or services.media.codecs
    return replace(services.media, codecs=codecs, dtmf=trunk.dtmf, early=trunk.early_media)


def _failover(hop: Hop) -> Collection[int]:
    return hop.trunk.failover_codes if hop.trunk is not None else range(500, 600)


def _invite(call: Call, leg: Leg, hop: Hop, sdp: bytes, identity: tuple[Header, ...]) -> Invite:
    """The INVITE as the hop's trunk wants it."""
    services, trunk, binding, caller = call.services, hop.trunk, hop.binding, call.row.from_
    headers, stays = (*identity, *hop.headers), any(name == INSIDE for name, _ in hop.headers)
    if not stays or call.row.to.startswith(("sip:", "sips:")):  # who has the number need not know whose call it is
        headers += ("X-Twilio-CallSid", call.sid), ("X-Twilio-AccountSid", call.row.account_sid)
    host, timer = services.sip_host, None
    if trunk is not None:
        host = trunk.from_host or host
        headers += caller_headers(trunk, caller, host)
        caller = trunk.from_user or shown(trunk, caller)
        timer = TimerPolicy(trunk.session_expires)
    to = hop.uri if trunk is not None else call.row.to
    return Invite(
        leg.session,
        hop.uri,
        identity_of(caller, host, hop.display),
        identity_of(to, hop.uri.rpartition("@")[2]),
        sdp,
        headers,
        hop.credentials,
        redirects=trunk.redirects if trunk is not None else 0,
        timer=timer,
        patience=trunk.silence_seconds if trunk is not None else None,
        routes=binding.path if binding is not None else (),
        flow=binding.flow if binding is not None else None,
        pinned=binding is not None and binding.needs_flow,
        guarded=hop.guarded,
        max_forwards=min(call.forwards, MOST_INSIDE) if stays else call.forwards,
    )
