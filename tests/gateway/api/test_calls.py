"""`Calls` and their notifications with Twilio's own library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.api import paging
from gateway.api.engine import ChangeCall
from gateway.errors import ApiError
from gateway.store.rows import Call, Notification
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

DAY = datetime(2024, 6, 1, tzinfo=UTC)
CALL = {"to": "+12125550123", "from_": "+15555550100", "twiml": "<Response/>"}


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """Every answer was as Twilio describes it, and nothing stays for the next test."""
    api.engine.asked.clear()
    yield
    api.engine.refusal = None
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()
    for account in (api.made.account_sid, SECOND.account_sid):
        for call in [*api.do(api.store.calls.unfinished()), *_all(api, account)]:
            api.do(api.store.calls.delete(account, call.sid))


def _all(api: Rest, account: str) -> list[Call]:
    from gateway.store.paging import Page

    return list(api.do(api.store.calls.page(account, Page(0, 1000), {})).rows)


def insert(api: Rest, number: int, **fields: Any) -> str:
    """A call of the first account, `number` minutes after midnight of DAY."""
    at = DAY + timedelta(minutes=number)
    values: dict[str, Any] = {
        "sid": f"CA{number:032x}", "account_sid": api.made.account_sid, "from_": "+15555550100", "to": "+12125550123",
        "direction": "outbound-api", "status": "completed", "date_created": at, "date_updated": at,
    }  # fmt: skip
    call = Call(**(values | fields))
    api.do(api.store.calls.insert(call))
    return call.sid


def notify(api: Rest, number: int, call_sid: str | None, **fields: Any) -> str:
    """A notification of the first account."""
    values: dict[str, Any] = {
        "sid": f"NO{number:032x}", "account_sid": api.made.account_sid, "call_sid": call_sid, "log": 0,
        "error_code": 11200, "message_text": "no answer", "message_date": DAY + timedelta(hours=number),
    }  # fmt: skip
    note = Notification(**(values | fields))
    api.do(api.store.notifications.insert(note))
    return note.sid


def test_every_parameter_of_a_new_call_reaches_the_engine(api: Rest) -> None:
    call = api.client().calls.create(
        to="sip:bob@example.com", from_="+15555550100", caller_id="+15555550177", url="https://app.example.com/v",
        method="GET", fallback_url="https://app.example.com/f", fallback_method="GET",
        status_callback="https://app.example.com/s", status_callback_method="GET",
        status_callback_event=["initiated", "answered completed"], timeout=20, time_limit=600, send_digits="ww12#",
        record=True, recording_channels="dual", recording_track="inbound",
        recording_status_callback="https://app.example.com/r", recording_status_callback_method="GET",
        recording_status_callback_event=["in-progress", "completed"], trim="do-not-trim", sip_auth_username="u",
        sip_auth_password="p", call_reason="Your order", call_token="token", byoc="BY" + "1" * 32,
        machine_detection="Enable",
    )  # fmt: skip
    ((_, wanted),) = api.engine.asked
    assert (wanted.to, wanted.from_, wanted.caller_id) == ("sip:bob@example.com", "+15555550100", "+15555550177")
    assert (wanted.url, wanted.method, wanted.twiml) == ("https://app.example.com/v", "GET", None)
    assert (wanted.fallback_url, wanted.fallback_method) == ("https://app.example.com/f", "GET")
    assert (wanted.status_callback, wanted.status_callback_method) == ("https://app.example.com/s", "GET")
    assert wanted.status_callback_events == ("initiated", "answered", "completed")
    assert (wanted.timeout, wanted.time_limit, wanted.send_digits) == (20, 600, "ww12#")
    assert (wanted.record, wanted.recording_channels, wanted.recording_track) == (True, "dual", "inbound")
    assert wanted.recording_status_callback == "https://app.example.com/r"
    assert wanted.recording_status_callback_method == "GET"
    assert wanted.recording_status_callback_events == ("in-progress", "completed")
    assert (wanted.trim, wanted.sip_auth_username, wanted.sip_auth_password) == ("do-not-trim", "u", "p")
    assert (wanted.reason, wanted.token, wanted.byoc) == ("Your order", "token", "BY" + "1" * 32)
    assert wanted.shown == "+15555550177"
    assert "sip_auth_password" not in repr(wanted)
    assert (call.status, call.direction, call.from_formatted) == ("queued", "outbound-api", "(555) 555-0177")


@pytest.mark.parametrize(
    ("given", "to", "caller"),
    [
        (("(212) 555-0123", "555 555 0100"), "+12125550123", "+15555550100"),
        (("12125550123", "+1 (555) 555-0100"), "+12125550123", "+15555550100"),
        (("+44 20 7946 0123", "5555550100"), "+442079460123", "+15555550100"),
        (("sip:5555550123@example.com", "5555550100"), "sip:5555550123@example.com", "5555550100"),
    ],
)
def test_numbers_are_read_as_people_write_them(api: Rest, given: tuple[str, str], to: str, caller: str) -> None:
    made = api.client().calls.create(to=given[0], from_=given[1], twiml="<Response/>")
    ((_, wanted),) = api.engine.asked
    assert (wanted.to, wanted.from_) == (to, caller)
    found = api.client().calls.list(to=given[0])
    assert made.sid in [one.sid for one in found]


def test_the_defaults_of_a_new_call(api: Rest) -> None:
    call = api.client().calls.create(**CALL)
    ((_, wanted),) = api.engine.asked
    assert (wanted.timeout, wanted.time_limit, wanted.method, wanted.record) == (60, 14400, "POST", False)
    assert (wanted.trim, wanted.recording_channels, wanted.recording_track) == ("trim-silence", "mono", "both")
    assert wanted.status_callback_events == wanted.recording_status_callback_events == ("completed",)
    assert wanted.shown == "+15555550100"
    assert (call.price, call.duration, call.start_time) == (None, None, None)
    assert api.client().calls(call.sid).fetch().to_formatted == "(212) 555-0123"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21201),
        ({"from_": ""}, 21213),
        ({"twiml": ""}, 21205),
        ({"url": "app/voice"}, 21205),
        ({"url": "javascript:alert(1)"}, 21205),
        ({"url": "http://app example.com/"}, 21205),
        ({"url": "http://app<b>.example.com/"}, 21205),
        ({"twiml": "x" * 4001}, 32018),
        ({"send_digits": "12e"}, 21206),
        ({"send_digits": "1" * 33}, 21206),
        ({"timeout": 0}, 21208),
        ({"timeout": 601}, 21208),
        ({"timeout": "²"}, 21208),
        ({"method": "PATCH", "url": "http://a/"}, 21209),
        ({"status_callback": "x"}, 21205),
        ({"status_callback_event": ["finished"]}, 20001),
        ({"recording_channels": "three"}, 20001),
        ({"record": "perhaps"}, 20001),
        ({"time_limit": 14401}, 20001),
        ({"application_sid": "AP" + "1" * 32}, 21218),
        ({"machine_detection": "Enable"}, 20001),
    ],
)
def test_a_call_that_cannot_be_placed_is_refused_with_twilios_code(
    api: Rest, changes: dict[str, Any], code: int
) -> None:
    assert refusal(lambda: api.client().calls.create(**(CALL | changes))) == (400, code)
    assert api.engine.asked == []


def test_what_the_engine_refuses_is_answered(api: Rest) -> None:
    api.engine.refusal = ApiError(429, 20429, "Too many requests", {"Retry-After": "2"})
    assert refusal(lambda: api.client().calls.create(**CALL)) == (429, 20429)
    answer = api.ask("POST", "/Calls.json", data={"To": "+1", "From": "+1", "Twiml": "<Response/>"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


def test_a_living_call_is_redirected_and_ended(api: Rest) -> None:
    sid = insert(api, 1, status="in-progress")
    call = api.client().calls(sid)
    assert call.update(url="https://app.example.com/n", method="GET").status == "in-progress"
    call.update(twiml="<Response/>")
    assert call.update(status="completed").status == "completed"
    ringing = api.client().calls(insert(api, 2, status="ringing"))
    assert ringing.update(status="canceled").status == "canceled"
    assert api.engine.asked == [
        ("change", sid, ChangeCall(url="https://app.example.com/n", method="GET")),
        ("change", sid, ChangeCall(twiml="<Response/>")),
        ("change", sid, ChangeCall()),
        ("complete", sid),
        ("change", f"CA{2:032x}", ChangeCall()),
        ("cancel", f"CA{2:032x}"),
    ]


def test_every_parameter_of_an_update_reaches_the_engine(api: Rest) -> None:
    call = api.client().calls(insert(api, 1, status="in-progress"))
    call.update(
        url="https://app.example.com/n", fallback_url="https://app.example.com/f", fallback_method="GET",
        status_callback="https://app.example.com/s", status_callback_method="GET", time_limit=7,
    )  # fmt: skip
    call.update(status_callback="", fallback_url="")
    call.update(status="completed", url="https://app.example.com/n", time_limit=9)
    first, second, third = (wanted for kind, _, *rest in api.engine.asked if kind == "change" for wanted in rest)
    assert first == ChangeCall(
        "https://app.example.com/n", "POST", None, "https://app.example.com/f", "GET",
        "https://app.example.com/s", "GET", 7,
    )  # fmt: skip
    assert second == ChangeCall(fallback_url="", status_callback="")
    assert third == ChangeCall(time_limit=9)


def test_updates_that_are_refused(api: Rest) -> None:
    living, ended = (api.client().calls(insert(api, n, status=s)) for n, s in ((1, "in-progress"), (2, "busy")))
    assert refusal(lambda: ended.update(status="completed")) == (400, 21220)
    assert refusal(lambda: ended.update(url="http://a/")) == (400, 21220)
    assert refusal(lambda: living.update()) == (400, 20001)
    assert refusal(lambda: living.update(status="busy")) == (400, 20001)
    assert refusal(lambda: living.update(url="x")) == (400, 21205)
    assert refusal(lambda: living.update(twiml="x" * 4001)) == (400, 32018)
    assert refusal(lambda: living.update(status_callback="a")) == (400, 21205)
    assert refusal(lambda: living.update(time_limit=0)) == (400, 20001)
    assert refusal(lambda: living.update(time_limit=14401)) == (400, 20001)
    assert api.engine.asked == []


def test_only_finished_calls_are_deleted(api: Rest) -> None:
    living, ended = (api.client().calls(insert(api, n, status=s)) for n, s in ((1, "queued"), (2, "completed")))
    assert refusal(living.delete) == (400, 20009)
    assert ended.delete()
    assert refusal(ended.fetch) == (404, 20404)
    assert refusal(ended.delete) == (404, 20404)


def test_calls_are_listed_by_their_filters(api: Rest) -> None:
    def start(minute: int) -> dict[str, datetime]:
        at = DAY + timedelta(minutes=minute)
        return {"start_time": at, "end_time": at + timedelta(seconds=30)}

    insert(api, 1, to="+1", **start(1))
    insert(api, 2, from_="+2", **start(2))
    insert(api, 3, status="busy")
    insert(api, 4, parent_call_sid="CA" + "9" * 32, **start(1440))
    calls = api.client().calls

    def found(**filters: Any) -> list[int]:
        return [int(call.sid[2:], 16) for call in calls.list(**filters)]

    assert found() == [4, 3, 2, 1]
    assert found(to="+1") == [1]
    assert found(from_="+2") == [2]
    assert found(status="busy") == [3]
    assert found(parent_call_sid="CA" + "9" * 32) == [4]
    assert found(start_time=date(2024, 6, 1)) == [2, 1]
    assert found(start_time=DAY + timedelta(minutes=2)) == [2]
    assert found(start_time_after=DAY + timedelta(minutes=2)) == [4, 2]
    assert found(start_time_before=DAY + timedelta(minutes=2)) == [2, 1]
    assert found(start_time_after=DAY + timedelta(minutes=2), start_time_before=DAY + timedelta(hours=1)) == [2]
    assert found(end_time=date(2024, 6, 2)) == [4]
    assert found(end_time_before=DAY + timedelta(minutes=2)) == [1]
    assert found(to="+1", status="busy") == []
    assert refusal(lambda: calls.list(status="over")) == (400, 20001)


@pytest.mark.parametrize("when", ["yesterday", "9999-12-31", "0001-01-01T00:00:00+14:00", "2024-06-01T25:00"])
def test_a_date_that_is_none(api: Rest, when: str) -> None:
    answer = api.ask("GET", "/Calls.json", params={"StartTime>": when})
    assert answer.status_code == (200 if when == "9999-12-31" else 400)


def test_pages_go_on_where_they_ended_whatever_comes_and_goes(api: Rest) -> None:
    for number in range(1, 24):
        insert(api, number, to=f"+{number % 2}")
    calls = api.client().calls
    seen = []
    for call in calls.stream(page_size=5):
        seen.append(int(call.sid[2:], 16))
        if len(seen) in (3, 12):
            insert(api, 100 + len(seen))
        if len(seen) % 2:
            call.delete()
    assert seen == list(range(23, 0, -1))
    assert len(calls.list(to="+0", page_size=2)) == len(calls.list(to="+0")) == 11


def test_pages_have_their_links(api: Rest) -> None:
    for number in range(1, 8):
        insert(api, number)
    first = api.client().calls.page(page_size=3)
    second = first.next_page()
    third = second.next_page()
    assert third.next_page() is None
    back = third.previous_page()
    assert [call.sid for call in back] == [f"CA{number:032x}" for number in (4, 3, 2)]
    assert [call.sid for call in back.previous_page()] == [f"CA{number:032x}" for number in (7, 6, 5)]
    assert first.previous_page() is None
    body = api.ask("GET", "/Calls.json", params={"PageSize": 3, "Page": 1, "Status": "completed"}).json()
    assert (body["page"], body["page_size"], body["start"], body["end"]) == (1, 3, 3, 5)
    assert body["first_page_uri"].endswith("/Calls.json?Status=completed&PageSize=3&Page=0")
    assert "Status=completed" in body["next_page_uri"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"PageSize": "many"}, 20007), ({"PageSize": 0}, 20007), ({"Page": -1}, 20001), ({"PageToken": "x"}, 20001),
        ({"PageToken": "PA" + "9" * 18 + "CA" + "1" * 32}, 20001),
    ],
)  # fmt: skip
def test_a_page_that_is_none(api: Rest, params: dict[str, Any], code: int) -> None:
    answer = api.ask("GET", "/Calls.json", params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_who_wants_more_than_a_page_has_gets_it_in_pages(api: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twilio's libraries ask for pages of as many as their `limit`, whatever it is."""
    monkeypatch.setattr(paging, "LARGEST", 3)
    for number in range(1, 8):
        insert(api, number)
    assert len(api.client().calls.list(limit=5)) == 5
    assert len(api.client().calls.list(limit=5000)) == 7
    assert api.ask("GET", "/Calls.json", params={"PageSize": 5000}).json()["page_size"] == 3


