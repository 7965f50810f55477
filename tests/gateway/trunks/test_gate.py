"""Scanners are slowed and shut out; nobody honest ever is."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from gateway.trunks.failures import LONGEST, LONGEST_AS_ONE, SHUT, SHUT_AS_ONE
from gateway.trunks.gate import ASKED, FREE, MOST, PROVEN, SHARED, SLOWEST, USERS, Gate

CARRIER = "203.0.113.1"
TRUNK = (CARRIER, 5060)
STRANGER = ("192.0.2.9", 5060)


def gate(kept: int = 100) -> Gate:
    return Gate(CARRIER.__eq__, kept=kept)


def shut_out(one: Gate, peer: tuple[str, int] = STRANGER, now: float = 0.0) -> None:
    """Fails until it is not read."""
    for _ in range(SHARED + 1):
        if one.opens(peer, now):
            one.failed(peer, now)
    assert not one.opens(peer, now)


def test_the_first_failures_are_answered_at_once_then_ever_slower_then_not_at_all() -> None:
    one = gate()
    pauses = [one.failed(STRANGER, 0.0) for _ in range(MOST)]
    assert pauses[:FREE] == [0.0] * FREE
    assert pauses[FREE:] == [1.0, 2.0, 4.0, *[8.0] * (MOST - FREE - 3)]
    assert one.opens(STRANGER, 0.0)
    one.failed(STRANGER, 0.0)
    assert not one.opens(STRANGER, 0.0)
    assert one.shut(0.0) == 1


def test_who_stops_starts_anew() -> None:
    one = gate()
    shut_out(one)
    assert not one.opens(STRANGER, SHUT - 1)
    later = 2 * SHUT
    assert one.opens(STRANGER, later)
    assert [one.failed(STRANGER, later) for _ in range(FREE)] == [0.0] * FREE
    assert one.opens(STRANGER, later)


def test_who_goes_on_has_a_try_now_and_then_ever_more_rarely() -> None:
    """So a phone that tries every five seconds is heard once its password was put right, with nobody's help.

    What it repeated meanwhile (RFC 3261 §17.1.2.2) is heard first.
    """
    one = gate()
    shut_out(one)
    tries: list[int] = []
    for now in range(5, 4 * 3600, 5):
        if not one.opens(STRANGER, now):
            continue
        if not tries or now - tries[-1] > 5:
            tries.append(now)
            for _ in range(8):
                one.asked(STRANGER, now)
            assert one.opens(STRANGER, now), "to be asked for a login is no failure"
        assert one.failed(STRANGER, now) == SLOWEST
        assert not one.opens(STRANGER, now)
    pauses = [later - before for before, later in zip([0, *tries], tries, strict=False)]
    assert pauses == [SHUT, 2 * SHUT, 4 * SHUT, LONGEST, LONGEST]


def test_a_failure_now_and_then_is_forgotten() -> None:
    """A monitor that asks every half minute, for a day."""
    one = gate()
    assert {one.failed(STRANGER, 30.0 * n) for n in range(2880)} == {0.0}


def test_trunks_and_who_has_logged_in_are_never_slowed() -> None:
    one = gate()
    one.failed(STRANGER, 0.0)
    one.proved(STRANGER, 1.0)
    for peer in (TRUNK, STRANGER):
        assert {one.failed(peer, 2.0) for _ in range(1000)} == {0.0}
        assert one.opens(peer, 3.0)
    shut_out(one, now=PROVEN + 2.0)


def test_a_trunk_that_was_shut_out_as_a_stranger_is_let_in() -> None:
    friends: set[str] = set()
    one = Gate(friends.__contains__)
    shut_out(one, TRUNK)
    friends.add(CARRIER)
    one.renew()
    assert one.opens(TRUNK, 1.0)


def test_strangers_may_hear_nothing() -> None:
    one = Gate(CARRIER.__eq__, lambda: False)
    assert one.answers(TRUNK, 0.0)
    assert not one.answers(STRANGER, 0.0)
    one.proved(STRANGER, 0.0)
    assert one.answers(STRANGER, 1.0)


def test_a_source_can_be_forgiven() -> None:
    one = gate()
    shut_out(one)
    assert one.forgive(STRANGER[0])
    assert one.opens(STRANGER, 0.0)
    assert not one.forgive(STRANGER[0])


def test_who_is_forgiven_is_so_with_every_port() -> None:
    one = gate()
    one.proved(("192.0.2.9", 40000), 0.0)
    shut_out(one)
    assert one.forgive(STRANGER[0])
    assert one.opens(STRANGER, 0.0)


def test_to_be_asked_for_a_login_costs_little_until_nobody_ever_logs_in() -> None:
    one = gate()
    for _ in range(int(MOST / ASKED)):
        one.asked(STRANGER, 0.0)
    assert one.opens(STRANGER, 0.0)
    for _ in range(2):
        one.asked(STRANGER, 0.0)
    assert not one.opens(STRANGER, 0.0)


def test_behind_the_address_of_an_office_a_scanner_is_told_apart_by_its_port() -> None:
    one = gate()
    phone, scanner, new = (("192.0.2.9", port) for port in (40001, 40002, 40003))
    one.proved(phone, 0.0)
    for _ in range(MOST + 1):
        one.failed(scanner, 1.0)
    assert not one.opens(scanner, 1.0)
    assert one.opens(phone, 1.0)
    assert one.opens(new, 1.0)
    assert one.failed(new, 1.0) == 0.0
    one.proved(phone, 2.0)
    assert not one.opens(scanner, 2.0), "the login of another does not help it"


def test_a_scanner_that_changes_its_port_shuts_out_all_but_who_has_logged_in() -> None:
    one = gate(kept=1000)
    phone = ("192.0.2.9", 40001)
    one.proved(phone, 0.0)
    for port in range(SHARED + 1):
        assert one.opens(("192.0.2.9", 1024 + port), 1.0)
        one.failed(("192.0.2.9", 1024 + port), 1.0)
    assert not one.opens(("192.0.2.9", 5000), 1.0)
    assert one.opens(phone, 1.0)


@pytest.mark.parametrize(
    ("other", "same"),
    [("2001:db8:0:1::2", True), ("2001:db8:0:1:ffff::", True), ("2001:db8:0:2::1", False), ("192.0.2.1", False)],
)
def test_one_host_has_all_addresses_of_a_64(other: str, same: bool) -> None:
    one = gate()
    shut_out(one, ("2001:db8:0:1::1", 5060))
    assert one.opens((other, 5060), 0.0) is not same


def test_neighbours_of_a_scanner_are_no_scanners() -> None:
    one = gate()
    shut_out(one)
    assert one.opens(("192.0.2.10", 5060), 0.0)


def test_what_is_over_is_forgotten() -> None:
    one = gate(kept=10_000)
    for number in range(500):
        peer = (f"198.51.{number // 250}.{number % 250}", 5060)
        one.proved((peer[0], 6000), 0.0)
        shut_out(one, peer)
    assert one.shut(0.0) == 500
    assert len(one) == 2000
    for number in range(500):
        one.proved(("192.0.2.1", 5060), PROVEN + number)
        one.failed(STRANGER, PROVEN + number)
        one.failed(("192.0.2.1", 5061), PROVEN + number)
    assert len(one) <= 5


def test_the_table_is_bounded() -> None:
    one, random = gate(kept=50), Random(1)
    for second in range(2000):
        peer = (f"198.51.{random.randrange(256)}.{random.randrange(256)}", random.randrange(65536))
        (one.failed if random.random() < 0.5 else one.proved)(peer, second / 10)
    assert len(one) <= 4 * 50


def tries(one: Gate, user: str | None, end: float = 4 * 3600.0, every: float = 5.0) -> list[float]:
    """When something that fails each few seconds is answered, once it was shut out for the first time."""
    heard, now, was_shut = [], 0.0, False
    while (now := now + every) < end:
        if not one.opens(STRANGER, now):
            was_shut = True
            continue
        one.failed(STRANGER, now, user)
        if was_shut:
            heard.append(now)
    return heard


def test_who_always_would_be_the_same_user_waits_less() -> None:
    """A phone with a wrong password does so; whether there is such a user makes no difference."""
    alone, named = tries(gate(), "bob@phones.example"), tries(gate(), "")
    waits = [late - early for early, late in pairwise(alone)]
    assert waits[0] <= 2 * SHUT_AS_ONE + 10
    assert max(waits) <= LONGEST_AS_ONE + 10
    assert max(late - early for early, late in pairwise(named)) > SHUT
    assert len(alone) < 4 * 3600 / LONGEST_AS_ONE * 3


def test_who_would_be_several_users_waits_as_any_scanner() -> None:
    one = gate()
    for user in ("alice", "bob", *["alice"] * MOST):
        one.failed(STRANGER, 0.0, f"{user}@phones.example")
    assert not one.opens(STRANGER, SHUT - 1)
    named = gate()
    for user in ("bob@phones.example", "", *["bob@phones.example"] * MOST):  # the second came without a login
        named.failed(STRANGER, 0.0, user)
    assert not named.opens(STRANGER, SHUT - 1)


def test_a_phone_that_also_asks_whether_we_live_is_still_one_user() -> None:
    one = gate()
    for user in ["bob@phones.example", None] * MOST:
        one.failed(STRANGER, 0.0, user)
    assert one.opens(STRANGER, SHUT_AS_ONE + 1)


MINE, OTHERS = "alice@phones.example", "bob@phones.example"


def guesses(one: Gate, peer: tuple[str, int], now: float, most: int = 1000) -> int:
    """How many logins as somebody else are looked at."""
    for number in range(most):
        if not one.may_try(peer, OTHERS, now):
            return number
        assert one.failed(peer, now, OTHERS) == 0.0  # who has logged in is never slowed
    return most


def test_who_has_logged_in_does_not_guess_others_without_end() -> None:
    one = gate()
    one.proved(STRANGER, 0.0, MINE)
    assert guesses(one, STRANGER, 0.0) == MOST + 1
    one.proved(STRANGER, 1.0, MINE)  # which is no way out
    assert not one.may_try(STRANGER, OTHERS, 1.0)
    assert one.may_try(STRANGER, MINE, 1.0)
    assert one.opens(STRANGER, 1.0)
    assert one.failed(STRANGER, 1.0, MINE) == 0.0
    assert one.forgive(STRANGER[0])
    assert one.may_try(STRANGER, OTHERS, 1.0)


def test_nor_from_many_ports_of_its_host() -> None:
    one = gate()
    looked_at = 0
    for port in range(5060, 5100):
        one.proved(("192.0.2.9", port), 0.0, MINE)
        looked_at += guesses(one, ("192.0.2.9", port), 0.0)
    assert looked_at == SHARED + 1


def test_wrong_logins_as_oneself_are_no_guesses() -> None:
    """A phone whose password was changed at one end; a PBX that logs in as several users."""
    one = gate()
    one.proved(STRANGER, 0.0, MINE)
    one.proved(STRANGER, 0.0, OTHERS)
    for _ in range(1000):
        one.failed(STRANGER, 1.0, OTHERS)
    assert one.may_try(STRANGER, OTHERS, 1.0)


def test_the_users_of_one_peer_are_bounded() -> None:
    one = gate()
    for number in range(2 * USERS):
        one.proved(STRANGER, 0.0, f"user{number}@phones.example")
    assert len(one._proven[STRANGER].users) == USERS
    assert f"user{2 * USERS - 1}@phones.example" in one._proven[STRANGER].users
