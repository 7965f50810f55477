"""The calls that a Dial places, one for each of its targets, and where each of them goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.calls import byoc, outbound
from gateway.calls.call import Call
from gateway.calls.dialstring import Hop, Hops, NoRoute
from gateway.numbers.e164 import normal
from gateway.store.rows import Call as Row
from gateway.webhooks.errors import FetchError
from twiml.control import SipTarget, Target


@dataclass(slots=True)
class Child:
    """One target and the call to it."""

    target: Target
    call: Call
    hops: list[Hop]
    unplaced: NoRoute | None = None  # why it has no hops
    answered: bool = False
    goes_on: bool = False  # after the Dial: a transfer has its leg


async def child_of(parent: Call, target: Target, caller_id: str, hops: Hops | None) -> Child:
    """The child call of a target, with its hops; none when it cannot be placed, which is in its record."""
    services = parent.services
    now = services.clock.wall()
    to = target.uri if isinstance(target, SipTarget) else target.number
    row = Row(
        sid=services.sids.new("CA"), account_sid=parent.row.account_sid, from_=caller_id, to=to,
        direction="outbound-dial", status="queued", date_created=now, date_updated=now,
        parent_call_sid=parent.sid, status_callback=target.status_callback,
        status_callback_method=target.status_callback_method,
        status_callback_events=" ".join(target.status_callback_events),
    )  # fmt: skip
    child = Child(target, Call(services, row), [])
    try:
        child.hops = await (_told(parent, hops) if hops is not None else _hops(parent, target, caller_id))
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
    if isinstance(target, SipTarget):
        account, login = parent.row.account_sid, (target.username, target.password)
        hops = await outbound.hops_to_uri(parent.services, account, target.uri, *login)
        return [replace(hop, headers=(*hop.headers, *target.headers)) for hop in hops]
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
        await outbound.check_caller_id(parent.services, parent.row.account_sid, caller_id, number)
    return await outbound.hops_to(parent.services, number)