def test_a_time_is_found_as_it_is_shown(api: Rest) -> None:
    """To the second."""
    at = DAY + timedelta(hours=1, seconds=5, milliseconds=400)
    sid = insert(api, 1, start_time=at)
    calls, shown = api.client().calls, api.client().calls(sid).fetch().start_time

    def found(**filters: Any) -> list[str]:
        return [call.sid for call in calls.list(**filters)]

    assert found(start_time=shown) == found(start_time_before=shown) == found(start_time_after=shown) == [sid]
    assert found(start_time=shown - timedelta(seconds=1)) == found(start_time=shown + timedelta(seconds=1)) == []
    assert found(start_time_before=shown - timedelta(seconds=1)) == []


def test_what_is_empty_is_not_given(api: Rest) -> None:
    """Twilio's library for Node sends what is null so."""
    names = (
        "Timeout", "TimeLimit", "Record", "Trim", "Method", "FallbackMethod", "StatusCallback", "StatusCallbackMethod",
        "StatusCallbackEvent", "RecordingChannels", "RecordingTrack", "RecordingStatusCallbackEvent", "SendDigits",
        "MachineDetection", "CallReason", "CallerId", "Byoc",
    )  # fmt: skip
    given = {"To": "+12125550123", "From": "+15555550100", "Twiml": "<Response/>"}
    for more in ({}, dict.fromkeys(names, "")):
        assert api.ask("POST", "/Calls.json", data=given | more).status_code == 201
    (_, plain), (_, empty) = api.engine.asked
    assert plain == empty
    sid = insert(api, 1, status="in-progress")
    changes = {"Url": "http://a/", "Status": "", "Method": "", "TimeLimit": "", "Twiml": ""}
    assert api.ask("POST", f"/Calls/{sid}.json", data=changes).status_code == 200
    assert api.engine.asked[-1] == ("change", sid, ChangeCall(url="http://a/"))


