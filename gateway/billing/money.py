"""Money as whole micro-units of the account's currency."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

UNIT = 1_000_000
MOST = 1000 * UNIT  # a price or a day's ceiling above is a mistake in the point


def micro(text: str) -> int:
    """`0.0125` as 12500; ValueError for what is no amount, or has parts of a micro-unit."""
    try:
        amount = Decimal(text) * UNIT
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not an amount like 0.0125") from error
    if not amount.is_finite() or amount != int(amount) or not 0 <= amount <= MOST * UNIT:
        raise ValueError(f"{text!r} is not an amount like 0.0125")
    return int(amount)


def shown(amount: int) -> str:
    """12500 as `0.01250`, as Twilio writes prices."""
    return f"{Decimal(amount) / UNIT:.5f}"
