"""Phone numbers as E.164."""

from __future__ import annotations

import re

import phonenumbers

HOME = "US"  # what a number without a country is read as

_DIALLED = re.compile(r"\+?[0-9().\- ]+")


def normal(text: str) -> str | None:
    """`+15005550006` from how people and trunks write it; None for what is no phone number.

    A number with its `+` is only checked for its form, because carriers know numbers that no table has. Without it,
    it is read as an international number where it starts with the country code, else as a US national one.
    """
    if not _DIALLED.fullmatch(text):
        return None
    digits = re.sub(r"\D", "", text)
    if text.startswith("+"):
        return f"+{digits}" if 7 <= len(digits) <= 15 and digits[0] != "0" else None
    try:
        number = phonenumbers.parse(text, HOME)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
