"""Phone numbers as E.164."""

from __future__ import annotations

import re

import phonenumbers

HOME = "US"  # what a number without a country is read as
EMERGENCY = frozenset({"911", "112", "999", "000", "110", "119", "933", "+911", "+112", "+999", "+1911"})

_NORTH_AMERICA = re.compile(r"\+1[0-9]{10}")
_DIALLED = re.compile(r"\+?[0-9().\- ]+")


def normal(text: str) -> str | None:
    """`+15005550006` from how people and trunks write it; None for what is no phone number.

    A number with its `+` is only checked for its form, because carriers know numbers that no table has. Without it,
    it is read as it is dialled in the US: ten digits, with or without the 1, or 011 and an international number. A
    number that merely starts with the code of another country (`447911123456`) is none: Twilio answers 21211, and a
    guess would call somebody else. Emergency numbers stay as they are: they have no E.164 form.

    A form that is sent without being encoded has a space in place of the `+`; where without it the number would be
    another one, it is none.
    """
    if text.startswith(" "):
        meant, read = normal(f"+{text[1:]}"), normal(text.lstrip(" "))
        return meant if read is None or read == meant else None
    if not _DIALLED.fullmatch(text):
        return None
    if text in EMERGENCY:
        return text
    digits = re.sub(r"\D", "", text)
    if text.startswith("+"):
        return f"+{digits}" if 7 <= len(digits) <= 15 and digits[0] != "0" else None
    try:
        number = phonenumbers.parse(text, HOME)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None  # also the seven digits that only a neighbour may dial
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def as_shown(text: str) -> str:
    """A phone number as E.164, and what is none as it is."""
    return normal(text) or text


def is_e164(text: str) -> bool:
    """Whether it is written as E.164: what the inventory takes."""
    return text.startswith("+") and text not in EMERGENCY and normal(text) == text


def national(number: str) -> str:
    """`(555) 555-0100` from a number of North America; every other address stays as it is."""
    if not _NORTH_AMERICA.fullmatch(number):
        return number
    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.NATIONAL)
