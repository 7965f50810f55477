"""Calls out by a carrier that the customer brings along (Twilio's `Byoc`): its targets are tried as a trunk's are.

The trunk's connection policy is read into the operator's words (gateway/trunks), so that failover, patience, the order
of targets and the ceilings are those of every call out.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.calls.placing.dialstring import Hop, NoRoute, through
from gateway.calls.placing.outbound import inside
from gateway.calls.services import Services
from gateway.numbers.e164 import EMERGENCY, is_e164
from gateway.store.sip_rows import ByocTrunk
from gateway.trunks.model import Target, Trunk
from gateway.webhooks.errors import FetchError

UNKNOWN = 21300  # Twilio: no such BYOC trunk
NO_TARGET = 13225  # Twilio: Dial: the call cannot be routed
BAD_CALLER = 21212  # Twilio: From is no valid number


async def find(services: Services, account_sid: str, sid: str) -> ByocTrunk:
    """The trunk of an account; NoRoute where it has none of this SID."""
    found = await services.store.sip.byoc_trunks.fetch(account_sid, sid)
    if found is None:
        raise NoRoute(UNKNOWN, f"Byoc {sid} is not a BYOC trunk of this account")
    return found


def carries(number: str) -> bool:
    """Emergency calls go by the operator's routes, whatever a customer's carrier would make of them."""
    return number not in EMERGENCY


def check_caller(caller: str) -> None:
    """NoRoute unless it is a number: which of them may be shown is the customer's and the carrier's affair."""
    if not is_e164(caller):
        raise NoRoute(BAD_CALLER, f"caller ID {caller} is not a phone number in E.164, as a call by a BYOC trunk needs")


async def hops_by(services: Services, byoc: ByocTrunk, number: str) -> list[Hop]:
    """The enabled targets, by priority and weight; NoRoute where there are none, or where one may not be reached."""
    trunk = await _as_trunk(services, byoc)
    if not trunk.targets:
        raise NoRoute(NO_TARGET, f"BYOC trunk {byoc.sid} has no connection policy with an enabled target")
    hops = []
    for hop in through(trunk, number, services.carriers.down, services.random):
        try:
            await services.guard_sip(hop.uri)
        except FetchError as error:
            raise NoRoute(error.code, str(error)) from error
        hops.append(replace(hop, headers=inside(services, hop.uri), guarded=True))
    return hops


async def _as_trunk(services: Services, byoc: ByocTrunk) -> Trunk:
    """In the operator's words."""
    sip = services.store.sip
    found = await sip.enabled_targets(byoc.account_sid, byoc.connection_policy_sid or "")
    domain = await sip.domains.fetch(byoc.account_sid, byoc.from_domain_sid or "")
    return Trunk(
        name=byoc.sid,
        uris=tuple(Target(uri=one.target, priority=one.priority, weight=one.weight) for one in found),
        symmetric=True,
        from_host=None if domain is None else domain.domain_name,
    )
