"""Beginnings of premium-rate and shared-cost numbers, and the countries of the numbering plan."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from gateway.numbers import special
from gateway.numbers.countries import COUNTRIES


@pytest.mark.parametrize(
    ("pattern", "heads"),
    [
        (r"900[2-4]\d{6}", {"9002", "9003", "9004"}),
        (r"90\d{6}|81", {"90", "81"}),
        (r"8(?:1[01]|2)\d", {"810", "811", "82"}),
        (r"8(?:\d\d|4)5", {"8", "84"}),
        (r"85?6", {"8"}),
        (r"8[1-3]{2}5", {"8"}),
        (r"(?:7|8\d)9", {"7", "8"}),
        (r"9[\d]", {f"9{digit}" for digit in range(10)}),
    ],
)
def test_what_a_pattern_begins_with(pattern: str, heads: set[str]) -> None:
    assert special.beginnings(pattern) == heads


@pytest.mark.parametrize("kind", [PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST])
def test_every_such_example_of_the_tables_begins_so(kind: int) -> None:
    """The prefixes say no less than what a call is refused by (gateway/billing/risk.py)."""
    examples = {code: phonenumbers.example_number_for_type(code, kind) for code in COUNTRIES}
    known = {code: number for code, number in examples.items() if number is not None}
    assert len(known) > 50
    for code, number in known.items():
        assert phonenumbers.format_number(number, PhoneNumberFormat.E164).startswith(special.prefixes(code)), code


def test_the_countries_are_those_of_the_numbering_plan() -> None:
    assert set(COUNTRIES) == set(phonenumbers.SUPPORTED_REGIONS)
    assert all(country.name and "\n" not in country.name for country in COUNTRIES.values())
