"""Card numbers, dates, codes and bank accounts."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from twiml import cards, payments
from twiml.payments import Entered, Terms

NOW = 2026, 11
DIGITS = st.text("0123456789", min_size=1, max_size=25)
EVERY = cards.NAMES

KNOWN = {
    "4111111111111111": "visa", "4222222222222": "visa", "5555555555554444": "mastercard",
    "2223003122003222": "mastercard", "378282246310005": "amex", "6011111111111117": "discover",
    "3530111333300000": "jcb", "30569309025904": "diners-club", "201400000000009": "enroute",
    "6759649826438453": "maestro", "6221260000000000": "discover",
}  # fmt: skip


@pytest.mark.parametrize(("number", "name"), KNOWN.items())
def test_the_type_is_in_the_first_digits(number: str, name: str) -> None:
    kind = cards.type_of(number)
    assert kind is not None
    assert kind.name == name
    assert cards.number_fault(number, EVERY) == ""
    others = [one for one in EVERY if one != name and (one, name) != ("optima", "amex")]
    assert cards.number_fault(number, others) == "invalid-card-type"


def test_an_optima_number_is_one_of_american_express() -> None:
    assert cards.number_fault("371449635398431", ("optima",)) == ""


@given(st.sampled_from([one for one in KNOWN if KNOWN[one] != "enroute"]), st.integers(0, 18), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(number: str, place: int, more: int) -> None:
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]
    assert not cards.is_checked(wrong)
    kind = cards.type_of(wrong)
    assume(kind is None or kind.checked)
    assert cards.number_fault(wrong, EVERY) == "invalid-card-number"


@given(DIGITS)
def test_exactly_one_last_digit_fits(digits: str) -> None:
    assert sum(cards.is_checked(digits + last) for last in "0123456789") == 1


@given(DIGITS)
def test_no_digits_are_too_odd(digits: str) -> None:
    for name in payments.SHOWN:
        assert payments.fault(name, digits, Entered(), Terms(), NOW) != "timeout"
        payments.is_whole(name, digits, Entered())
    assert cards.masked(digits)[-4:] != digits or len(digits) < 4
    assert len(cards.masked(digits)) == len(digits)


@given(DIGITS)
def test_at_most_four_digits_are_shown(digits: str) -> None:
    assert sum(one.isdigit() for one in cards.masked(digits)) <= min(4, max(0, len(digits) - 4) + 4)
    assert not any(one.isdigit() for one in cards.masked(digits)[:-4])


@pytest.mark.parametrize("number", KNOWN)
def test_a_number_is_whole_when_it_is_and_not_before(number: str) -> None:
    assert not any(cards.is_whole(number[:length]) for length in range(len(number)))
    assert cards.is_whole(number) == (KNOWN[number] in ("mastercard", "amex", "enroute"))


@pytest.mark.parametrize("number", ["4111111111111111", "6011111111111117", "3530111333300000", "30569309025904"])
def test_a_number_that_may_go_on_is_waited_for_a_moment(number: str) -> None:
    """Some cards of its type have more digits."""
    waited = [payments.patience(payments.NUMBER, number[:length], 5.0) for length in range(len(number) + 1)]
    assert waited == [5.0] * len(number) + [payments.REST]
    assert payments.patience(payments.NUMBER, number, 1.0) == 1.0


def test_a_card_of_visa_may_have_19_digits() -> None:
    assert cards.number_fault("4000000000000000006", ("visa",)) == ""
    assert cards.is_whole("4000000000000000006")


@pytest.mark.parametrize(
    ("digits", "good"),
    [("1126", True), ("1226", True), ("1026", False), ("1225", False), ("0127", True), ("1327", False),
     ("0027", False), ("127", False), ("12027", False)],
)  # fmt: skip
def test_a_card_is_good_until_its_month_ends(digits: str, good: bool) -> None:
    assert (cards.date_fault(digits, NOW) == "") == good


def test_american_express_has_a_longer_code() -> None:
    assert cards.code_fault("1234", "378282246310005") == ""
    assert cards.code_fault("123", "378282246310005") == "invalid-security-code"
    assert cards.code_fault("123", "4111111111111111") == ""
    assert cards.code_fault("1234", "4111111111111111") == "invalid-security-code"


def test_a_routing_number_adds_up() -> None:
    assert cards.routing_fault("021000021") == ""
    assert cards.routing_fault("021000022") == "invalid-bank-routing-number"
    assert cards.routing_fault("000000000") == "invalid-bank-routing-number"
    assert cards.routing_fault("02100002") == "invalid-bank-routing-number"


@given(st.text("0123456789", min_size=8, max_size=8))
def test_of_routing_numbers_that_begin_alike_one_in_ten_is_right(digits: str) -> None:
    assume(digits != "00000000")
    assert sum(cards.routing_fault(digits + last) == "" for last in "0123456789") == 1


def test_the_length_of_a_postal_code_can_be_asked_for() -> None:
    assert cards.postal_fault("94105", 0) == cards.postal_fault("94105", 5) == ""
    assert cards.postal_fault("9410", 5) == "invalid-postal-code"


def test_what_was_entered_prints_as_nothing() -> None:
    entered = Entered({payments.NUMBER: "4111111111111111", payments.CODE: "123"})
    assert "1" not in repr(payments.Payment(Terms(amount="2"), entered)).replace("1111", "1").partition("Entered")[2]
    assert entered.told(Terms()) == {
        "PaymentCardNumber": "xxxxxxxxxxxx1111", "PaymentCardType": "visa", "SecurityCode": "xxx",
    }  # fmt: skip
