"""`Calls/{sid}/Payments` with Twilio's own library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api.engine import ChangePayment, StartPayment
from gateway.store.rows import Call
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal
from twiml.payments import Terms

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
UP = "CA" + "7" * 32
URL = "https://app.example.com/told"
GIVEN = {"idempotency_key": "k", "status_callback": URL}


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """A call that is up; every answer was as Twilio describes it."""
    api.engine.asked.clear()
    api.do(api.store.calls.insert(Call(UP, api.made.account_sid, "+1", "+2", "inbound", "in-progress", NOW, NOW)))
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()
    api.do(api.store.calls.delete(api.made.account_sid, UP))


def test_a_payment_begins_with_twilios_defaults(api: Rest) -> None:
    made = api.client().calls(UP).payments.create(**GIVEN)
    assert (made.sid[:2], made.call_sid, made.account_sid) == ("PK", UP, api.made.account_sid)
    assert api.engine.asked == [("start payment", UP, StartPayment(Terms(), (), URL, "k"))]


def test_all_of_it_can_be_chosen(api: Rest) -> None:
    api.client().calls(UP).payments.create(
        **GIVEN, payment_method="ach-debit", bank_account_type="commercial-checking", charge_amount=20.45,
        currency="EUR", description="Order 7", min_postal_code_length=5, parameter='{"order": 7, "by": "phone"}',
        payment_connector="Own", postal_code=False, security_code=False, timeout=9, token_type="one-time",
        valid_card_types="visa jcb", input="dtmf",
    )  # fmt: skip
    (asked,) = api.engine.asked
    assert asked[2].terms == Terms(
        connector="Own", method="ach-debit", amount="20.45", currency="eur", description="Order 7",
        token_type="one-time", bank_account_type="commercial-checking", card_types=("visa", "jcb"), wants_code=False,
        wants_postal=False, least_postal=5, timeout=9, parameters=(("order", "7"), ("by", "phone")),
    )  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [{"charge_amount": "ten"}, {"charge_amount": "1000000"}, {"currency": "dollar"}, {"payment_method": "cash"},
     {"token_type": "x"}, {"bank_account_type": "x"}, {"valid_card_types": "visa x"}, {"timeout": 601},
     {"parameter": "["}, {"parameter": '{"a": {}}'}, {"input": "speech"}, {"security_code": "maybe"},
     {"idempotency_key": ""}, {"status_callback": ""}],
)  # fmt: skip
def test_what_cannot_be_is_refused(api: Rest, given: dict[str, Any]) -> None:
    assert refusal(lambda: api.client().calls(UP).payments.create(**GIVEN | given))[0] == 400
    assert api.engine.asked == []


def test_fields_can_be_wanted_twice(api: Rest) -> None:
    form = {"IdempotencyKey": "k", "StatusCallback": URL}
    path = f"/2010-04-01/Accounts/{api.made.account_sid}/Calls/{UP}/Payments.json"
    twice = "payment-card-number,security-code"
    assert api.ask("POST", path, data=form | {"RequireMatchingInputs": twice}).status_code == 201
    assert api.engine.asked[0][2].matched == ("payment-card-number", "security-code")
    assert api.ask("POST", path, data=form | {"RequireMatchingInputs": "pin"}).status_code == 400


@pytest.mark.parametrize(("text", "confirms"), [("true", True), ("false", False), ("perhaps", None)])
def test_who_pays_may_have_to_confirm(api: Rest, text: str, confirms: bool | None) -> None:
    form = {"IdempotencyKey": "k", "StatusCallback": URL, "Confirmation": text}
    path = f"/2010-04-01/Accounts/{api.made.account_sid}/Calls/{UP}/Payments.json"
    assert api.ask("POST", path, data=form).status_code == (400 if confirms is None else 201)
    assert [asked[2].confirms for asked in api.engine.asked] == ([] if confirms is None else [confirms])


@pytest.mark.parametrize("given", [{"capture": "payment-card-number"}, {"capture": "security-code"},
                                   {"status": "complete"}, {"status": "cancel"}])  # fmt: skip
def test_it_goes_on_and_ends(api: Rest, given: dict[str, str]) -> None:
    made = api.client().calls(UP).payments.create(**GIVEN)
    assert api.client().calls(UP).payments(made.sid).update(**GIVEN, **given).sid == made.sid
    wanted = ChangePayment(given.get("capture", ""), given.get("status", ""), URL, "k")
    assert api.engine.asked[1:] == [("change payment", made.sid, wanted)]


@pytest.mark.parametrize("given", [{}, {"capture": "pin"}, {"status": "done"},
                                   {"capture": "postal-code", "status": "complete"}])  # fmt: skip
def test_an_update_says_one_thing(api: Rest, given: dict[str, str]) -> None:
    made = api.client().calls(UP).payments.create(**GIVEN)
    assert refusal(lambda: api.client().calls(UP).payments(made.sid).update(**GIVEN, **given)) == (400, 20001)


def test_what_is_not_there_is_404(api: Rest) -> None:
    calls = api.client().calls
    assert refusal(lambda: calls(UP).payments("PK" + "1" * 32).update(**GIVEN, status="cancel")) == (404, 20404)
    assert refusal(lambda: calls("CA" + "8" * 32).payments.create(**GIVEN)) == (404, 20404)
    second = api.client(SECOND.account_sid, SECOND.auth_token)
    assert refusal(lambda: second.calls(UP).payments.create(**GIVEN)) == (404, 20404)
