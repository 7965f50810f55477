"""Scanners are slowed and shut out; nobody honest ever is."""

from __future__ import annotations

from random import Random

from gateway.trunks.gate import FREE, MOST, PROVEN, SHUT, Gate

TRUNK = "203.0.113.1"


def gate(kept: int = 100) -> Gate:
    return Gate(TRUNK.__eq__, kept=kept)


def test_the_first_failures_are_answered_at_once_then_ever_slower_then_not_at_all() -> None:
    one = gate()
    pauses = [one.failed("192.0.2.9", 0.0) for _ in range(MOST)]
    assert pauses[:FREE] == [0.0] * FREE
    assert pauses[FREE:] == [1.0, 2.0, 4.0, *[8.0] * (MOST - FREE - 3)]
    assert one.opens("192.0.2.9", 0.0)
    one.failed("192.0.2.9", 0.0)
    assert not one.opens("192.0.2.9", 0.0)
    assert one.shut(0.0) == 1


def test_who_goes_on_stays_out_and_who_stops_may_come_again() -> None:
    one = gate()
    for _ in range(MOST + 1):
        one.failed("192.0.2.9", 0.0)
    assert not one.opens("192.0.2.9", SHUT - 1)
    assert not one.opens("192.0.2.9", SHUT + 1)
    assert one.opens("192.0.2.9", 2 * SHUT + 2)


def test_a_failure_now_and_then_is_forgotten() -> None:
    """A monitor that asks every half minute, for a day."""
    one = gate()
    assert {one.failed("192.0.2.9", 30.0 * n) for n in range(2880)} == {0.0}


def test_trunks_and_who_has_logged_in_are_never_slowed() -> None:
    one = gate()
    one.failed("192.0.2.9", 0.0)
    one.proved("192.0.2.9", 1.0)
    for source in (TRUNK, "192.0.2.9"):
        assert {one.failed(source, 2.0) for _ in range(100)} == {0.0}
        assert one.opens(source, 3.0)
    for _ in range(MOST + 1):
        one.failed("192.0.2.9", PROVEN + 2.0)
    assert not one.opens("192.0.2.9", PROVEN + 2.0)


def test_a_trunk_that_was_shut_out_as_a_stranger_is_let_in() -> None:
    friends: set[str] = set()
    one = Gate(friends.__contains__)
    for _ in range(MOST + 1):
        one.failed(TRUNK, 0.0)
    assert not one.opens(TRUNK, 1.0)
    friends.add(TRUNK)
    one.renew()
    assert one.opens(TRUNK, 1.0)


def test_strangers_may_hear_nothing() -> None:
    one = Gate(TRUNK.__eq__, lambda: False)
    assert one.answers(TRUNK, 0.0)
    assert not one.answers("192.0.2.9", 0.0)
    one.proved("192.0.2.9", 0.0)
    assert one.answers("192.0.2.9", 1.0)


def test_a_source_can_be_forgiven() -> None:
    one = gate()
    for _ in range(MOST + 1):
        one.failed("192.0.2.9", 0.0)
    assert one.forgive("192.0.2.9")
    assert one.opens("192.0.2.9", 0.0)
    assert not one.forgive("192.0.2.9")


def test_an_hour_of_five_hundred_scanners_beside_honest_phones() -> None:
    """What strangers are answered falls to none, what phones are answered is all; a bounded table."""
    one, random = gate(kept=600), Random(1)
    scanners = [f"198.51.{n // 250}.{n % 250}" for n in range(500)]
    phones = [f"192.0.2.{n}" for n in range(50)]
    answered = [0] * 6
    for second in range(3600):
        now = float(second)
        for _ in range(50):
            source = random.choice(scanners)
            if one.opens(source, now):
                one.failed(source, now)
                answered[second // 600] += 1
        for phone in random.sample(phones, 5):
            assert one.opens(phone, now)
            assert one.failed(phone, now) == 0.0  # a challenge, as at each login
            one.proved(phone, now)
    assert answered[0] <= 500 * 2 * (MOST + 1)  # each asks twice as often as it is forgiven
    assert answered[2:] == [0, 0, 0, 0]
    assert len(one) <= 600
