"""Amounts, minutes, and which numbers are dear."""

from __future__ import annotations

import pytest

from gateway.billing import risk
from gateway.billing.money import micro, shown


@pytest.mark.parametrize(("text", "amount"), [("0.0125", 12500), ("0", 0), ("25", 25_000_000), ("0.000001", 1)])
def test_amounts_are_micro_units(text: str, amount: int) -> None:
    assert micro(text) == amount


@pytest.mark.parametrize("text", ["", "a", "-1", "0.0000001", "NaN", "Infinity", "1e30"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount like"):
        micro(text)


def test_prices_are_written_as_twilio_writes_them() -> None:
    assert shown(12500) == "0.01250"


@pytest.mark.parametrize(
    ("number", "country", "high"),
    [
        ("+12125550123", "US", ""),
        ("+442071838750", "GB", ""),
        ("+18095551234", "DO", ""),
        ("+19005550100", "US", "a premium or shared-cost number"),
        ("+449098790000", "GB", "a premium or shared-cost number"),
        ("+881612345678", "", "the network +881"),
        ("+979123456789", "", "the network +979"),
        ("+2521234567", "SO", "prefix +2521"),
        ("+15555550123", "US", ""),
        ("911", "", ""),
    ],
)
def test_the_risk_of_a_number(number: str, country: str, high: str) -> None:
    assert risk.of(number, ("+2521",)) == risk.Risk(country, high)
