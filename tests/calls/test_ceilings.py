"""What an account may spend on calls out, in virtual time: a stolen key, minutes that are paid as they begin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import CreateCall
from gateway.billing.ceilings import KIND, Ceilings
from gateway.billing.guard import Guard
from gateway.errors import ApiError
from gateway.store.rows import Call
from gateway.store.sip_rows import DialingPermission
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import dial, notes, trunk
from tests.lib.whole import NUMBER, Whole, whole

LONDON, SOMALIA, PREMIUM = "+442071838750", "+2521234567", "+19005550100"


async def priced(one: Whole[Any], **ceilings: Any) -> Peer:
    """A carrier for all the world at 0.50 a minute, and the account's ceilings."""
    await trunk(one, "acme", uris=["sip:127.0.0.4"])
    route = {"prefix": "+", "trunks": ["acme"], "price": "0.50"}
    await one.services.store.operator.put("route", "+", route)
    await one.services.trunks.load()
    await one.services.store.operator.put(KIND, await one.account_sid(), Ceilings(**ceilings).model_dump(mode="json"))
    return Peer(one, "127.0.0.4")


async def create(one: Whole[Any], to: str) -> Call:
    """POST Calls."""
    twiml = "<Response><Pause length='600'/></Response>"
    return await one.exchange.create(await one.account_sid(), CreateCall(to=to, from_=NUMBER, twiml=twiml))


async def refused(one: Whole[Any], to: str) -> tuple[int, int]:
    """HTTP status and code of a call that is not placed."""
    with pytest.raises(ApiError) as raised:
        await create(one, to)
    return raised.value.status, raised.value.code


async def row(one: Whole[Any], sid: str) -> Call:
    found = await one.services.store.calls.fetch(await one.account_sid(), sid)
    assert found is not None
    return found


def test_minutes_are_paid_as_they_begin_until_the_money_is_spent(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            carrier = await priced(one, daily_spend="1.60")
            call = await create(one, LONDON)
            await passes(1)
            carrier.ring()
            carrier.answer()
            await passes(61)
            assert (await row(one, call.sid)).price == 1_000_000
            await passes(200)
            over = await row(one, call.sid)
            assert (over.status, over.duration, over.price, over.error_code) == ("completed", 180, 1_500_000, 10004)
            assert any("daily spend of 1.60000 is reached" in note for note in await notes(one))
            assert await refused(one, LONDON) == (403, 10004)
            again = Guard(one.services.store, clock)
            assert await again.spent(await one.account_sid()) == 1_500_000
            await one.services.store.operator.put(KIND, await one.account_sid(), {"daily_spend": "5.00"})
            resumed = await create(one, LONDON)
            await passes(1)
            carrier.refuse(486)
            await passes(60)
            assert (await row(one, resumed.sid)).price is None
            assert await one.services.spending.spent(await one.account_sid()) == 1_500_000

    run(main)


def test_a_stolen_key_that_places_a_thousand_calls_spends_the_ceiling_and_no_more(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            await priced(one, daily_spend="3.00", high_risk_prefixes=["+2521"])
            outcomes = await asyncio.gather(*(create(one, LONDON) for _ in range(500)), return_exceptions=True)
            assert sum(isinstance(outcome, Call) for outcome in outcomes) == 6
            risky = await asyncio.gather(*(create(one, SOMALIA) for _ in range(500)), return_exceptions=True)
            assert {(error.status, error.code) for error in risky if isinstance(error, ApiError)} == {(403, 21215)}
            assert len([error for error in risky if isinstance(error, ApiError)]) == 500
            assert await one.services.spending.spent(await one.account_sid()) == 3_000_000
            await passes(120)
            assert await one.services.spending.spent(await one.account_sid()) == 0

    run(main)


@pytest.mark.parametrize(
    ("ceilings", "to", "answer"),
    [
        ({}, PREMIUM, (403, 21215)),
        ({"countries": ["US", "DE"]}, LONDON, (403, 21215)),
        ({"high_risk": True, "countries": ["GB"]}, PREMIUM, (403, 21215)),
    ],
)
def test_what_is_not_permitted_never_rings(
    tmp_path: Path, ceilings: dict[str, Any], to: str, answer: tuple[int, int]
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            carrier = await priced(one, **ceilings)
            assert await refused(one, to) == answer
            await passes(1)
            assert carrier.events == []

    run(main)


@pytest.mark.parametrize(
    ("own", "to", "allowed"),
    [
        (DialingPermission("GB", low_risk_numbers_enabled=False), LONDON, False),
        (DialingPermission("GB", high_risk_special_numbers_enabled=False), LONDON, True),
        (DialingPermission("DE", low_risk_numbers_enabled=False), LONDON, True),
        (DialingPermission("US", high_risk_special_numbers_enabled=False), PREMIUM, False),
        (DialingPermission("US", low_risk_numbers_enabled=False), PREMIUM, True),
        (DialingPermission("SO", high_risk_tollfraud_numbers_enabled=False), SOMALIA, False),
        (DialingPermission("SO", high_risk_special_numbers_enabled=False), SOMALIA, True),
    ],
)
def test_an_account_forbids_itself_countries(tmp_path: Path, own: DialingPermission, to: str, allowed: bool) -> None:
    """Twilio's dialing permissions, within what the operator allows."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            carrier = await priced(one, high_risk=True, high_risk_prefixes=["+2521"])
            await one.services.store.sip.permissions.put(await one.account_sid(), [own])
            if not allowed:
                assert await refused(one, to) == (403, 21215)
            else:
                await create(one, to)
            await passes(1)
            assert bool(carrier.events) == allowed
            if allowed:
                carrier.refuse(486)
                await passes(1)

    run(main)


def test_calls_at_once_and_per_second_are_the_accounts(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            carrier = await priced(one, cps=2, concurrency=3)
            await create(one, LONDON)
            await create(one, LONDON)
            assert await refused(one, LONDON) == (429, 10004)
            await passes(1)
            await create(one, LONDON)
            await passes(1)
            assert await refused(one, LONDON) == (429, 10004)
            carrier.refuse(486)
            await passes(1)
            await create(one, LONDON)
            await passes(120)
            assert one.exchange.calls == {}

    run(main)


def test_a_dial_to_what_is_not_permitted_fails_with_its_reason(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial(noun=PREMIUM)) as one:
            await priced(one)
            caller = Peer(one, "127.0.0.3")
            caller.call()
            await passes(2)
            assert one.web.to("/after")[0]["DialCallStatus"] == "failed"
            assert any("is of high risk (a premium or shared-cost number)" in note for note in await notes(one))
            await passes(60)

    run(main)
