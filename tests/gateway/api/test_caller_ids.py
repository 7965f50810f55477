"""`OutgoingCallerIds` and validation requests with Twilio's own library; the call itself is in tests/calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api.engine import Validate
from gateway.store.voice_rows import OutgoingCallerId
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
NUMBER = "+12125550123"


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """Every answer was as Twilio describes it, and nothing stays for the next test."""
    api.engine.asked.clear()
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    for client in (api.client(), api.client(SECOND.account_sid, SECOND.auth_token)):
        for one in client.outgoing_caller_ids.list():
            one.delete()
    api.answers.clear()


def verified(api: Rest, number: str, name: str = "Desk", account: str = "") -> OutgoingCallerId:
    """A caller ID that is there."""
    row = OutgoingCallerId(
        sid=f"PN{int(number[1:]):032x}", account_sid=account or api.made.account_sid, date_created=NOW,
        date_updated=NOW, phone_number=number, friendly_name=name,
    )  # fmt: skip
    assert api.do(api.store.caller_ids.keep(row, []))
    return row


def test_a_request_tells_the_code_that_the_call_asks_for(api: Rest) -> None:
    made = api.client().validation_requests.create(
        phone_number="(212) 555-0123", friendly_name="Desk", call_delay=15, extension="w12",
        status_callback="https://app.example.com/s", status_callback_method="GET",
    )  # fmt: skip
    assert (made.validation_code, made.phone_number, made.friendly_name) == ("123456", NUMBER, "Desk")
    assert made.call_sid.startswith("CA")
    wanted = Validate(NUMBER, "Desk", 15, "w12", "https://app.example.com/s", "GET")
    assert api.engine.asked == [("validate", wanted)]


def test_the_name_is_the_number_where_none_is_given(api: Rest) -> None:
    assert api.client().validation_requests.create(phone_number=NUMBER).friendly_name == "(212) 555-0123"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"phone_number": "12"}, 21401),
        ({"phone_number": "sip:a@b"}, 21401),
        ({"friendly_name": "x" * 65}, 20002),
        ({"call_delay": 61}, 20001),
        ({"extension": "12e"}, 21206),
        ({"status_callback": "x"}, 21205),
        ({"status_callback_method": "PUT"}, 21209),
    ],
)
def test_bad_parameters_are_refused(api: Rest, given: dict[str, Any], code: int) -> None:
    asked = {"phone_number": NUMBER} | given
    assert refusal(lambda: api.client().validation_requests.create(**asked)) == (400, code)
    assert api.engine.asked == []


def test_what_is_validated_or_owned_is_not_validated_again(api: Rest) -> None:
    verified(api, NUMBER)
    verified(api, "+12125550129", account=SECOND.account_sid)
    api.do(api.store.numbers.stock(["+15555550177"]))
    bought = api.client().incoming_phone_numbers.create(phone_number="+15555550177")
    requests = api.client().validation_requests
    assert refusal(lambda: requests.create(phone_number=NUMBER)) == (400, 21450)
    assert refusal(lambda: requests.create(phone_number="+15555550177")) == (400, 21450)
    assert api.client().validation_requests.create(phone_number="+12125550129").validation_code
    bought.delete()


def test_caller_ids_are_listed_renamed_and_deleted(api: Rest) -> None:
    for number in ("+12125550123", "+12125550124", "+12125550125"):
        verified(api, number, name="Desk" if number != "+12125550125" else "Home")
    client = api.client()
    assert [one.phone_number for one in client.outgoing_caller_ids.list(phone_number=NUMBER)] == [NUMBER]
    assert len(client.outgoing_caller_ids.list(friendly_name="Desk", page_size=1)) == 2
    one = client.outgoing_caller_ids.list(friendly_name="Home")[0]
    assert one.update(friendly_name="House").fetch().friendly_name == "House"
    assert refusal(lambda: one.update(friendly_name="x" * 65)) == (400, 20002)
    assert one.delete()
    assert refusal(one.fetch) == (404, 20404)
    assert api.client(SECOND.account_sid, SECOND.auth_token).outgoing_caller_ids.list() == []
