"""A number of this gateway is reached inside, whoever has it: two calls, no trunk, no money, and no circle for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import CreateCall
from gateway.errors import ApiError
from gateway.store.paging import Page
from gateway.store.rows import Call
from sip.events import Invited
from tests.calls.test_ceilings import priced
from tests.lib.far_ends import Caller, Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.media import FakeLink
from tests.lib.whole import HOST, NUMBER, EngineLink, OnEvents, Sounds, Whole, whole_with

OTHER, SECOND = "+15555550101", "AC" + "2" * 32
DIAL = "<Response><Dial action='/after' {}>+15555550101</Dial></Response>"
Media = Callable[[Sounds, OnEvents], Any]


def roomy(sounds: Sounds, on_events: OnEvents) -> FakeLink:
    """A media worker without audio, with ports for the calls of a circle."""
    return FakeLink(sounds.length, on_events, 40)


class Two:
    """Two accounts: the first has NUMBER and `/voice`, the second OTHER and `/other`. `carrier` has the only route."""

    def __init__(self, one: Whole[Any], first: str, carrier: Peer) -> None:
        self.one, self.first, self.carrier = one, first, carrier

    async def calls(self, account_sid: str) -> list[Call]:
        """All calls of an account, the oldest first."""
        found = await self.one.services.store.calls.page(account_sid, Page(), {})
        return list(reversed(found.rows))

    async def codes(self, account_sid: str) -> list[int]:
        """The codes of an account's notifications."""
        notes = await self.one.services.store.notifications.page(account_sid, Page(), {})
        return [note.error_code for note in reversed(notes.rows)]


def inside(tmp_path: Path, test: Callable[[Two], Awaitable[None]], media: Media = EngineLink, **documents: str) -> None:
    async def main(clock: VirtualClock) -> None:
        paths = {"/voice": DIAL, "/after": "<Response><Hangup/></Response>", "/other": "<Response><Echo/></Response>"}
        async with whole_with(
            media, clock, tmp_path, paths | {f"/{name}": text for name, text in documents.items()}
        ) as one:
            carrier, store = await priced(one), one.services.store
            (first,) = await store.accounts.all()
            await store.accounts.create(replace(first, account_sid=SECOND, auth_token="second"))
            await store.numbers.stock([OTHER])
            urls = {"voice_url": f"{HOST}/other", "status_callback": f"{HOST}/told"}
            assert await store.numbers.buy(SECOND, OTHER, "PN" + "2" * 32, **urls)
            one.web.route(f"{HOST}/told", "")
            await test(Two(one, first.account_sid, carrier))
            one.exchange.end_all("the test is over")
            await passes(5)
            assert not [event for event in carrier.events if isinstance(event, Invited)]
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_a_dial_to_the_number_of_another_account_is_a_call_of_each(tmp_path: Path) -> None:
    async def test(two: Two) -> None:
        caller = Caller(two.one)
        caller.call()
        await passes(2)
        (asked,) = two.one.web.to("/other")
        names = ("AccountSid", "From", "To", "Direction", "CallStatus")
        assert [asked[name] for name in names] == [SECOND, caller.number, OTHER, "inbound", "ringing"]
        first, second = await two.calls(two.first), await two.calls(SECOND)
        assert asked["CallSid"] == second[0].sid
        assert not {"ParentCallSid", "SipHeader_X-Twilio-CallSid", "SipHeader_X-Twilio-AccountSid"} & asked.keys()
        assert not any(two.first in value or first[0].sid in value for value in asked.values())
        assert [(one.direction, one.from_, one.to, one.status) for one in first] == [
            ("inbound", caller.number, NUMBER, "in-progress"), ("outbound-dial", caller.number, OTHER, "in-progress"),
        ]  # fmt: skip
        await passes(8)
        caller.hangup()
        await passes(2)
        (after,) = two.one.web.to("/after")
        assert (after["DialCallStatus"], after["DialCallSid"], after["DialCallDuration"]) == (
            "completed", first[1].sid, "10",
        )  # fmt: skip
        (told,) = two.one.web.to("/told")
        assert (told["CallSid"], told["CallStatus"], told["CallDuration"]) == (second[0].sid, "completed", "10")
        everything = [*await two.calls(two.first), *await two.calls(SECOND)]
        assert [(one.status, one.duration, one.price) for one in everything] == [("completed", 10, None)] * 3

    inside(tmp_path, test, voice=DIAL.format(""))


@pytest.mark.parametrize(
    ("document", "status", "sip"),
    [
        ("<Reject reason='busy'/>", "busy", 486),
        ("<Reject/>", "failed", 404),
        ("<Pause length='60'/>", "no-answer", None),
    ],
)
def test_who_does_not_answer_inside_is_told_as_from_outside(
    tmp_path: Path, document: str, status: str, sip: int | None
) -> None:
    async def test(two: Two) -> None:
        Caller(two.one).call()
        await passes(12)
        assert [one["DialCallStatus"] for one in two.one.web.to("/after")] == [status]
        child = (await two.calls(two.first))[1]
        assert (child.status, child.sip_response_code if sip else None) == (status, sip)

    inside(tmp_path, test, voice=DIAL.format("timeout='8'"), other=f"<Response>{document}</Response>")


