"""What `Pay` asks of a call, and how what a caller enters is judged (twiml-voice.md §30). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from twiml.control import Prompt

NUMBER, EXPIRY, CODE, POSTAL = "payment-card-number", "expiration-date", "security-code", "postal-code"
ROUTING, ACCOUNT, PROCESSING = "bank-routing-number", "bank-account-number", "payment-processing"
# what is known of cards by their first digits and their length
CARDS = {
    "visa": r"4\d{12}(\d{3}){0,2}", "mastercard": r"(5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}",
    "amex": r"3[47]\d{13}", "discover": r"(6011|65\d{2}|64[4-9]\d)\d{12}", "diners-club": r"3(0[0-5]|[689]\d)\d{11}",
    "jcb": r"(2131|1800|35\d{3})\d{11}", "maestro": r"(5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}",
    "optima": r"3707\d{11}", "enroute": r"(2014|2149)\d{11}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """A `<Prompt>`: what is heard before something is entered, and when it is this one that is heard."""

    prompts: tuple[Prompt, ...]
    for_: frozenset[str] = frozenset()  # empty: for everything
    errors: frozenset[str] = frozenset()  # empty: whatever was wrong, or nothing
    attempts: frozenset[int] = frozenset()
    cards: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PayPlan:
    """What is collected, and what is done with it. `postal_code`: one that is known already."""

    steps: tuple[str, ...]
    method: str = "credit-card"
    bank_account_type: str = "consumer-checking"
    timeout: float = 5.0
    attempts: int = 2
    postal_code: str = ""
    least_postal: int = 1
    cards: frozenset[str] = frozenset({"visa", "mastercard", "amex"})
    connector: str = "Default"
    token_type: str = "reusable"
    charge: str = ""  # empty: only a token is made
    currency: str = "usd"
    description: str = ""
    asks: tuple[Ask, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    status_callback: str | None = None
    status_callback_method: str = "POST"


@dataclass(slots=True)
class Entered:
    """What the caller has entered so far, by step; never shown."""

    values: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def card(self) -> str:
        """The kind of card; empty where that is not known."""
        return card_type(self.values.get(NUMBER, ""))

    def masked(self) -> dict[str, str]:
        """What the app is told of it."""
        names = {NUMBER: "PaymentCardNumber", CODE: "SecurityCode", ACCOUNT: "BankAccountNumber"}
        plain = {EXPIRY: "ExpirationDate", POSTAL: "PaymentCardPostalCode", ROUTING: "BankRoutingNumber"}
        told = {names[step]: mask(value, step) for step, value in self.values.items() if step in names}
        told |= {plain[step]: value for step, value in self.values.items() if step in plain}
        return told | ({"PaymentCardType": self.card} if self.card else {})


def mask(value: str, step: str) -> str:
    """All but the last four digits of a number, all of a code."""
    kept = "" if step == CODE else value[-4:] if len(value) > 8 else ""
    return "x" * (len(value) - len(kept)) + kept


def card_type(number: str) -> str:
    """By its first digits."""
    return next((name for name, form in CARDS.items() if re.fullmatch(form, number, re.ASCII)), "")


def checksum_holds(number: str) -> bool:
    """Luhn's (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def fault(plan: PayPlan, step: str, value: str, entered: Mapping[str, str], month: tuple[int, int]) -> str:
    """Twilio's `ErrorType` of what was entered, empty where it is good. `month`: year and month of now."""
    if not value:
        return "timeout"
    match step:
        case "payment-card-number":
            if not (12 <= len(value) <= 19 and checksum_holds(value)):
                return "invalid-card-number"
            return "" if card_type(value) in plan.cards else "invalid-card-type"
        case "expiration-date":
            good = re.fullmatch(r"(0[1-9]|1[0-2])\d\d", value, re.ASCII)
            return "" if good and (2000 + int(value[2:]), int(value[:2])) >= month else "invalid-date"
        case "security-code":
            wanted = 4 if card_type(entered.get(NUMBER, "")) == "amex" else 3
            return "" if len(value) == wanted else "invalid-security-code"
        case "postal-code":
            return "" if len(value) >= plan.least_postal else "invalid-postal-code"
        case "bank-routing-number":
            return "" if len(value) == 9 and _aba(value) else "invalid-bank-routing-number"
    return "" if 4 <= len(value) <= 17 else "invalid-bank-account-number"


def _aba(number: str) -> bool:
    """The checksum of the American Bankers Association."""
    return sum(int(digit) * weight for digit, weight in zip(number, (3, 7, 1) * 3, strict=True)) % 10 == 0


def lengths(step: str, entered: Entered) -> int | None:
    """How many digits end it at once."""
    code = 4 if entered.card == "amex" else 3
    return {EXPIRY: 4, CODE: code, ROUTING: 9}.get(step)


SAID = {
    NUMBER: "Please enter your card number, then press pound.",
    EXPIRY: "Please enter the expiration date, two digits for the month and two for the year.",
    CODE: "Please enter the security code of your card.",
    POSTAL: "Please enter your postal code, then press pound.",
    ROUTING: "Please enter your bank's routing number.",
    ACCOUNT: "Please enter your account number, then press pound.",
    PROCESSING: "Thank you. Your payment is being processed.",
}
AGAIN = "That was not valid. "


def prompts(plan: PayPlan, step: str, error: str, attempt: int, card: str) -> tuple[Prompt, ...] | str:
    """What is heard: the document's prompt that speaks of this error, else one that fits, else our own words."""
    for ask in sorted(plan.asks, key=lambda one: error not in one.errors):
        turn = not ask.attempts or attempt in ask.attempts
        about = (not ask.for_ or step in ask.for_) and (not ask.errors or error in ask.errors)
        if about and turn and (not ask.cards or card in ask.cards):
            return ask.prompts
    return f"{AGAIN if error else ''}{SAID[step]}"
