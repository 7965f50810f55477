"""Whatever stands in a parameter of a voice operation, it is taken or refused in words: nothing fails.

Conferences and queues live in whole gateways only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from gateway.store.rows import Call
from tests.lib import oai
from tests.lib.rest import Rest
from tests.lib.voice_operations import voice_paths

WHOLE = ("Conferences", "Queues")
NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
UP = "CA" + "6" * 32
ODD = (
    "", " ", "x" * 5000, "\x01\u202e", "é😀", "-1", "99999999999999999999", "1e309", '{"a":', "[[", "http://[::1",
    "http://a:99999/", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "sip:@", "app:", "%00", "²",
)  # fmt: skip
GIVEN = {
    "CreateCall": {"To": "+12125550123", "From": "+15555550100", "Twiml": "<Response/>"},
    "CreatePayments": {"IdempotencyKey": "k", "StatusCallback": "http://a/"},
    "UpdatePayments": {"IdempotencyKey": "k", "StatusCallback": "http://a/", "Status": "cancel"},
    "CreateSiprec": {"ConnectorName": "c"},
    "CreateUserDefinedMessage": {"Content": "{}"},
    "CreateUserDefinedMessageSubscription": {"Callback": "http://a/"},
    "CreateValidationRequest": {"PhoneNumber": "+12025550143"},
    "UpdateCallRecording": {"Status": "paused"},
}
"""What an operation needs besides the parameter that is odd."""


def parameters(method: str, below: str) -> list[str]:
    """Of an operation; of those that are numbered, the first."""
    described = oai.description(oai.CORE)["paths"][f"/2010-04-01/Accounts/{{AccountSid}}/{below}.json"][method]
    form = described.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    names = [one["name"] for one in described.get("parameters", ()) if one["in"] == "query"]
    names += form.get("schema", {}).get("properties", {})
    return [name for name in names if re.match(r"Parameter(?!1\.)\d+\.", name) is None]


PARAMETERS = [(method, below, operation) for below, methods in voice_paths() for method, operation in methods.items()
              if method != "delete" and parameters(method, below) and not below.startswith(WHOLE)]  # fmt: skip


@pytest.mark.parametrize(("method", "below", "operation"), PARAMETERS)
def test_an_odd_parameter_is_taken_or_refused(api: Rest, method: str, below: str, operation: str) -> None:
    api.do(api.store.calls.insert(Call(UP, api.made.account_sid, "+1", "+2", "inbound", "in-progress", NOW, NOW)))
    path = re.sub(r"\{\w+\}", UP, below)
    for name in parameters(method, below):
        for odd in ODD:
            given = {**GIVEN.get(operation, {}), name: odd}
            posted, asked = (given, None) if method == "post" else (None, given)
            answer = api.ask(method.upper(), f"/{path}.json", data=posted, params=asked)
            assert answer.status_code < 500, (name, odd, answer.text)
            assert answer.status_code < 400 or answer.json()["message"], (name, odd)
    api.do(api.store.calls.delete(api.made.account_sid, UP))
