"""What a trunk makes of numbers, callers and targets. Pure: chance comes in as an argument."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from random import Random
from typing import Protocol, TypeVar

from gateway.numbers.e164 import EMERGENCY, normal
from gateway.trunks.model import Numbers, Trunk
from sip.grammar import quote

Header = tuple[str, str]


def dialled(number: str, rules: Numbers) -> str:
    """How a number in E.164 is written to a carrier; emergency numbers stay as they are."""
    if number in EMERGENCY:
        return number
    if rules.strip and number.startswith(rules.strip):
        number = number.removeprefix(rules.strip)
    elif rules.form == "national":
        number = number.removeprefix(f"+{rules.country}").lstrip("+")
    elif rules.form == "digits":
        number = number.lstrip("+")
    return rules.prefix + number


def understood(text: str, rules: Numbers) -> str | None:
    """A carrier's way of writing a number as E.164; None for what is no number."""
    if text in EMERGENCY:
        return text
    if rules.prefix and text.startswith(rules.prefix):
        text = text.removeprefix(rules.prefix)
        if rules.strip:
            return normal(rules.strip + text)
    if text.startswith("+") or not text.isdigit():
        return normal(text)
    if rules.form == "digits" and (whole := normal(f"+{text}")) is not None:
        return whole
    if rules.form == "national" and rules.country != "1":
        return normal(f"+{rules.country}{text.lstrip('0')}")
    return normal(text)


class Weighted(Protocol):
    """One of several ways to somebody."""

    @property
    def uri(self) -> str: ...

    @property
    def priority(self) -> int: ...

    @property
    def weight(self) -> int: ...


W = TypeVar("W", bound=Weighted)


def ordered(targets: Sequence[W], down: Collection[str], random: Random) -> list[W]:
    """The order of the tries: by priority, among equals by chance and weight; targets that are down last."""
    order: list[W] = []
    for _, group in groupby(sorted(targets, key=lambda one: one.priority), key=lambda one: one.priority):
        order += _shuffled(list(group), random)
    return sorted(order, key=lambda one: one.uri in down)


def _shuffled(targets: list[W], random: Random) -> list[W]:
    """RFC 2782: each place is drawn among what is left, in proportion to the weights."""
    order = []
    while len(targets) > 1:
        weights = [target.weight for target in targets]
        chosen = random.choices(targets, weights if any(weights) else None)[0]
        targets.remove(chosen)
        order.append(chosen)
    return order + targets


def shown(trunk: Trunk, caller: str) -> str:
    """The caller as the trunk shows it, and writes it."""
    caller = trunk.caller_id or caller
    return dialled(caller, trunk.numbers) if caller.startswith("+") else caller


def identity_of(address: str, host: str, display: str = "") -> str:
    """A From or To from Twilio's address: a SIP URI stays, a number or name becomes its user (RFC 3323 §4.1.1.3).

    `display`: the name that is shown with it. The headers of a URI are left out (RFC 3261 §19.1.1).
    """
    if address == "anonymous":
        return '"Anonymous" <sip:anonymous@anonymous.invalid>'
    name = f"{quote(display)} " if display else ""
    if address.startswith(("sip:", "sips:")):
        return f"{name}<{address.partition('?')[0]}>"
    user = address.removeprefix("client:").removeprefix("app:").partition("?")[0]
    return f"{name}<sip:{user}@{host.partition(';')[0]}>"


def caller_headers(trunk: Trunk, caller: str, host: str) -> tuple[Header, ...]:
    """Who calls, in the carrier's way (RFC 3325; Remote-Party-ID as carriers know it), and the trunk's own headers."""
    own = tuple(trunk.headers.items())
    if trunk.identity == "none":
        return own
    who = shown(trunk, caller)
    if who == "anonymous":
        return (("Privacy", "id"), *own)
    value = identity_of(who, host)
    if trunk.identity == "remote-party-id":
        display = "" if value == f"<{who}>" else f"{quote(who)} "
        value = f"{display}{value};party=calling;privacy=off;screen=yes"
    return ((_IDENTITIES[trunk.identity], value), *own)


_IDENTITIES = {
    "p-asserted-identity": "P-Asserted-Identity",
    "p-preferred-identity": "P-Preferred-Identity",
    "remote-party-id": "Remote-Party-ID",
}
