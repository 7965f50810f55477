"""Where a call of the REST API goes, by the form of `To`: a number, `sip:`, `client:` or `app:` (rest-api.md §9)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from gateway.api.engine import CreateCall
from gateway.calls import applications, forwarding
from gateway.calls.call import Call
from gateway.calls.dial.children import NO_DEVICE
from gateway.calls.placing import byoc, outbound
from gateway.calls.placing.dialstring import Hop, NoRoute, NotRegistered
from gateway.calls.services import Services
from gateway.errors import ApiError
from gateway.numbers.e164 import normal
from gateway.store.sip_rows import ByocTrunk
from gateway.webhooks.errors import FetchError
from twiml.targets import ApplicationTarget

Calls = Mapping[str, Call]
BAD_APPLICATION = 21218  # Twilio's codes
NOT_VERIFIED, NO_NUMBER = 21210, 21212


async def hops_for(services: Services, calls: Calls, account_sid: str, wanted: CreateCall) -> list[Hop] | NoRoute:
    """The hops; NoRoute as a value where the call is accepted and then fails. `calls`: those that are up, by SID."""
    scheme, _, rest = wanted.to.partition(":")
    match scheme:
        case "sip" | "sips":
            return await _to_uri(services, account_sid, wanted)
        case "client":
            return NotRegistered(f"client {rest} has no registered device", NO_DEVICE)
        case "app":
            return await _to_application(services, account_sid, wanted.shown, rest)
    return await _to_number(services, calls, account_sid, wanted)


async def _to_uri(services: Services, account_sid: str, wanted: CreateCall) -> list[Hop] | NoRoute:
    login = wanted.sip_auth_username, wanted.sip_auth_password
    try:
        return await outbound.hops_to_uri(services, account_sid, wanted.to, *login)
    except NotRegistered as error:
        return error
    except (NoRoute, FetchError) as error:
        raise ApiError(400, 21217, str(error)) from error


async def _to_application(services: Services, account_sid: str, caller: str, text: str) -> list[Hop]:
    """`APxxx?name=value`: parameters of its document."""
    sid, _, query = text.partition("?")
    target = ApplicationTarget(sid, tuple(parse_qsl(query, keep_blank_values=True)))
    try:
        return [await applications.hop_to(services, account_sid, target, caller, sid)]
    except NoRoute as error:
        raise ApiError(400, BAD_APPLICATION, str(error)) from error


async def _to_number(services: Services, calls: Calls, account_sid: str, wanted: CreateCall) -> list[Hop] | NoRoute:
    number = normal(wanted.to)
    if number is None:
        raise ApiError(400, 21211, f"The 'To' number {wanted.to} is not a valid phone number.")
    try:
        own = await _byoc(services, account_sid, wanted) if wanted.byoc and byoc.carries(number) else None
        if own is None and not forwarding.shows_caller(calls, account_sid, wanted.token, wanted.shown):
            await outbound.check_caller_id(services, account_sid, wanted.shown, number)
    except NoRoute as error:
        no_number = error.code == NOT_VERIFIED and normal(wanted.shown) is None
        raise ApiError(400, NO_NUMBER if no_number else error.code, str(error)) from error
    try:
        return await (outbound.hops_to(services, number) if own is None else byoc.hops_by(services, own, number))
    except NoRoute as error:
        return error


async def _byoc(services: Services, account_sid: str, wanted: CreateCall) -> ByocTrunk:
    """The customer's own carrier that a call is to go by."""
    found = await byoc.find(services, account_sid, wanted.byoc)
    byoc.check_caller(wanted.shown)
    return found
