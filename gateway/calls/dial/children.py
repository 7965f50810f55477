"""The calls that a Dial places, one for each of its targets, and where each of them goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.calls import applications
from gateway.calls.call import Call
from gateway.calls.dial.party import Party
from gateway.calls.placing import byoc, outbound
from gateway.calls.placing.dialstring import Hop, Hops, NoRoute, NotRegistered, TooManyHops, with_reason
from gateway.numbers.e164 import normal
from gateway.store.rows import Call as Row
from gateway.trunks.policy import ordered
from gateway.webhooks.errors import FetchError
from twiml.targets import ApplicationTarget, ClientTarget, NumberTarget, SipTarget, SipUri, Target

BAD_CALLER = 13214  # Twilio: Dial: invalid callerId value
NO_DEVICE = 31480  # Twilio: a client is temporarily unavailable


@dataclass(slots=True)
class Child:
    """One target and the call to it."""

    target: Target
    call: Call
    hops: list[Hop]
    unplaced: NoRoute | None = None  # why it has no hops
    answered: bool = False
    goes_on: bool = False  # after the Dial: a transfer has its leg, or a document of its own
    party: Party | None = None  # from its answer on, until it is joined

    def sip_params(self) -> dict[str, str]:
        """What the Dial's action is told of a SIP target (twiml-voice.md: Dial)."""
        if not isinstance(self.target, SipTarget):
            return {}
        told = {f"Dial{name}": value for name, value in self.call.extra.items() if name.startswith("SipHeader_")}
        if call_id := self._call_id:
            told["DialSipCallId"] = call_id
        code = self.call.row.sip_response_code or (200 if self.answered else None)
        return told | ({"DialSipResponseCode": str(code)} if code else {})

    @property
    def _call_id(self) -> str:
        """Of its SIP session; empty where it had none."""
        leg = self.call.leg
        ended = leg.gone.result().call_id if leg is not None and leg.gone.done() else ""
        return self.call.extra.get("SipCallId", ended)


async def child_of(parent: Call, target: Target, caller_id: str, hops: Hops | None, reason: str = "") -> Child:
    """The child call of a target, with its hops; none when it cannot be placed, which is in its record."""
    services = parent.services
    now = services.clock.wall()
    to = applications.called_as(parent, target) if isinstance(target, ApplicationTarget) else target.address
    row = Row(
        sid=services.sids.new("CA"), account_sid=parent.row.account_sid, from_=caller_id, to=to,
        direction="outbound-dial", status="queued", date_created=now, date_updated=now,
        parent_call_sid=parent.sid, status_callback=target.status_callback,
        status_callback_method=target.status_callback_method,
        status_callback_events=" ".join(target.status_callback_events),
    )  # fmt: skip
    child = Child(target, Call(services, row), [])
    services.parties.calls[row.sid] = child.call
    child.call.forwards = parent.forwards - 1
    try:
        if child.call.forwards <= 0:
            raise TooManyHops
        found = await (_told(parent, hops) if hops is not None else _hops(parent, target, caller_id))
        child.hops = with_reason(found, reason)
    except (NoRoute, FetchError) as error:
        child.unplaced = error if isinstance(error, NoRoute) else NoRoute(error.code, str(error))
        if child.unplaced.status == "failed":
            child.call.error = (error.code, str(error))
        parent.warn(error.code, f"<Dial> to {to}: {error}", error=True)
    await child.call.born()
    return child


async def _told(parent: Call, hops: Hops) -> list[Hop]:
    """The hops of a trunk's call; its PBX is told who signs for the caller (Twilio's X-Twilio-VerStat)."""
    verstat = parent.extra.get("StirVerstat")
    more = (("X-Twilio-VerStat", verstat),) if verstat else ()
    return [replace(hop, headers=(*hop.headers, *more)) for hop in await hops()]


async def _hops(parent: Call, target: Target, caller_id: str) -> list[Hop]:
    match target:
        case SipTarget():
            return await _sip_hops(parent, target)
        case NumberTarget():
            return await _number_hops(parent, target, caller_id)
        case ClientTarget(identity=identity):
            raise NotRegistered(f"client {identity} has no registered device", NO_DEVICE)
        case ApplicationTarget():
            called = applications.called_as(parent, target)
            return [await applications.hop_to(parent.services, parent.row.account_sid, target, caller_id, called)]


async def _sip_hops(parent: Call, target: SipTarget) -> list[Hop]:
    """Of several URIs each in its turn; NoRoute, FetchError where none can be called."""
    services, account, failure = parent.services, parent.row.account_sid, None
    uris = target.uris or (SipUri(target.uri, username=target.username, password=target.password),)
    hops: list[Hop] = []
    for one in ordered(uris, (), services.random):
        try:
            hops += await outbound.hops_to_uri(services, account, one.uri, one.username, one.password)
        except (NoRoute, FetchError) as error:
            failure = error
    if not hops and failure is not None:
        raise failure
    return [replace(hop, headers=(*hop.headers, *target.headers)) for hop in hops]


async def _number_hops(parent: Call, target: NumberTarget, caller_id: str) -> list[Hop]:
    number = normal(target.number)
    if number is None:
        raise NoRoute(13223, f"{target.number!r} is not a phone number")
    own = caller_id in (parent.row.from_, parent.row.to)
    if target.byoc and byoc.carries(number):
        trunk = await byoc.find(parent.services, parent.row.account_sid, target.byoc)
        if not own:
            byoc.check_caller(caller_id)
        return await byoc.hops_by(parent.services, trunk, number)
    if not own:
        try:
            await outbound.check_caller_id(parent.services, parent.row.account_sid, caller_id, number)
        except NoRoute as error:
            raise NoRoute(BAD_CALLER, str(error)) from error
    return await outbound.hops_to(parent.services, number)
