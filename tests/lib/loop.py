"""An asyncio loop in virtual time: it jumps to the next deadline when nothing is ready and nobody is working.

`run(main)` runs a coroutine function with a `VirtualClock`. While a `clock.working()` block is open, the loop waits
for real (a thread, a process, a file), and time stands still.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2024, 6, 1, 12, 0, 0, tzinfo=UTC)


class VirtualClock:
    """A `gateway.clock.Clock` whose time only the loop moves; what people read may be set besides."""

    def __init__(self) -> None:
        self.time = 0.0
        self.stepped = timedelta()  # by which somebody has set the wall clock
        self.workers = 0

    def now(self) -> float:
        return self.time

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.time) + self.stepped

    @contextmanager
    def working(self) -> Iterator[None]:
        self.workers += 1
        try:
            yield
        finally:
            self.workers -= 1


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting out a timeout, moves the clock by it; waits for real while somebody is working."""

    REAL_WAIT = 30.0  # a working() block that takes longer than this is stuck

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._clock.workers:
            ready = super().select(self.REAL_WAIT)
            assert ready, f"nothing happened in {self.REAL_WAIT} s of real work"
            return ready
        assert timeout is not None, "deadlock: nothing is ready, no timer is set and nobody is working"
        self._clock.time += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`asyncio`'s own loop on a `VirtualClock`."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual = clock
        super().__init__(_JumpingSelector(clock))
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._virtual.time


def run(main: Callable[[VirtualClock], Coroutine[Any, Any, T]]) -> T:
    """Runs `main(clock)` to its end in virtual time and returns what it returned."""
    clock = VirtualClock()
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main(clock))


async def passes(seconds: float) -> None:
    """Virtual time passes."""
    assert isinstance(asyncio.get_running_loop(), VirtualLoop), "only in virtual time"
    await asyncio.sleep(seconds)


async def until(so: Callable[[], object], seconds: int = 60) -> None:
    """Virtual time passes, second by second, until something is so."""
    for _ in range(seconds):
        if so():
            return
        await passes(1)
    raise AssertionError(f"not so within {seconds} s")
