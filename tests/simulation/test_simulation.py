"""Thousands of random calls in virtual time: every one ends, and no machine and no timer is left."""

from __future__ import annotations

import pytest

from tests.simulation.short import Pair
from tests.simulation.world import failures

CALLS, BATCH = 2000, 250  # the other eight thousand: tests/interop/test_ten_thousand_calls.py


@pytest.mark.parametrize("first", range(1, CALLS + 1, BATCH))
def test_every_call_ends(first: int) -> None:
    """Loss, delay, disorder, repeats, broken connections, crashes, stopped processes; both users at random."""
    failed = failures(first, first + BATCH - 1)
    assert not failed, "\n".join(failed)


def test_short_calls_leave_nothing_behind() -> None:
    """Ten more calls, ten more objects would be a leak; a few dozen are caches of the interpreter."""
    pair = Pair()
    pair.run(300)
    before = pair.kept()
    pair.run(600)
    after = pair.kept()
    assert after.objects - before.objects < 100
    assert after.blocks - before.blocks < 600
    assert after.deadlines == 0
