"""When the app is down: the fallback URL, the number's own document, the excuse (webhooks.md §3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.http import Request, Router
from gateway.api.operator.numbers import Inventory
from gateway.calls.standby import MOST
from gateway.errors import ApiError
from gateway.store.rows import Call, Notification
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import Reply
from tests.lib.whole import HOST, NUMBER, Whole, whole

STANDING = "<Response><Pause length='1'/><Redirect>http://127.0.0.1:1/standing</Redirect></Response>"
DOWN = Reply(status=503)


async def ask(one: Whole[Any], method: str, json: Any = None, number: str = NUMBER) -> Any:
    """The operator's API of numbers."""
    path = f"/operator/v1/numbers/{number}"
    serve, variables = Router(Inventory(one.services.store).routes()).find(method, path)
    return (await serve(Request(method, path, variables, {}, json))).json


async def called(one: Whole[Any], seconds: float = 20) -> tuple[Call, list[Notification]]:
    """A call, and its errors; those of one moment come in any order."""
    Caller(one).call()
    await passes(seconds)
    return (await one.calls())[0], [note for note in await one.notes() if note.log == 0]


async def with_fallback(one: Whole[Any]) -> None:
    """The number has a fallback URL."""
    await one.services.store.numbers.amend(NUMBER, voice_fallback_url=f"{HOST}/fallback")


def test_without_anything_the_caller_hears_the_excuse_and_the_record_says_why(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            one.web.route(f"{HOST}/voice", DOWN)
            call, notes = await called(one)
            assert (call.status, call.error_code) == ("completed", 11200)
            assert call.error_message == f"{HOST}/voice answered 503"
            assert [(note.log, note.error_code, note.request_url) for note in notes] == [(0, 11200, f"{HOST}/voice")]

    run(main)


def test_the_numbers_own_document_runs_as_if_the_app_had_answered(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/standing": "<Response><Hangup/></Response>"}) as one:
            one.web.route(f"{HOST}/voice", DOWN)
            one.web.route(f"{HOST}/fallback", DOWN)
            await with_fallback(one)
            assert (await ask(one, "PUT", {"fallback_twiml": STANDING}))["fallback_twiml"] == STANDING
            call, notes = await called(one)
            assert {note.request_url for note in notes} == {f"{HOST}/voice", f"{HOST}/fallback"}
            assert len(one.web.to("/standing")) == 1
            assert (call.status, call.error_code) == ("completed", 11200)

    run(main)


def test_numbers_without_one_have_the_settings_document(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/standing": "<Response><Hangup/></Response>"}) as one:
            one.web.route(f"{HOST}/voice", DOWN)
            one.services.fallback_twiml = STANDING
            await called(one)
            assert len(one.web.to("/standing")) == 1

    run(main)


@pytest.mark.parametrize(("where", "code"), [("relative", 15004), ("", 11100)])
def test_a_standing_document_that_leads_nowhere_ends_with_the_excuse(tmp_path: Path, where: str, code: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            one.web.route(f"{HOST}/voice", DOWN)
            await ask(one, "PUT", {"fallback_twiml": f"<Response><Redirect>{where}</Redirect></Response>"})
            call, notes = await called(one)
            assert call.status == "completed"
            assert {note.error_code for note in notes} == {11200, code}

    run(main)


def test_the_fallback_is_asked_at_any_time_of_the_call_with_what_failed(tmp_path: Path) -> None:
    """Also for an action, and again where the fallback's own document leads to something that fails."""

    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": "<Response><Pause length='1'/><Redirect>/first</Redirect></Response>"}
        async with whole(clock, tmp_path, documents) as one:
            one.web.route(f"{HOST}/first", DOWN)
            one.web.route(f"{HOST}/second", "not XML")
            await with_fallback(one)
            answers = ["<Response><Redirect>/second</Redirect></Response>", "<Response><Hangup/></Response>"]
            one.web.route(f"{HOST}/fallback", lambda _: answers.pop(0))
            call, _ = await called(one)
            asked = [(said["ErrorCode"], said["ErrorUrl"]) for said in one.web.to("/fallback")]
            assert asked == [("11200", f"{HOST}/first"), ("12100", f"{HOST}/second")]
            assert {said["CallSid"] for said in one.web.to("/fallback")} == {call.sid}

    run(main)


def test_a_fallback_that_leads_back_to_what_failed_ends(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/fallback": "<Response><Redirect>/voice</Redirect></Response>"}) as one:
            one.web.route(f"{HOST}/voice", DOWN)
            await with_fallback(one)
            call, _ = await called(one)
            assert call.status == "completed"
            assert len(one.web.to("/fallback")) == MOST

    run(main)


def test_the_operators_document_is_checked_when_it_is_set(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            for twiml in (
                "nonsense",
                "<Response><Sing/></Response>",
                "<Response><Say volume='1'>x</Say></Response>",
                "",
            ):
                with pytest.raises(ApiError, match="fallback_twiml"):
                    await ask(one, "PUT", {"fallback_twiml": twiml})
            with pytest.raises(ApiError):
                await ask(one, "PUT", {"fallback_twiml": STANDING, "voice_url": "x"})
            with pytest.raises(ApiError) as raised:
                await ask(one, "GET", number="+19999999999")
            assert raised.value.status == 404
            assert (await ask(one, "GET"))["fallback_twiml"] is None
            await ask(one, "PUT", {"fallback_twiml": STANDING})
            assert (await ask(one, "PUT", {"fallback_twiml": None}))["fallback_twiml"] is None

    run(main)


def test_a_number_that_is_given_back_loses_its_document(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            await ask(one, "PUT", {"fallback_twiml": STANDING})
            number = await one.services.store.numbers.find(NUMBER)
            assert number is not None
            assert number.account_sid is not None
            assert number.sid is not None
            await one.services.store.numbers.release(number.account_sid, number.sid)
            assert (await ask(one, "GET"))["fallback_twiml"] is None

    run(main)
