"""Elastic SIP Trunking: a number's calls go to the PBX of its trunk, the PBX's calls go out by the operator's routes.

These trunks are customers' (Twilio's trunking v1); what the operator calls a trunk is a carrier (gateway/trunks).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.calls.call import LONGEST
from gateway.calls.placing.dialstring import Hop, NoRoute
from gateway.calls.placing.outbound import check_caller_id, inside
from gateway.calls.services import Services
from gateway.calls.sources import Dialling, Fetch
from gateway.calls.transfers.trunk import ByTrunk, Party
from gateway.phones.directory import Domain
from gateway.store.rows import Number
from gateway.store.sip_rows import OriginationUrl, Trunk
from gateway.trunks.model import Numbers, Target
from gateway.trunks.policy import ordered, understood
from gateway.webhooks.errors import FetchError
from sip.uri import Uri
from twiml.plans import DialPlan
from twiml.targets import NumberTarget

ORIGINATING, TERMINATING = "trunking-originating", "trunking-terminating"  # Twilio's words: to the PBX, from it
NO_URLS = 32010  # Twilio: no valid origination URLs
RINGS = 60.0  # seconds that either side has to answer


@dataclass(frozen=True, slots=True)
class PbxCall:
    """A call that a PBX may place."""

    to: str
    from_: str
    dialling: Dialling


def as_domain(trunk: Trunk) -> Domain:
    """What the admission of SIP domains knows: calls from a PBX are checked as calls to a domain are."""
    assert trunk.domain_name, "it was found by its name"
    return Domain(
        sid=trunk.sid, account_sid=trunk.account_sid, date_created=trunk.date_created, date_updated=trunk.date_updated,
        domain_name=trunk.domain_name, secure=trunk.secure,
    )  # fmt: skip


async def to_pbx(services: Services, number: Number) -> Dialling | None:
    """How calls to a number that is in a trunk go on; None where its trunk is gone."""
    trunk = await services.store.sip.trunks.fetch(number.account_sid or "", number.trunk_sid or "")
    if trunk is None:
        return None
    urls = await services.store.sip.enabled_urls(trunk.sid)
    recovery, told = None, {"TrunkSid": trunk.sid}
    if trunk.disaster_recovery_url:
        recovery = Fetch(trunk.disaster_recovery_url, trunk.disaster_recovery_method, told)

    async def hops() -> list[Hop]:
        return await _hops(services, trunk, urls, number.phone_number)

    plan = _plan(trunk, number.phone_number)
    return Dialling(plan, ByTrunk(services, trunk, plan, Party.CALLEE), hops, recovery)


async def from_pbx(services: Services, trunk: Trunk, dialled: Uri, caller: Uri) -> PbxCall:
    """How a call of a PBX goes on; NoRoute where it is to no number, or not from one that it may show."""
    to, from_ = (understood(uri.user or "", Numbers()) for uri in (dialled, caller))
    if to is None:
        raise NoRoute(13223, f"{dialled.user!r} is not a phone number")
    if from_ is None:
        raise NoRoute(21212, f"{caller.user!r} is no number that a call can be from")
    await check_caller_id(services, trunk.account_sid, from_, to)
    plan = _plan(trunk, to)
    return PbxCall(to, from_, Dialling(plan, ByTrunk(services, trunk, plan, Party.CALLER)))


async def _hops(services: Services, trunk: Trunk, urls: list[OriginationUrl], number: str) -> list[Hop]:
    """The enabled URLs, by priority and weight."""
    if trunk.secure:
        raise NoRoute(NO_URLS, f"trunk {trunk.sid} is secure: its calls need SRTP, which this version does not have")
    targets = [Target(uri=url.sip_url, priority=url.priority, weight=url.weight) for url in urls]
    if not targets:
        raise NoRoute(NO_URLS, f"trunk {trunk.sid} has no enabled origination URL")
    hops = []
    for target in ordered(targets, services.carriers.down, services.random):
        try:
            await services.guard_sip(target.uri)
        except FetchError as error:
            raise NoRoute(error.code, str(error)) from error
        uri = str(Uri.parse(target.uri).with_user(number))
        hops.append(Hop(uri, headers=inside(services, uri), symmetric=True, guarded=True))
    return hops


def _plan(trunk: Trunk, number: str) -> DialPlan:
    """One call, answered when the other side answers, recorded as the trunk says."""
    return DialPlan(
        targets=(NumberTarget(number),), timeout=RINGS, time_limit=LONGEST, caller_id=None, hangup_on_star=False,
        answer_on_bridge=True, record=trunk.recording_mode, trim=trunk.recording_trim == "trim-silence",
    )  # fmt: skip