def test_another_accounts_call_is_not_there(api: Rest) -> None:
    theirs = insert(api, 1, account_sid=SECOND.account_sid, status="in-progress")
    calls = api.client().calls
    assert calls.list() == []
    for work in (calls(theirs).fetch, calls(theirs).delete, lambda: calls(theirs).update(status="completed")):
        assert refusal(work) == (404, 20404)
    assert refusal(calls(theirs).notifications.list) == (404, 20404)
    assert calls(theirs).recordings.list() == []
    assert api.engine.asked == []
    assert api.client(SECOND.account_sid, SECOND.auth_token).calls(theirs).fetch().status == "in-progress"


def test_notifications_are_listed_and_fetched(api: Rest) -> None:
    call = insert(api, 1)
    first = notify(api, 1, call, request_url="http://a/", request_method="GET", request_variables="a=1")
    second = notify(api, 30, call, log=1, error_code=12100, response_body="<x>")
    third = notify(api, 31, None)
    client = api.client()
    notes = client.notifications
    assert [note.sid for note in notes.list()] == [third, second, first]
    assert [note.sid for note in notes.list(log=1)] == [second]
    assert [note.sid for note in notes.list(message_date=date(2024, 6, 1))] == [first]
    assert [note.sid for note in notes.list(message_date_after=date(2024, 6, 2))] == [third, second]
    assert [note.sid for note in notes.list(message_date_before=date(2024, 6, 2))] == [first]
    assert [note.sid for note in notes.stream(page_size=1)] == [third, second, first]
    assert [note.sid for note in client.calls(call).notifications.list()] == [second, first]
    assert [note.sid for note in client.calls(call).notifications.list(log=0)] == [first]
    one = notes(first).fetch()
    assert (one.error_code, one.log, one.request_method, one.request_variables) == ("11200", "0", "GET", "a=1")
    assert one.more_info == "https://www.twilio.com/docs/errors/11200"
    second_of_call = client.calls(call).notifications(second).fetch()
    assert second_of_call.response_body == "<x>"
    root = f"/2010-04-01/Accounts/{api.made.account_sid}"
    assert one.uri == f"{root}/Notifications/{first}.json"
    assert second_of_call.uri == f"{root}/Calls/{call}/Notifications/{second}.json"
    assert refusal(client.calls(call).notifications(third).fetch) == (404, 20404)
    assert refusal(notes("NO" + "f" * 32).fetch) == (404, 20404)
    assert refusal(client.calls("CA" + "f" * 32).notifications.list) == (404, 20404)
    theirs = notify(api, 32, None, account_sid=SECOND.account_sid)
    assert refusal(notes(theirs).fetch) == (404, 20404)
