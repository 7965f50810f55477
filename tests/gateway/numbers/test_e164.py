"""Phone numbers as people, carriers and Twilio write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.numbers.e164 import EMERGENCY, is_e164, national, normal


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15005550006", "+15005550006"), ("15005550006", "+15005550006"), ("5005550006", "+15005550006"),
        ("(500) 555-0006", "+15005550006"), ("+1 (500) 555.0006", "+15005550006"), ("+447911123456", "+447911123456"),
        ("011447911123456", "+447911123456"), ("+882161234567", "+882161234567"),
        ("447911123456", None), ("00447911123456", None), ("5550006", None), ("12", None), ("", None), ("+", None),
        ("+0123456789", None), ("+123456", None), ("+1234567890123456", None), ("bob", None), ("()", None),
        ("+1500555000x", None), (" 15005550006", "+15005550006"), (" 447911123456", "+447911123456"),
        (" 4930901820", None), ("  ", None), (" 911", None), (" ", None), ("١٢٣٤٥٦٧٨٩٠", None),
        ("5005550006\n", None), ("tel:+15005550006", None),
    ],
)  # fmt: skip
def test_numbers(text: str, number: str | None) -> None:
    assert normal(text) == number


@pytest.mark.parametrize("text", sorted(EMERGENCY))
def test_emergency_numbers_stay_as_they_are_and_cannot_be_owned(text: str) -> None:
    assert normal(text) == text
    assert not is_e164(text)


@given(st.text(alphabet="+0123456789()-. ", max_size=20))
def test_what_is_normal_stays_normal(text: str) -> None:
    number = normal(text)
    if number is not None:
        assert normal(number) == number
        assert number in EMERGENCY or is_e164(number)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+15555550100", "(555) 555-0100"), ("+442071838750", "+442071838750"), ("sip:a@b", "sip:a@b"), ("911", "911"),
     ("+1911", "+1911"), ("anonymous", "anonymous"), ("+1abcdefghij", "+1abcdefghij")],
)  # fmt: skip
def test_numbers_of_north_america_have_a_national_form(number: str, shown: str) -> None:
    assert national(number) == shown
