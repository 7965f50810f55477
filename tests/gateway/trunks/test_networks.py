"""Networks as operators write them."""

from __future__ import annotations

import pytest

from gateway.trunks.networks import hold, host


@pytest.mark.parametrize(
    ("networks", "source", "held"),
    [
        (["203.0.113.0/24"], "203.0.113.9", True),
        (["203.0.113.9"], "203.0.113.9", True),
        (["203.0.113.9/24"], "203.0.113.1", True),
        (["2001:db8::/32", "203.0.113.0/24"], "2001:db8::1", True),
        (["203.0.113.0/24"], "2001:db8::1", False),
        (["203.0.113.0/24"], "203.0.114.1", False),
        ([], "203.0.113.9", False),
    ],
)
def test_who_is_in_a_network(networks: list[str], source: str, held: bool) -> None:
    assert hold(networks, source) is held


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
    ],
)
def test_what_one_host_has_for_addresses(source: str, name: str) -> None:
    assert host(source) == name
