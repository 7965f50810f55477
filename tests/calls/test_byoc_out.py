"""Calls out by carriers that customers bring along, in virtual time: `Byoc` of a new call, `byoc` of a Number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import CreateCall
from gateway.billing.ceilings import KIND
from gateway.errors import ApiError
from gateway.store.rows import Call
from gateway.store.sip_rows import ConnectionPolicy, Target
from sip.events import Answered, Invited
from tests.calls.test_byoc import byoc
from tests.calls.test_trunking import calls, owned
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.phones import DOMAIN, domain
from tests.lib.trunks import ABROAD, dial, notes, route, trunk
from tests.lib.whole import NUMBER, Whole, whole

OWN = "+4930901820"  # a number that the customer has of the carrier, not of this gateway
WAIT = "<Response><Pause length='3'/></Response>"


async def carried(one: Whole[Any], *targets: tuple[str, int, bool], **fields: Any) -> str:
    """A BYOC trunk whose policy has targets (address, priority, enabled); its SID."""
    policy = ConnectionPolicy(**await owned(one, "NY"))
    assert await one.services.store.sip.connection_policies.insert(policy)
    for address, priority, enabled in targets:
        target = Target(
            **await owned(one, "NE"), connection_policy_sid=policy.sid, target=f"sip:{address}", priority=priority,
            enabled=enabled,
        )  # fmt: skip
        assert await one.services.store.sip.targets.insert(target)
    return await byoc(one, connection_policy_sid=policy.sid, **fields)


async def create(one: Whole[Any], sid: str, to: str = ABROAD, from_: str = OWN) -> Call:
    """POST Calls with `Byoc`."""
    return await one.exchange.create(await one.account_sid(), CreateCall(to=to, from_=from_, twiml=WAIT, byoc=sid))


async def refused(one: Whole[Any], sid: str, **more: str) -> tuple[int, int]:
    """HTTP status and code of a call that is not placed."""
    with pytest.raises(ApiError) as raised:
        await create(one, sid, **more)
    return raised.value.status, raised.value.code


async def row(one: Whole[Any], sid: str) -> Call:
    found = await one.services.store.calls.fetch(await one.account_sid(), sid)
    assert found is not None
    return found


def peers(one: Whole[Any], *last: int) -> list[Peer]:
    return [Peer(one, f"127.0.0.{number}") for number in last]


def test_targets_are_tried_by_priority_until_one_takes_the_call(tmp_path: Path) -> None:
    """What is disabled is left out, 503 leads on, the operator's route is never asked."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            first, second, disabled, routed = peers(one, 4, 5, 6, 7)
            await trunk(one, "acme", uris=["sip:127.0.0.7"])
            await route(one, "acme")
            named = await domain(one, calls=None)
            addresses = ("127.0.0.5", 2, True), ("127.0.0.6", 0, False), ("127.0.0.4", 1, True)
            call = await create(one, await carried(one, *addresses, from_domain_sid=named.sid))
            await passes(1)
            (asked,) = first.said(Invited)
            first.refuse(503)
            await passes(1)
            (came,) = second.said(Invited)
            for request in (asked.request, came.request):
                assert (request.from_.uri.user, request.from_.uri.host) == (OWN, DOMAIN)
                assert request.uri.user == ABROAD
            second.ring()
            second.answer()
            await passes(10)
            over = await row(one, call.sid)
            assert (over.status, over.direction, over.from_, over.price) == ("completed", "outbound-api", OWN, None)
            assert disabled.events == routed.events == []
            await passes(40)
            assert one.exchange.calls == {}

    run(main)


def test_a_target_that_says_nothing_is_left_and_one_that_rang_is_not(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            (second,) = peers(one, 5)
            sid = await carried(one, ("127.0.0.44", 1, True), ("127.0.0.5", 2, True), ("127.0.0.6", 3, True))
            (third,) = peers(one, 6)
            call = await create(one, sid)
            await passes(10)
            (came,) = second.said(Invited)
            assert came.request.from_.uri.host == "127.0.0.2"  # no FromDomainSid
            second.ring()
            await passes(1)
            second.refuse(503)
            await passes(2)
            assert (await row(one, call.sid)).status == "failed"
            assert third.events == []
            await passes(60)

    run(main)


def test_a_number_of_a_dial_goes_by_the_carrier_it_names(tmp_path: Path) -> None:
    documents = dial(f"callerId='{OWN}'", "<Number byoc='BY0'>+442071838750</Number>")

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents) as one:
            caller, carrier = peers(one, 3, 4)
            sid = await carried(one, ("127.0.0.4", 1, True))
            one.web.documents["/voice"] = documents["/voice"].replace("BY0", sid)
            caller.call()
            await passes(1)
            (came,) = carrier.said(Invited)
            assert (came.request.from_.uri.user, came.request.uri.user) == (OWN, ABROAD)
            carrier.answer()
            await passes(2)
            assert caller.said(Answered)
            caller.hangup()
            await passes(2)
            _, child = await calls(one)
            assert (child.status, child.direction) == ("completed", "outbound-dial")
            await passes(40)

    run(main)


def test_a_dial_by_a_carrier_that_is_not_there_fails_and_says_so(tmp_path: Path) -> None:
    documents = dial("", f"<Number byoc='BY{'0' * 32}'>{ABROAD}</Number>")

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents) as one:
            (caller,) = peers(one, 3)
            caller.call()
            await passes(2)
            assert one.web.to("/after")[0]["DialCallStatus"] == "failed"
            assert any("is not a BYOC trunk of this account" in note for note in await notes(one))
            await passes(40)

    run(main)


def test_what_cannot_go_by_a_carrier_is_refused_with_twilios_code(tmp_path: Path) -> None:
    """Ceilings and dialing permissions hold for it as for every call out."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            (carrier,) = peers(one, 4)
            sid = await carried(one, ("127.0.0.4", 1, True))
            assert await refused(one, "BY" + "0" * 32) == (400, 21300)
            assert await refused(one, "acme") == (400, 21300)
            assert await refused(one, sid, from_="client:alice") == (400, 21212)
            assert await refused(one, sid, to="+19005550100") == (403, 21215)
            await one.services.store.operator.put(KIND, await one.account_sid(), {"countries": ["US"]})
            assert await refused(one, sid) == (403, 21215)
            await passes(1)
            assert carrier.events == []

    run(main)


@pytest.mark.parametrize("targets", [[], [("127.0.0.4", 1, False)]])
def test_a_policy_without_an_enabled_target_fails_the_call(
    tmp_path: Path, targets: list[tuple[str, int, bool]]
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            call = await create(one, await carried(one, *targets))
            await passes(1)
            over = await row(one, call.sid)
            assert (over.status, over.error_code) == ("failed", 13225)
            assert "no connection policy with an enabled target" in (over.error_message or "")

    run(main)


def test_an_emergency_call_goes_by_the_operators_route(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            carrier, rescue = peers(one, 4, 5)
            await trunk(one, "rescue", uris=["sip:127.0.0.5"])
            await route(one, "rescue", prefix="112")
            call = await create(one, await carried(one, ("127.0.0.4", 1, True)), "112", NUMBER)
            await passes(1)
            (came,) = rescue.said(Invited)
            assert came.request.uri.user == "112"
            assert carrier.events == []
            rescue.refuse(486)
            await passes(40)
            assert (await row(one, call.sid)).status == "busy"

    run(main)
