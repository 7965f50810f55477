"""[limits]: calls in a second and at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.limits import LATER, Limits
from tests.lib.loop import VirtualClock, run


def test_without_numbers_there_is_no_limit() -> None:
    limits = Limits()
    assert all(limits.admit(0.0, living) is None for living in range(1000))


def test_so_many_calls_at_once() -> None:
    limits = Limits(concurrency=2)
    assert [limits.admit(0.0, living) for living in (0, 1, 2, 3, 1)] == [None, None, LATER, LATER, None]


def test_so_many_calls_in_a_second() -> None:
    limits = Limits(cps=2)
    assert [limits.admit(at, 0) for at in (0.0, 0.25, 0.5, 1.0, 1.2, 1.25)] == [
        None, None, 0.5, None, pytest.approx(0.05), None,
    ]  # fmt: skip


def test_less_than_one_call_in_a_second() -> None:
    limits = Limits(cps=0.5)
    assert [limits.admit(at, 0) for at in (0, 1, 2, 3.5, 4)] == [None, 1.0, None, 0.5, None]


def test_a_call_that_has_no_place_takes_no_turn() -> None:
    limits = Limits(cps=1, concurrency=1)
    assert [limits.admit(0.0, 1), limits.admit(0.0, 0)] == [LATER, None]


def test_who_waits_as_told_is_admitted() -> None:
    async def main(clock: VirtualClock) -> list[float]:
        limits, started = Limits(cps=5), []
        while len(started) < 26:
            wait = limits.admit(clock.now(), 0)
            if wait is None:
                started.append(clock.now())
            else:
                await asyncio.sleep(wait + 1e-6)
        return started

    started = run(main)
    assert started[-1] == pytest.approx(5.0, abs=0.01)
    assert all(started[at + 5] - started[at] >= 1 for at in range(20))


@given(st.floats(0.1, 20), st.lists(st.floats(0, 2), max_size=60))
def test_no_window_has_more_than_its_share(cps: float, pauses: list[float]) -> None:
    limits, now, started = Limits(cps=cps), 0.0, []
    for pause in pauses:
        now += pause
        if limits.admit(now, 0) is None:
            started.append(now)
    for first in started:
        assert sum(first <= at < first + 1 for at in started) <= max(1, -(-cps // 1))
