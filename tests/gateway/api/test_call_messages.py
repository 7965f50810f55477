"""User-defined messages and subscriptions with Twilio's own library, and what calls cannot begin yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.store.rows import Call
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
UP, OVER = "CA" + "1" * 32, "CA" + "2" * 32
URL = "https://app.example.com/told"


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """A call that is up and one that is over; every answer was as Twilio describes it."""
    api.engine.asked.clear()
    account = api.made.account_sid
    for sid, status in ((UP, "in-progress"), (OVER, "completed")):
        api.do(api.store.calls.insert(Call(sid, account, "+1", "+2", "inbound", status, NOW, NOW)))
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()
    for sid in (UP, OVER):
        api.do(api.store.calls.delete(account, sid))


def test_a_message_is_json_for_the_engine(api: Rest) -> None:
    made = api.client().calls(UP).user_defined_messages.create(content='{"a": 1}', idempotency_key="k")
    assert api.engine.asked == [("send", UP, '{"a": 1}', "k")]
    assert (made.call_sid, made.sid[:2]) == (UP, "KX")


@pytest.mark.parametrize(
    "given", [{"content": ""}, {"content": "{"}, {"content": '"' + "x" * 9_999 + '"'}, {"content": "[" * 50_000}]
)
def test_what_is_no_message_is_refused(api: Rest, given: dict[str, Any]) -> None:
    messages = api.client().calls(UP).user_defined_messages
    assert refusal(lambda: messages.create(**given)) == (400, 20001)
    assert api.engine.asked == []


def test_subscriptions_are_made_once_for_a_key_and_deleted(api: Rest) -> None:
    subscriptions = api.client().calls(UP).user_defined_message_subscriptions
    first = subscriptions.create(callback=URL, method="GET", idempotency_key="k")
    assert subscriptions.create(callback="https://other.example.com/", idempotency_key="k").sid == first.sid
    second, third = (subscriptions.create(callback=URL) for _ in range(2))
    kept = api.do(api.store.message_subscriptions.of_call(UP))
    assert {one.sid for one in kept} == {first.sid, second.sid, third.sid}
    assert {(one.callback, one.method) for one in kept} == {(URL, "GET"), (URL, "POST")}
    assert subscriptions(second.sid).delete()
    assert refusal(subscriptions(second.sid).delete) == (404, 20404)
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).calls(UP).user_defined_message_subscriptions
    assert refusal(theirs(first.sid).delete) == (404, 20404)
    api.do(api.store.calls.delete(api.made.account_sid, UP))
    assert api.do(api.store.message_subscriptions.of_call(UP)) == []


def test_a_subscription_needs_a_callback_and_a_call_that_is_up(api: Rest) -> None:
    calls = api.client().calls
    for callback, code in (("", 20001), ("x", 21205)):
        subscriptions = calls(UP).user_defined_message_subscriptions
        assert refusal(lambda: subscriptions.create(callback=callback)) == (400, code)  # noqa: B023
    assert refusal(lambda: calls(OVER).user_defined_message_subscriptions.create(callback=URL)) == (400, 21220)
    gone = calls("CA" + "3" * 32).user_defined_message_subscriptions
    assert refusal(lambda: gone.create(callback=URL)) == (404, 20404)


def test_what_a_call_cannot_begin_is_refused_in_words(api: Rest) -> None:
    call, gone = api.client().calls(UP), api.client().calls("CA" + "3" * 32)
    begins: list[Callable[[Any], object]] = [
        lambda one: one.streams.create(url="wss://app.example.com/"),
        lambda one: one.transcriptions.create(),
    ]
    for begin in begins:
        assert refusal(lambda: begin(call)) == (400, 20001)  # noqa: B023
        assert refusal(lambda: begin(gone)) == (404, 20404)  # noqa: B023
    answer = api.ask("POST", f"/Calls/{UP}/Streams.json")
    assert answer.json()["message"] == "This version has no media streams"
    assert api.ask("GET", f"/Calls/{UP}/Streams.json").status_code == 405
