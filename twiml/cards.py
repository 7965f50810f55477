"""What a payment card or a bank account can be: pure questions about digits.

Card numbers: ISO/IEC 7812 (the last digit checks the others), with the prefixes and lengths that the issuers publish.
American Express numbers are also those of Optima, which no prefix tells apart. Routing numbers: those of the American
Bankers Association. Each `…_fault` answers with Twilio's word for what is wrong (`Prompt` errorType), or nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

Month = tuple[int, int]
"""(year, month)."""


@dataclass(frozen=True, slots=True)
class CardType:
    """`prefixes`: first and last of each range, of the same length. `usual`: the length that most numbers have."""

    name: str
    prefixes: tuple[tuple[str, str], ...]
    lengths: tuple[int, ...]
    usual: int
    code: int = 3  # digits of the security code
    checked: bool = True  # by its last digit


CARD_TYPES = (
    CardType("visa", (("4", "4"),), (13, 16, 19), 16),
    CardType("mastercard", (("51", "55"), ("2221", "2720")), (16,), 16),
    CardType("amex", (("34", "34"), ("37", "37")), (15,), 15, code=4),
    CardType("discover", (("6011", "6011"), ("644", "649"), ("65", "65"), ("622126", "622925")), (16, 19), 16),
    CardType("jcb", (("3528", "3589"),), (16, 19), 16),
    CardType("diners-club", (("300", "305"), ("3095", "3095"), ("36", "36"), ("38", "39")), (14, 16, 19), 14),
    CardType("enroute", (("2014", "2014"), ("2149", "2149")), (15,), 15, checked=False),
    CardType("maestro", (("50", "50"), ("56", "59"), ("60", "69")), tuple(range(12, 20)), 19),
)
NAMES = (*(kind.name for kind in CARD_TYPES), "optima")
LONGEST = 19  # ISO/IEC 7812
SHORTEST_ACCOUNT, LONGEST_ACCOUNT = 4, 17  # NACHA: the account number's field of an entry has 17 places
LONGEST_POSTAL_CODE = 12


def is_checked(digits: str) -> bool:
    """Whether the last digit fits the others (ISO/IEC 7812-1, annex B; Luhn)."""
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(two - 9 * (two > 9) for two in doubled)) % 10 == 0


def type_of(digits: str) -> CardType | None:
    """The type that the first digits say: the longest prefix that fits."""
    fitting = [
        (len(first), kind)
        for kind in CARD_TYPES
        for first, last in kind.prefixes
        if len(digits) >= len(first) and first <= digits[: len(first)] <= last
    ]
    return max(fitting, key=lambda one: one[0])[1] if fitting else None


def is_whole(digits: str) -> bool:
    """Whether a card number can have no more digits."""
    kind = type_of(digits)
    return len(digits) == LONGEST or (kind is not None and len(digits) == kind.lengths[-1] and _adds_up(digits, kind))


def may_be_whole(digits: str) -> bool:
    """Whether these are the digits of most cards of this type, of which some have more."""
    kind = type_of(digits)
    return kind is not None and len(digits) == kind.usual and _adds_up(digits, kind)


def number_fault(digits: str, allowed: Collection[str]) -> str:
    """Of a card number; `allowed`: names of types."""
    kind = type_of(digits)
    if kind is None or len(digits) not in kind.lengths or not _adds_up(digits, kind):
        return "invalid-card-number"
    names = {kind.name, "optima"} if kind.name == "amex" else {kind.name}
    return "" if names & set(allowed) else "invalid-card-type"


def date_fault(digits: str, now: Month) -> str:
    """Of a MMYY: a card is good until its month ends. The century is ours."""
    if len(digits) != 4 or not 1 <= int(digits[:2]) <= 12:
        return "invalid-date"
    year = now[0] // 100 * 100 + int(digits[2:])
    return "invalid-date" if (year, int(digits[:2])) < now else ""


def code_fault(digits: str, number: str) -> str:
    """Of a security code, for the card with this number."""
    return "" if len(digits) == code_length(number) else "invalid-security-code"


def code_length(number: str) -> int:
    """How many digits a card's security code has."""
    kind = type_of(number)
    return 3 if kind is None else kind.code


def postal_fault(digits: str, least: int) -> str:
    """Of a postal code with `least` digits."""
    return "" if max(1, least) <= len(digits) <= LONGEST_POSTAL_CODE else "invalid-postal-code"


def routing_fault(digits: str) -> str:
    """Of a bank's routing number: nine digits, whose sum weighed by 3, 7 and 1 is a multiple of ten."""
    if len(digits) != 9 or digits == "000000000":
        return "invalid-bank-routing-number"
    total = sum(weight * int(digit) for weight, digit in zip((3, 7, 1) * 3, digits, strict=True))
    return "" if total % 10 == 0 else "invalid-bank-routing-number"


def account_fault(digits: str) -> str:
    """Of a bank account's number."""
    return "" if SHORTEST_ACCOUNT <= len(digits) <= LONGEST_ACCOUNT else "invalid-bank-account-number"


def masked(digits: str) -> str:
    """All but the last four, which are what may be shown of a number (PCI DSS, requirement 3.4)."""
    shown = digits[-4:] if len(digits) > 4 else ""
    return "x" * (len(digits) - len(shown)) + shown


def _adds_up(digits: str, kind: CardType) -> bool:
    return not kind.checked or is_checked(digits)
