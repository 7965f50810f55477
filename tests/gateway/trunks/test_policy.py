"""Numbers as carriers write them, the order of targets, and who calls."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from gateway.trunks.model import Numbers, Target, Trunk
from gateway.trunks.policy import caller_headers, dialled, ordered, understood


@pytest.mark.parametrize(
    ("rules", "e164", "written"),
    [
        ({}, "+12125550123", "+12125550123"),
        ({"form": "digits"}, "+12125550123", "12125550123"),
        ({"form": "national"}, "+12125550123", "2125550123"),
        ({"form": "national", "prefix": "9"}, "+12125550123", "92125550123"),
        ({"form": "national", "country": "49", "prefix": "0"}, "+4930123456", "030123456"),
        ({"strip": "+1", "prefix": "011"}, "+12125550123", "0112125550123"),
        ({"form": "digits", "prefix": "00"}, "+4930123456", "004930123456"),
        ({"prefix": "777#"}, "+12125550123", "777#+12125550123"),
    ],
)
def test_a_number_goes_out_and_comes_back(rules: dict[str, Any], e164: str, written: str) -> None:
    numbers = Numbers(**rules)
    assert dialled(e164, numbers) == written
    assert understood(written, numbers) == e164


def test_emergency_numbers_stay_as_they_are() -> None:
    assert dialled("911", Numbers(form="national", prefix="9")) == "911"
    assert understood("911", Numbers(form="digits")) == "911"


def test_what_is_no_number_is_none() -> None:
    assert understood("bob", Numbers(form="digits")) is None
    assert understood("", Numbers()) is None


def targets(*rows: tuple[str, int, int]) -> list[Target]:
    return [Target(uri=f"sip:{name}.example", priority=priority, weight=weight) for name, priority, weight in rows]


def test_lower_priorities_come_first_and_weights_share_the_rest() -> None:
    """RFC 2782: in proportion to the weights."""
    some, random = targets(("spare", 10, 1), ("big", 0, 3), ("small", 0, 1)), Random(1)
    orders = [[target.uri for target in ordered(some, (), random)] for _ in range(4000)]
    assert all(order[2] == "sip:spare.example" for order in orders)
    first = Counter(order[0] for order in orders)
    assert 0.72 < first["sip:big.example"] / 4000 < 0.78


def test_targets_that_are_down_come_last_but_stay() -> None:
    some = targets(("one", 0, 1), ("two", 1, 1))
    assert [target.uri for target in ordered(some, {"sip:one.example"}, Random(1))] == [
        "sip:two.example", "sip:one.example",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "caller", "headers"),
    [
        ({}, "+12125550123", ()),
        ({"headers": {"X-Account": "7"}}, "+12125550123", (("X-Account", "7"),)),
        (
            {"identity": "p-asserted-identity"}, "+12125550123",
            (("P-Asserted-Identity", "<sip:+12125550123@gw.example>"),),
        ),
        (
            {"identity": "p-asserted-identity", "numbers": {"form": "digits"}, "caller_id": "+12125550100"},
            "+12125550123", (("P-Asserted-Identity", "<sip:12125550100@gw.example>"),),
        ),
        (
            {"identity": "remote-party-id"}, "+12125550123",
            (
                (
                    "Remote-Party-ID",
                    '"+12125550123" <sip:+12125550123@gw.example>;party=calling;privacy=off;screen=yes',
                ),
            ),
        ),
        (
            {"identity": "p-preferred-identity"}, "+12125550123",
            (("P-Preferred-Identity", "<sip:+12125550123@gw.example>"),),
        ),
        (
            {"identity": "p-asserted-identity"}, "sip:alice@pbx.example",
            (("P-Asserted-Identity", "<sip:alice@pbx.example>"),),
        ),
        (
            {"identity": "remote-party-id"}, "sip:alice@pbx.example",
            (("Remote-Party-ID", "<sip:alice@pbx.example>;party=calling;privacy=off;screen=yes"),),
        ),
        ({"identity": "p-asserted-identity"}, "client:bob", (("P-Asserted-Identity", "<sip:bob@gw.example>"),)),
        ({"identity": "p-asserted-identity"}, "anonymous", (("Privacy", "id"),)),
    ],
)  # fmt: skip
def test_how_a_carrier_is_told_who_calls(
    fields: dict[str, Any], caller: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert caller_headers(Trunk(name="acme", **fields), caller, "gw.example") == headers
