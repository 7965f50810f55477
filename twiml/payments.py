"""A payment: which fields make one, when each is complete and right, and what may be told of it.

Both who is asked by `<Pay>` and who is helped by an agent go by this table. What was entered is shown by nothing but
`told`, which masks it (twiml-voice.md §30: action).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twiml import cards

CARD, BANK = "credit-card", "ach-debit"
METHODS = (CARD, BANK)
TOKEN_TYPES = ("one-time", "reusable", "payment-method")
BANK_ACCOUNT_TYPES = ("consumer-checking", "consumer-savings", "commercial-checking", "commercial-savings")
NUMBER, DATE, CODE, POSTAL = "payment-card-number", "expiration-date", "security-code", "postal-code"
ROUTING, ACCOUNT = "bank-routing-number", "bank-account-number"
PROCESSING = "payment-processing"
MATCHER = "-matcher"  # behind a field that is entered a second time
REST = 1.5  # seconds without a key after a card number that may have more digits
MISMATCH = "input-matching-failed"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a payment asks for. `amount` 0: no charge, a token. `postal`: one that is known already."""

    connector: str = "Default"
    method: str = CARD
    amount: str = "0"
    currency: str = "usd"
    description: str = ""
    token_type: str = "reusable"
    bank_account_type: str = "consumer-checking"
    card_types: tuple[str, ...] = ("visa", "mastercard", "amex")
    wants_code: bool = True
    wants_postal: bool = True
    postal: str = ""
    least_postal: int = 0
    timeout: float = 5.0
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def charges(self) -> bool:
        """Whether money is to flow."""
        return float(self.amount) > 0

    @property
    def fields(self) -> tuple[str, ...]:
        """What has to be entered, in order."""
        if self.method == BANK:
            return ROUTING, ACCOUNT
        asked = ((NUMBER, True), (DATE, True), (POSTAL, self.wants_postal and not self.postal), (CODE, self.wants_code))
        return tuple(name for name, wanted in asked if wanted)


@dataclass(slots=True)
class Entered:
    """What was entered so far, by field. It prints as nothing."""

    values: dict[str, str] = field(default_factory=dict, repr=False)

    def get(self, name: str) -> str:
        """Empty where it was not entered."""
        return self.values.get(name, "")

    @property
    def card_type(self) -> str:
        """The name of the type that the number says, or nothing."""
        kind = cards.type_of(self.get(NUMBER))
        return "" if kind is None else kind.name

    def told(self, terms: Terms) -> dict[str, str]:
        """The parameters that say it to the app, with the digits masked."""
        shown = {SHOWN[name][0]: SHOWN[name][1](value) for name, value in self.values.items()}
        if terms.postal and terms.method == CARD:
            shown["PaymentCardPostalCode"] = terms.postal
        kind = {"PaymentCardType": self.card_type} if self.card_type else {}
        bank = {"BankAccountType": terms.bank_account_type} if terms.method == BANK else {}
        return shown | kind | bank


def _as_it_is(value: str) -> str:
    return value


def _hidden(value: str) -> str:
    return "x" * len(value)


SHOWN: Mapping[str, tuple[str, Callable[[str], str]]] = {
    NUMBER: ("PaymentCardNumber", cards.masked),
    DATE: ("ExpirationDate", _as_it_is),
    CODE: ("SecurityCode", _hidden),
    POSTAL: ("PaymentCardPostalCode", _as_it_is),
    ROUTING: ("BankRoutingNumber", _as_it_is),
    ACCOUNT: ("BankAccountNumber", cards.masked),
}
"""Field -> the parameter that tells it, and what of it."""


def is_whole(name: str, digits: str, entered: Entered) -> bool:
    """Whether no more digits of a field are waited for."""
    match name:
        case "payment-card-number":
            return cards.is_whole(digits)
        case "expiration-date":
            return len(digits) == 4
        case "security-code":
            return len(digits) == cards.code_length(entered.get(NUMBER))
        case "bank-routing-number":
            return len(digits) == 9
        case "bank-account-number":
            return len(digits) == cards.LONGEST_ACCOUNT
    return len(digits) == cards.LONGEST_POSTAL_CODE


def patience(name: str, digits: str, timeout: float) -> float:
    """Seconds for another key: less where the digits may be all, as those of a card of which some have more."""
    return min(timeout, REST) if name == NUMBER and cards.may_be_whole(digits) else timeout


def fault(name: str, digits: str, entered: Entered, terms: Terms, now: cards.Month) -> str:
    """What is wrong with a field's digits, in Twilio's word; nothing where they are right."""
    match name:
        case _ if not digits:
            return "timeout"
        case _ if not digits.isdigit():
            return f"invalid-{name.removeprefix('payment-').replace('expiration-', '')}"
        case "payment-card-number":
            return cards.number_fault(digits, terms.card_types)
        case "expiration-date":
            return cards.date_fault(digits, now)
        case "security-code":
            return cards.code_fault(digits, entered.get(NUMBER))
        case "bank-routing-number":
            return cards.routing_fault(digits)
        case "bank-account-number":
            return cards.account_fault(digits)
    return cards.postal_fault(digits, terms.least_postal)


@dataclass(frozen=True, slots=True)
class Payment:
    """What a connector is asked for."""

    terms: Terms
    entered: Entered


@dataclass(frozen=True, slots=True)
class Paid:
    """What a connector answered: `params` for the app; with `error`, why it did not work and Twilio's code of that."""

    params: Mapping[str, str] = field(default_factory=dict)
    code: int = 0
    error: str = ""

    @property
    def told(self) -> dict[str, str]:
        """The parameters of the action: `Result` and what goes with it."""
        if not self.code:
            return {"Result": "success", **self.params}
        said = {"PayErrorCode": str(self.code), "PaymentError": self.error}
        return {"Result": "payment-connector-error", **self.params, **said}
