"""What all machines with timers share: a state, a table, named deadlines, and an alarm clock for all of them."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count
from typing import Any, Protocol


class Rings(Protocol):
    """A machine with deadlines."""

    timers: dict[str, float]

    def ring(self, name: str, now: float) -> Sequence[Any]:
        """The deadline `name` is over."""


class Alarms:
    """The deadlines of many machines; a deadline that was moved or removed rings no more."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, Rings]] = []
        self._order = count()

    def set(self, machine: Rings, name: str, at: float) -> None:
        """(Re)sets a deadline."""
        machine.timers[name] = at
        heapq.heappush(self._heap, (at, next(self._order), name, machine))

    def next(self) -> float | None:
        """The earliest deadline."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> tuple[Rings, str] | None:
        """A machine whose deadline is over, and its name; None when there is none."""
        self._drop_stale()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, name, machine = heapq.heappop(self._heap)
        del machine.timers[name]
        return machine, name

    def _drop_stale(self) -> None:
        while self._heap and self._heap[0][3].timers.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
