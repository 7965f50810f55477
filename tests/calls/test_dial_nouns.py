"""Whom a Dial reaches besides numbers and single SIP URIs: clients, applications, one of several URIs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.store.paging import Page
from gateway.store.rows import Account, Call
from gateway.store.voice_rows import Application
from sip.events import Invited
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, NUMBER, Whole, whole

AFTER = {"/after": "<Response><Hangup/></Response>"}


def dial(nouns: str, more: str = "") -> dict[str, str]:
    return {"/voice": f"<Response><Dial action='/after' timeout='10' {more}>{nouns}</Dial></Response>", **AFTER}


async def calls(one: Whole[Any]) -> dict[str, Call]:
    """By direction."""
    found: list[Call] = []
    for account in await one.services.store.accounts.all():
        found += (await one.services.store.calls.page(account.account_sid, Page(), {})).rows
    return {row.direction: row for row in reversed(found)}


def test_a_client_without_a_device_does_not_answer(tmp_path: Path) -> None:
    """Nobody is registered: the Dial ends at once."""

    async def main(clock: VirtualClock) -> None:
        documents = dial("<Client statusCallback='/status' statusCallbackEvent='initiated completed'>alice</Client>")
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialBridged"]) == ("no-answer", "false")
            child = (await calls(one))["outbound-dial"]
            assert (child.to, child.status, child.sid) == ("client:alice", "no-answer", after["DialCallSid"])
            told = [params for params in one.web.to("/status") if params["CallSid"] == child.sid]
            assert [params["CallStatus"] for params in told] == ["initiated", "no-answer"]

    run(main)


async def application(one: Whole[Any], account_sid: str, **more: Any) -> str:
    sid, now = one.services.sids.new("AP"), one.services.clock.wall()
    row = Application(
        sid=sid, account_sid=account_sid, date_created=now, date_updated=now, voice_url=f"{HOST}/app",
        status_callback=f"{HOST}/status", **more,
    )  # fmt: skip
    assert await one.services.store.applications.insert(row)
    return sid


@pytest.mark.parametrize("copied", [False, True])
def test_an_application_answers_a_call_of_its_own(tmp_path: Path, copied: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {**dial(""), "/app": f"<Response><Say>{'x' * 30}</Say></Response>"}) as one:
            account = (await one.services.store.accounts.all())[0]
            sid = await application(one, account.account_sid)
            one.web.documents |= dial(
                f"<Application copyParentTo='{str(copied).lower()}' customerId='c7'>"
                f"<ApplicationSid>{sid}</ApplicationSid>"
                "<Parameter name='Who' value='you &amp; me'/><Parameter name='CallSid' value='mine'/></Application>"
            )
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            (asked,), (after,), found = one.web.to("/app"), one.web.to("/after"), await calls(one)
            to = NUMBER if copied else sid
            assert (asked["From"], asked["To"], asked["ApplicationSid"]) == ("+15555550123", to, sid)
            assert (asked["Who"], asked["CustomerId"], asked["Direction"]) == ("you & me", "c7", "inbound")
            assert asked["CallSid"] not in ("mine", after["DialCallSid"], after["CallSid"])
            assert (after["DialCallStatus"], after["DialBridged"], after["DialCallDuration"]) == (
                "completed",
                "true",
                "3",
            )
            assert (found["outbound-dial"].to, found["outbound-dial"].sid) == (to, after["DialCallSid"])
            assert one.services.workers.ports_in_use == 0

    run(main)


@pytest.mark.parametrize("public", [False, True])
def test_another_accounts_application_must_let_itself_be_called(tmp_path: Path, public: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {**dial(""), "/app": "<Response><Pause/></Response>"}) as one:
            other = one.services.sids.new("AC")
            now = clock.wall()
            await one.services.store.accounts.create(Account(other, "secret", "Another", "active", now, now))
            sid = await application(one, other, public_application_connect_enabled=public)
            one.web.documents |= dial(f"<Application>{sid}</Application>")
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert one.web.to("/after")[0]["DialCallStatus"] == ("completed" if public else "failed")
            assert [asked["AccountSid"] for asked in one.web.to("/app")] == ([other] if public else [])

    run(main)


def test_a_stranger_reaches_no_application(tmp_path: Path) -> None:
    """The way is for calls of this gateway only."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {**dial(""), "/app": "<Response><Pause/></Response>"}) as one:
            account = (await one.services.store.accounts.all())[0]
            sid = await application(one, account.account_sid)
            one.web.documents |= dial(f"<Sip>sip:{sid}@127.0.0.2:5060?X-Trunkline-Application=From%3Da%26To%3Db</Sip>")
            caller = Caller(one)
            caller.call()
            await caller.gone
            assert one.web.to("/app") == []
            assert one.web.to("/after")[0]["DialCallStatus"] == "failed"

    run(main)


def test_of_several_uris_the_next_is_tried_where_one_does_not_take_the_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = dial("""<Sip><Uri priority='2'>sip:bob@127.0.0.4:5070</Uri>
            <Uri priority='1'>sip:bob@127.0.0.4:5060</Uri></Sip>""")
        async with whole(clock, tmp_path, documents) as one:
            caller, first, second = Caller(one), Callee(one), Callee(one, 5070)
            first.rings = False
            caller.call()
            await passes(1)
            first.refuse(503)
            await passes(1)
            second.answer()
            await passes(1)
            second.hangup()
            await caller.gone
            await passes(1)
            assert one.web.to("/after")[0]["DialCallStatus"] == "completed"

    run(main)


def test_the_headers_of_a_uri_are_those_of_the_invite(tmp_path: Path) -> None:
    """And no part of its To."""

    async def main(clock: VirtualClock) -> None:
        documents = dial("<Sip>sip:bob@127.0.0.4:5060?X-One=a%20b&amp;User-to-User=12%3Bencoding%3Dhex</Sip>")
        async with whole(clock, tmp_path, documents) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(1)
            (request,) = [event.request for event in callee.events if isinstance(event, Invited)]
            assert str(request.to) == "<sip:bob@127.0.0.4:5060>"
            assert request.headers.all("X-One") == ["a b"]
            assert request.headers.all("User-to-User") == ["12;encoding=hex"]
            caller.hangup()
            await caller.gone

    run(main)


def test_what_no_uri_can_be_called_by_fails(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = dial("<Sip><Uri>tel:+1</Uri><Uri>mailto:a@b</Uri></Sip>")
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            assert one.web.to("/after")[0]["DialCallStatus"] == "failed"

    run(main)


def test_a_call_reason_is_told_to_the_called_party(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = dial("<Sip>sip:bob@127.0.0.4:5060</Sip>", "callReason='your order'")
        async with whole(clock, tmp_path, documents) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(1)
            (invited,) = [event for event in callee.events if isinstance(event, Invited)]
            assert invited.request.headers.get("Subject") == "your order"
            caller.hangup()
            await caller.gone

    run(main)
