"""What is entered, judged: checksums, kinds of cards, dates, and what is shown of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twiml.control import Prompt, Quiet
from twiml.payment import (
    CODE,
    EXPIRY,
    NUMBER,
    POSTAL,
    ROUTING,
    Ask,
    Entered,
    PayPlan,
    card_type,
    checksum_holds,
    fault,
    mask,
    prompts,
)  # fmt: skip

PLAN = PayPlan(steps=())
NOW = (2024, 6)
VISA, AMEX = "4242424242424242", "378282246310005"


@pytest.mark.parametrize(
    ("number", "card"),
    [(VISA, "visa"), ("5555555555554444", "mastercard"), ("2223003122003222", "mastercard"), (AMEX, "amex"),
     ("6011111111111117", "discover"), ("3566002020360505", "jcb"), ("30569309025904", "diners-club"),
     ("6759649826438453", "maestro"), ("9999999999999999", "")],
)  # fmt: skip
def test_kinds_of_cards(number: str, card: str) -> None:
    assert card_type(number) == card


@given(st.text("0123456789", min_size=12, max_size=18), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(digits: str, change: int) -> None:
    number = next(digits + last for last in "0123456789" if checksum_holds(digits + last))
    assert not checksum_holds(str((int(number[0]) + change) % 10) + number[1:])


@pytest.mark.parametrize(
    ("step", "value", "error"),
    [
        (NUMBER, VISA, ""), (NUMBER, "4242424242424241", "invalid-card-number"), (NUMBER, "", "timeout"),
        (NUMBER, "6011111111111117", "invalid-card-type"), (EXPIRY, "0624", ""), (EXPIRY, "0524", "invalid-date"),
        (EXPIRY, "1324", "invalid-date"), (EXPIRY, "12", "invalid-date"), (CODE, "123", ""),
        (CODE, "1234", "invalid-security-code"), (POSTAL, "94105", ""), (ROUTING, "021000021", ""),
        (ROUTING, "021000022", "invalid-bank-routing-number"), ("bank-account-number", "12345678", ""),
        ("bank-account-number", "1", "invalid-bank-account-number"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_twilios_word(step: str, value: str, error: str) -> None:
    assert fault(PLAN, step, value, {NUMBER: VISA}, NOW) == error


def test_an_american_express_code_has_four_digits() -> None:
    assert fault(PLAN, CODE, "1234", {NUMBER: AMEX}, NOW) == ""


def test_a_postal_code_has_a_least_length() -> None:
    assert fault(PayPlan((), least_postal=5), POSTAL, "1234", {}, NOW) == "invalid-postal-code"


def test_what_is_shown_of_it() -> None:
    entered = Entered({NUMBER: VISA, EXPIRY: "1227", CODE: "123", POSTAL: "94105"})
    assert entered.masked() == {
        "PaymentCardNumber": "xxxxxxxxxxxx4242", "PaymentCardType": "visa", "ExpirationDate": "1227",
        "SecurityCode": "xxx", "PaymentCardPostalCode": "94105",
    }  # fmt: skip
    assert VISA not in repr(entered)
    assert mask("1234", "bank-account-number") == "xxxx"


def test_the_prompt_that_speaks_of_the_error_comes_first() -> None:
    anything, late = (Prompt(Quiet(1)),), (Prompt(Quiet(2)),)
    plan = PayPlan((), asks=(Ask(anything, frozenset({NUMBER})), Ask(late, errors=frozenset({"timeout"}))))
    assert prompts(plan, NUMBER, "", 1, "") == anything
    assert prompts(plan, NUMBER, "timeout", 2, "") == late
    assert (
        prompts(plan, EXPIRY, "", 1, "")
        == "Please enter the expiration date, two digits for the month and two for the year."
    )
