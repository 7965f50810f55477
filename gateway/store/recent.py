"""What was read a moment ago. Another process may change it, so it is believed for a second only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from gateway.clock import Clock

V = TypeVar("V")

SECONDS = 1.0
MOST = 10_000


class Recent(Generic[V]):
    """Values by name; the owner forgets what it changes itself. Who asks while one is read waits for that reading."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()
        self._readings: dict[str, asyncio.Task[V]] = {}

    async def get(self, name: str, read: Callable[[], Awaitable[V]]) -> V:
        """The value, read again where it is not recent."""
        found = self._values.get(name)
        if found is not None and self._clock.now() - found[0] < SECONDS:
            return found[1]
        reading = self._readings.get(name)
        if reading is None:
            reading = self._readings[name] = asyncio.create_task(self._read(name, read))
        return await asyncio.shield(reading)  # who gives up takes it from nobody else

    async def _read(self, name: str, read: Callable[[], Awaitable[V]]) -> V:
        """Nothing is kept of a reading that `forget` has overtaken."""
        reading = asyncio.current_task()
        try:
            value = await read()
            if self._readings.get(name) is reading:
                self._keep(name, value)
        finally:
            if self._readings.get(name) is reading:
                del self._readings[name]
        return value

    def _keep(self, name: str, value: V) -> None:
        self._values[name] = self._clock.now(), value
        self._values.move_to_end(name)
        if len(self._values) > MOST:
            self._values.popitem(last=False)

    def forget(self) -> None:
        """Something was changed: whoever asks from now on reads it anew."""
        self._values.clear()
        self._readings.clear()
