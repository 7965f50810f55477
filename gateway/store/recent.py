"""What was read a moment ago. Another process may change it, so it is believed for a second and a read only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from gateway.clock import Clock

V = TypeVar("V")

SECONDS = 1.0
MOST = 10_000


class Recent(Generic[V]):
    """Values by name; the owner forgets what it changes itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()
        self._changes = 0

    async def get(self, name: str, read: Callable[[], Awaitable[V]]) -> V:
        """The value, read again where it is not recent."""
        found = self._values.get(name)
        if found is not None:
            if self._clock.now() - found[0] < SECONDS:
                return found[1]
            self._values[name] = self._clock.now(), found[1]  # others take this while one reads
        changes = self._changes
        value = await read()
        if changes == self._changes:  # nothing was changed while it was read
            self._values[name] = self._clock.now(), value
            self._values.move_to_end(name)
            if len(self._values) > MOST:
                self._values.popitem(last=False)
        return value

    def forget(self) -> None:
        """Something was changed."""
        self._changes += 1
        self._values.clear()
