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


SPARE = 64  # stale deadlines that are not worth sweeping


class Alarms:
    """The deadlines of many machines; a deadline that was moved or removed rings no more.

    Those are swept out when they are half of all, so that a machine that is done is not kept until its time comes.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, Rings]] = []
        self._order = count()
        self._most = SPARE

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, machine: Rings, name: str, at: float) -> None:
        """(Re)sets a deadline."""
        machine.timers[name] = at
        heapq.heappush(self._heap, (at, next(self._order), name, machine))
        if len(self._heap) > self._most:
            self._heap = [one for one in self._heap if _stands(one)]
            heapq.heapify(self._heap)
            self._most = 2 * len(self._heap) + SPARE

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
        while self._heap and not _stands(self._heap[0]):
            heapq.heappop(self._heap)


def _stands(deadline: tuple[float, int, str, Rings]) -> bool:
    at, _, name, machine = deadline
    return machine.timers.get(name) == at
