"""The rest of ten thousand random calls in virtual time; it takes too long to be among the quick tests."""

from __future__ import annotations

import pytest

from tests.simulation.test_simulation import CALLS
from tests.simulation.world import failures

BATCH = 1000


@pytest.mark.parametrize("first", range(CALLS + 1, 10_000, BATCH))
def test_every_call_ends(first: int) -> None:
    """See tests/simulation/world.py for what may happen to a call, and for what must hold."""
    failed = failures(first, first + BATCH - 1)
    assert not failed, "\n".join(failed)
