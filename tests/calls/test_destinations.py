"""Calls of the REST API to what is no number and no SIP address: an application, a client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import CreateCall
from gateway.errors import ApiError
from gateway.store.rows import Call
from gateway.store.voice_rows import Application, OutgoingCallerId
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import notes
from tests.lib.whole import HOST, NUMBER, Whole, whole

PAGES = {"/app": "<Response><Say>Hello</Say></Response>", "/voice": "<Response/>"}
SID = "AP" + "1" * 32


async def application(one: Whole[Any], owner: str | None = None) -> None:
    """An application, of the account unless told otherwise."""
    (account,) = await one.services.store.accounts.all()
    now = one.services.clock.wall()
    row = Application(
        sid=SID, account_sid=owner or account.account_sid, date_created=now, date_updated=now, voice_url=f"{HOST}/app"
    )
    assert await one.services.store.applications.insert(row)


async def create(one: Whole[Any], to: str) -> Call:
    """POST Calls."""
    (account,) = await one.services.store.accounts.all()
    wanted = CreateCall(to=to, from_=NUMBER, twiml="<Response><Pause length='60'/></Response>")
    return await one.exchange.create(account.account_sid, wanted)


async def row(one: Whole[Any], call: Call) -> Call:
    """How it is now."""
    found = await one.services.store.calls.fetch(call.account_sid, call.sid)
    assert found is not None
    return found


def test_an_application_answers_with_the_parameters_that_were_given(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            await application(one)
            call = await create(one, f"app:{SID}?team=blue&note=a%20b")
            await passes(3)
            (asked,) = one.web.to("/app")
            assert (asked["ApplicationSid"], asked["From"], asked["To"]) == (SID, NUMBER, SID)
            assert (asked["team"], asked["note"], asked["Direction"]) == ("blue", "a b", "inbound")
            over = await row(one, call)
            assert (over.status, over.to) == ("completed", f"app:{SID}?team=blue&note=a%20b")

    run(main)


def test_a_call_has_the_sid_of_the_number_that_it_comes_from(tmp_path: Path) -> None:
    """Of the account's own, or of its verified one; another caller's has none here."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            await application(one)
            store, now = one.services.store, clock.wall()
            (account,) = await store.accounts.all()
            verified = OutgoingCallerId(
                sid="PN" + "7" * 32, account_sid=account.account_sid, date_created=now, date_updated=now,
                friendly_name="Desk", phone_number="+15555550177",
            )  # fmt: skip
            assert await store.caller_ids.keep(verified, [])
            own = await store.numbers.find(NUMBER)
            assert own is not None
            for caller, sid in ((NUMBER, own.sid), ("+15555550177", verified.sid), ("alice", None)):
                wanted = CreateCall(to=f"app:{SID}", from_=caller, twiml="<Response/>")
                assert (await one.exchange.create(account.account_sid, wanted)).phone_number_sid == sid
            await passes(3)

    run(main)


def test_an_application_that_cannot_be_called_is_refused(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            await application(one, owner="AC" + "9" * 32)
            for to in (f"app:{SID}", "app:AP" + "2" * 32, "app:"):
                with pytest.raises(ApiError) as raised:
                    await create(one, to)
                assert raised.value.code == 21218

    run(main)


def test_a_client_has_no_device_yet(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            call = await create(one, "client:alice")
            await passes(1)
            assert (await row(one, call)).status == "no-answer"
            assert await notes(one) == ["client alice has no registered device"]

    run(main)
