"""The one clock of the gateway: nothing else in the room asks what time it is.

`now()` is monotonic seconds and the only base of durations; `wall()` is UTC for what people read. Every await on
a thread, process, file or database runs inside `working()`, so that a loop in virtual time knows that real work is
under way and does not jump over it.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the gateway takes its time from."""

    def now(self) -> float:
        """Monotonic seconds, on the same base as the running loop's `time()`."""

    def wall(self) -> datetime:
        """The current time in UTC, timezone-aware."""

    def working(self) -> AbstractContextManager[None]:
        """Marks real work (a thread, process, file or database) that virtual time must wait for."""


class SystemClock:
    """The clock of the product: the operating system's."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def working(self) -> AbstractContextManager[None]:
        return nullcontext()