@pytest.mark.parametrize(("caller_id", "shown"), [(NUMBER, NUMBER), ("+15555550123", "+15555550123")])
def test_the_caller_id_is_the_accounts_number_or_the_callers(tmp_path: Path, caller_id: str, shown: str) -> None:
    async def test(two: Two) -> None:
        Caller(two.one).call()
        await passes(2)
        assert [one["From"] for one in two.one.web.to("/other")] == [shown]

    inside(tmp_path, test, voice=DIAL.format(f"callerId='{caller_id}'"))


def test_a_caller_id_that_is_not_the_accounts_is_not_shown_inside_either(tmp_path: Path) -> None:
    async def test(two: Two) -> None:
        Caller(two.one).call()
        await passes(2)
        assert two.one.web.to("/other") == []
        assert [one["DialCallStatus"] for one in two.one.web.to("/after")] == ["failed"]
        assert await two.codes(two.first) == [13214]
        for caller, code in ((OTHER, 21210), ("client:bob", 21212)):
            with pytest.raises(ApiError) as refused:
                await two.one.exchange.create(two.first, CreateCall(OTHER, caller, twiml="<Response/>"))
            assert (refused.value.status, refused.value.code) == (400, code)

    inside(tmp_path, test, voice=DIAL.format(f"callerId='{OTHER}'"))


def test_the_rest_api_calls_a_number_inside(tmp_path: Path) -> None:
    async def test(two: Two) -> None:
        wanted = CreateCall(OTHER, NUMBER, twiml="<Response><Pause length='5'/></Response>", record=True)
        row = await two.one.exchange.create(two.first, wanted)
        await passes(10)
        (asked,) = two.one.web.to("/other")
        assert (asked["From"], asked["To"], asked["AccountSid"]) == (NUMBER, OTHER, SECOND)
        (mine,), (theirs,) = await two.calls(two.first), await two.calls(SECOND)
        assert (mine.sid, mine.direction, mine.status, mine.price) == (row.sid, "outbound-api", "completed", None)
        assert (theirs.direction, theirs.status) == ("inbound", "completed")
        recordings = (await two.one.services.store.recordings.page(two.first, Page(), {})).rows
        assert [one.call_sid for one in recordings] == [row.sid]
        assert (await two.one.services.store.recordings.page(SECOND, Page(), {})).rows == []

    inside(tmp_path, test)


def test_each_side_records_for_itself(tmp_path: Path) -> None:
    async def test(two: Two) -> None:
        caller = Caller(two.one)
        caller.call()
        await passes(6)
        caller.hangup()
        await passes(2)
        page = two.one.services.store.recordings.page
        (mine,), (theirs,) = (await page(two.first, Page(), {})).rows, (await page(SECOND, Page(), {})).rows
        assert (mine.source, theirs.source) == ("DialVerb", "RecordVerb")
        assert (mine.status, theirs.status) == ("completed", "completed")

    other = "<Response><Record timeout='0' trim='do-not-trim' playBeep='false' action='/after'/></Response>"
    inside(tmp_path, test, voice=DIAL.format("record='record-from-answer'"), other=other)


@pytest.mark.parametrize("on_bridge", ["true", "false"])
def test_a_number_that_dials_itself_comes_to_an_end_with_a_clear_error(tmp_path: Path, on_bridge: str) -> None:
    async def test(two: Two) -> None:
        caller = Caller(two.one)
        caller.call()
        await passes(30)
        assert caller.gone.done()
        calls = await two.calls(two.first)
        assert [one.direction for one in calls].count("inbound") == 11  # the first, and ten inside
        assert {one.status for one in calls if one.direction == "inbound"} <= {"completed", "no-answer", "canceled"}
        refused = [one for one in calls if one.error_code == 32006]
        assert [(one.direction, one.status) for one in refused] == [("outbound-dial", "failed")]
        assert "in a circle" in str(refused[0].error_message)
        assert (await two.codes(two.first)).count(32006) == 1

    document = f"<Response><Dial answerOnBridge='{on_bridge}'>{NUMBER}</Dial></Response>"
    inside(tmp_path, test, roomy, voice=document)


def test_a_circle_of_two_accounts_ends_too(tmp_path: Path) -> None:
    async def test(two: Two) -> None:
        Caller(two.one).call()
        await passes(30)
        inbound = [one for one in await two.calls(two.first) if one.direction == "inbound"]
        assert (len(inbound), len(two.one.web.to("/other"))) == (6, 5)
        assert await two.codes(SECOND) + await two.codes(two.first) == [32006]

    back = f"<Response><Dial answerOnBridge='true'>{NUMBER}</Dial></Response>"
    inside(tmp_path, test, roomy, voice=back.replace(NUMBER, OTHER), other=back)


def test_a_call_that_came_with_few_hops_left_goes_on_with_one_less(tmp_path: Path) -> None:
    """RFC 7332: what a back-to-back user agent sends on is not new."""

    async def test(two: Two) -> None:
        route: dict[str, Any] = {"prefix": "+44", "trunks": ["acme"]}
        await two.one.services.store.operator.put("route", "+44", route)
        await two.one.services.trunks.load()
        two.one.web.route(f"{HOST}/voice", DIAL.format("").replace(OTHER, "+442071838750"))
        caller = Caller(two.one)
        caller.call(max_forwards=7)
        await passes(2)
        (invited,) = [event for event in two.carrier.events if isinstance(event, Invited)]
        assert invited.request.max_forwards == 6
        two.carrier.events.clear()

    inside(tmp_path, test)
