"""The operator's list of what was refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.trunks.refusals import REST, Refusals

START = datetime(2024, 6, 1, tzinfo=UTC)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def test_what_is_the_same_is_one_line_and_the_newest_comes_first() -> None:
    some = Refusals()
    for second, source in enumerate(("192.0.2.1", "192.0.2.2", "192.0.2.1")):
        some.add(source, "INVITE", 403, "why", at(second))
    first, other = some.newest_first()
    assert (first.source, first.count, first.first, first.last) == ("192.0.2.1", 2, at(0), at(2))
    assert (other.source, other.count) == ("192.0.2.2", 1)
    assert some.newest_first("192.0.2.2") == [other]
    assert some.newest_first(most=1) == [first]
    some.forget("192.0.2.1")
    assert some.newest_first() == [other]
    assert some.total == 3


def test_a_scanner_with_many_names_hides_nobody_and_none_of_its_refusals_is_lost() -> None:
    some = Refusals(lines=5)
    some.add("192.0.2.1", "REGISTER", 401, "wrong password", at(0))
    for number in range(1000):
        some.add("192.0.2.2", "REGISTER", 401, f"unknown user {number}", at(number))
    assert [line.reason for line in some.newest_first("192.0.2.1")] == ["wrong password"]
    lines = some.newest_first("192.0.2.2")
    assert sum(line.count for line in lines) == 1000
    assert len(lines) <= 5
    (rest,) = (line for line in lines if line.reason == REST)
    assert (rest.first, rest.last, rest.count) == (at(0), at(995), 996)


def test_the_list_is_bounded() -> None:
    some = Refusals(sources=10, lines=5)
    for number in range(1000):
        some.add(f"192.0.2.{number % 50}", "OPTIONS", 400, str(number), at(number))
    assert len(some) <= 50
    assert some.total == 1000
