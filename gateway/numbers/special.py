"""What the premium-rate and shared-cost numbers of a country begin with, read off the tables of the field.

The tables have patterns. A pattern's beginnings are its digits, classes, groups and alternatives, up to the first place
where any digit may stand.
"""

from __future__ import annotations

from functools import cache

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

ANY = frozenset("0123456789")
Heads = tuple[set[str], bool, str]  # beginnings, whether they are all there is, and the text that follows


@cache
def prefixes(iso_code: str) -> tuple[str, ...]:
    """Of a country, in E.164 with the plus."""
    table = PhoneMetadata.metadata_for_region(iso_code)
    assert table is not None, "only countries of the numbering plan are asked for"
    patterns = [kind.national_number_pattern for kind in (table.premium_rate, table.shared_cost) if kind is not None]
    found = {head for pattern in patterns if pattern for head in beginnings(pattern)}
    shortest = {head for head in found if not any(head != one and head.startswith(one) for one in found)}
    return tuple(f"+{phonenumbers.country_code_for_region(iso_code)}{head}" for head in sorted(shortest))


def beginnings(pattern: str) -> set[str]:
    """The literal beginnings of what a pattern of the tables matches."""
    heads, _, rest = _alternatives(pattern)
    assert rest == "", f"{pattern} is not read to its end"
    return heads


def _alternatives(text: str) -> Heads:
    heads, whole, text = _sequence(text)
    while text.startswith("|"):
        more, more_whole, text = _sequence(text[1:])
        heads, whole = heads | more, whole and more_whole
    return heads, whole, text


def _sequence(text: str) -> Heads:
    heads, whole = {""}, True
    while text and text[0] not in "|)":
        choices, known, text = _item(text)
        counted = text[:1] in ("{", "?")  # once, often or never: what follows stands at no certain place
        if counted:
            text = text[1:] if text[0] == "?" else text.partition("}")[2]
        elif whole:
            heads = {head + choice for head in heads for choice in choices}
        whole = whole and known and not counted
    return heads, whole, text


def _item(text: str) -> Heads:
    """One thing of a sequence."""
    if text.startswith("(?:"):
        heads, whole, text = _alternatives(text[3:])
        return heads, whole, text.removeprefix(")")
    if text.startswith("["):
        inside, _, text = text[1:].partition("]")
        return _members(inside), True, text
    if text.startswith(r"\d"):
        return {""}, False, text[2:]
    return {text[0]}, True, text[1:]


def _members(inside: str) -> set[str]:
    r"""The digits of a class: `0-36-9`; `\d` is all of them."""
    found = set(ANY if r"\d" in inside else ())
    digits = inside.replace(r"\d", "")
    while digits:
        if digits[1:2] == "-":
            found |= {str(digit) for digit in range(int(digits[0]), int(digits[2]) + 1)}
            digits = digits[3:]
        else:
            found.add(digits[0])
            digits = digits[1:]
    return found
