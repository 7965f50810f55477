"""What was read a moment ago: read once for all who ask, never older than a second, never older than a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from gateway.store.recent import Recent
from tests.lib.loop import VirtualClock, run

READ_SECONDS = 0.1


class Source:
    """Counts how often it is read; each reading gives what was there when it began."""

    def __init__(self, clock: VirtualClock) -> None:
        self.recent: Recent[str] = Recent(clock)
        self.value = "old"
        self.readings = 0

    async def read(self) -> str:
        self.readings += 1
        value = self.value
        await asyncio.sleep(READ_SECONDS)
        if value == "broken":
            raise OSError(value)
        return value

    def ask(self) -> asyncio.Task[str]:
        return asyncio.create_task(self.recent.get("name", self.read))


def with_source(test: Callable[[Source], Coroutine[None, None, None]]) -> None:
    run(lambda clock: test(Source(clock)))


def test_all_who_ask_at_once_wait_for_one_reading() -> None:
    async def test(source: Source) -> None:
        assert await asyncio.gather(*(source.ask() for _ in range(50))) == ["old"] * 50
        await asyncio.sleep(0.9)
        await source.ask()
        assert source.readings == 1
        await asyncio.sleep(0.2)
        await source.ask()
        assert source.readings == 2

    with_source(test)


def test_who_gives_up_waiting_takes_the_reading_from_nobody() -> None:
    async def test(source: Source) -> None:
        first, second = source.ask(), source.ask()
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "old"
        assert source.readings == 1

    with_source(test)


def test_who_asks_after_a_change_gets_nothing_older() -> None:
    async def test(source: Source) -> None:
        before = source.ask()
        await asyncio.sleep(READ_SECONDS / 2)
        source.value = "new"
        source.recent.forget()
        after = source.ask()
        assert (await before, await after, await source.ask()) == ("old", "new", "new")
        assert source.readings == 2

    with_source(test)


def test_a_reading_that_fails_fails_for_all_who_wait_and_for_nobody_later() -> None:
    async def test(source: Source) -> None:
        source.value = "broken"
        for one in [source.ask(), source.ask()]:
            with pytest.raises(OSError, match="broken"):
                await one
        source.value = "well"
        assert await source.ask() == "well"

    with_source(test)
