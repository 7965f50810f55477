"""What a call asked of its app, with Twilio's own library; and the resources of which there are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.store.requests import Sent
from gateway.store.rows import Call, Recording
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
SENT = Sent(
    "", "t", "CA" + "1" * 32, NOW, "POST", "https://app.example.com/voice", "", {}, 200, 84, "",
    params={"CallSid": "CA" + "1" * 32, "SipHeader_X-a+b": "1", "2": "x"}, content_type="text/xml",
    answer="<Response/>",
)  # fmt: skip


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """Every answer was as Twilio describes it, and nothing stays for the next test."""
    account = api.made.account_sid
    call = Call(SENT.subject, account, "+1", "+2", "inbound", "completed", NOW, NOW)
    api.do(api.store.calls.insert(call))
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()
    api.do(api.store.calls.delete(account, call.sid))


def keep(api: Rest, *sent: Sent) -> None:
    api.do(api.store.requests.insert([replace(one, account_sid=api.made.account_sid) for one in sent], 100))


def test_requests_are_shown_oldest_first_with_their_answers(api: Rest) -> None:
    failed = replace(SENT, method="GET", url="https://app.example.com/s?a=1&b=", status=0, error="no answer", params={},
                     content_type="", answer="")  # fmt: skip
    keep(api, SENT, failed)
    first, second = api.client().calls(SENT.subject).events.list()
    assert first.request == {"method": "POST", "url": SENT.url, "parameters": SENT.params}
    assert first.response == {
        "response_code": 200, "request_duration": 84, "content_type": "text/xml", "response_body": "<Response/>",
        "error": None, "date_created": "Sat, 01 Jun 2024 12:00:00 +0000",
    }  # fmt: skip
    assert second.request["parameters"] == {"a": "1", "b": ""}
    assert (second.response["response_code"], second.response["error"]) == (None, "no answer")


def test_pages_are_counted_from_the_first(api: Rest) -> None:
    keep(api, *(replace(SENT, duration_ms=number) for number in range(5)))
    found = api.client().calls(SENT.subject).events.stream(page_size=2)
    assert [one.response["request_duration"] for one in found] == list(range(5))


def test_a_name_that_is_none_in_xml_is_made_one(api: Rest) -> None:
    keep(api, SENT)
    answer = api.ask("GET", f"/Calls/{SENT.subject}/Events.xml")
    assert answer.status_code == 200
    assert "<SipHeader_X-a_b>1</SipHeader_X-a_b><_>x</_>" in answer.text.replace("SipHeaderX", "SipHeader_X")


def test_a_deleted_call_leaves_no_events_and_another_accounts_has_none(api: Rest) -> None:
    keep(api, SENT)
    assert refusal(api.client(SECOND.account_sid, SECOND.auth_token).calls(SENT.subject).events.list) == (404, 20404)
    assert api.client().calls(SENT.subject).delete()
    assert api.do(api.store.requests.of_subject(SENT.subject)) == []
    assert refusal(api.client().calls(SENT.subject).events.list) == (404, 20404)


def test_what_nothing_makes_is_listed_as_nothing(api: Rest) -> None:
    row = Recording(
        "RE" + "1" * 32, api.made.account_sid, SENT.subject, "completed", "RecordVerb", 1, "both", NOW, NOW, NOW, "x"
    )
    api.do(api.store.recordings.insert(row))
    client, gone = api.client(), "TR" + "1" * 32
    recording = client.recordings(row.sid)
    assert client.transcriptions.list() == recording.transcriptions.list() == recording.add_on_results.list() == []
    result = recording.add_on_results("XR" + "1" * 32)
    missing: list[Any] = [
        client.transcriptions(gone).fetch, client.transcriptions(gone).delete, recording.transcriptions(gone).fetch,
        recording.transcriptions(gone).delete, result.fetch, result.delete, result.payloads.list,
        result.payloads("XH" + "1" * 32).fetch, result.payloads("XH" + "1" * 32).delete,
        client.recordings("RE" + "2" * 32).transcriptions.list, client.recordings("RE" + "2" * 32).add_on_results.list,
    ]  # fmt: skip
    assert {refusal(work) for work in missing} == {(404, 20404)}
