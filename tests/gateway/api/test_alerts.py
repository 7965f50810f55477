"""`/monitor/v1/Alerts` with Twilio's own library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.store.rows import Notification
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

THEN = datetime(2024, 6, 1, 12, tzinfo=UTC)
CALL = "CA" + "1" * 32


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """Every answer is as Twilio describes it."""
    api.answers.clear()
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()


def put(api: Rest, number: int, log: int = 0, account: str = "") -> str:
    """A notification, a day after the one before it."""
    note = Notification(
        f"NO{number:032x}", account or api.made.account_sid, CALL, log, 11200, f"number {number}",
        THEN + timedelta(days=number), "http://app.example.com/voice", "POST", "CallSid=CA", "<html>",
    )  # fmt: skip
    api.do(api.store.notifications.insert(note))
    return note.sid


def test_alerts_are_an_accounts_notifications(api: Rest) -> None:
    error, warning = put(api, 101), put(api, 102, log=1)
    elsewhere = put(api, 103, account=SECOND.account_sid)
    alerts = api.client().monitor.v1.alerts
    assert [one.sid for one in alerts.list()][:2] == [warning, error]
    assert elsewhere not in [one.sid for one in alerts.list()]
    assert error in [one.sid for one in alerts.list(log_level="error")]
    assert error not in [one.sid for one in alerts.list(log_level="warning")]
    assert alerts.list(log_level="debug") == []
    assert refusal(lambda: alerts.list(log_level="loud")) == (400, 20001)
    within = alerts.list(start_date=THEN + timedelta(days=101.5), end_date=THEN + timedelta(days=102.5))
    assert [one.sid for one in within] == [warning]
    assert alerts.list(start_date=THEN + timedelta(days=200)) == []


def test_one_alert_has_its_request_and_its_answer(api: Rest) -> None:
    sid = put(api, 201)
    found = api.client().monitor.v1.alerts(sid).fetch()
    assert (found.error_code, found.log_level, found.alert_text, found.resource_sid) == (
        "11200", "error", "number 201", CALL,
    )  # fmt: skip
    assert (found.request_url, found.request_method) == ("http://app.example.com/voice", "POST")
    assert (found.request_variables, found.response_body) == ("CallSid=CA", "<html>")
    assert found.date_generated == THEN + timedelta(days=201)
    assert found.url == f"{api.url}/monitor/v1/Alerts/{sid}"
    assert refusal(lambda: api.client(SECOND.account_sid, SECOND.auth_token).monitor.v1.alerts(sid).fetch()) == (
        404, 20404,
    )  # fmt: skip


def test_long_lists_have_pages(api: Rest) -> None:
    sids = [put(api, 300 + number) for number in range(7)]
    found = api.client().monitor.v1.alerts.list(page_size=3, start_date=THEN + timedelta(days=299))
    assert [one.sid for one in found] == sids[::-1]
