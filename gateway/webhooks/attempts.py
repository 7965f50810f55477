"""The plan of a callback's attempts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

PATIENCE = timedelta(days=1)  # no callback is given up sooner, however often the gateway was started meanwhile


def pauses() -> Iterator[float]:
    """Seconds between the attempts: doubling to a minute, each minute for an hour, each quarter hour for a day."""
    yield from (1, 2, 4, 8, 16, 32, 60)
    yield from (60 for _ in range(60))
    yield from (900 for _ in range(96))


PLAN = tuple(pauses())
