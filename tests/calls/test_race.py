"""Waiting for what a call's end may overtake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.calls.race import Overtaken, during, first

Future = asyncio.Future[Any]


def racing(test: Callable[[Future, Future], Coroutine[Any, Any, None]]) -> None:
    """Runs a test with what is wanted, and with what stops it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            await test(loop.create_future(), loop.create_future())

    asyncio.run(main())


class Work:
    """A piece of work that waits for a future and tells how it ended."""

    def __init__(self, wanted: Future) -> None:
        self.wanted = wanted
        self.cancelled = False

    async def run(self) -> str:
        try:
            return str(await self.wanted)
        except asyncio.CancelledError:
            self.cancelled = True
            raise


def later(future: Future, result: object = None) -> None:
    asyncio.get_running_loop().call_soon(future.set_result, result)


def test_what_is_there_already_is_not_overtaken() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        wanted.set_result(1)
        stop.set_result(None)
        assert await first(wanted, stop) == 1

    racing(test)


def test_the_first_of_both_decides() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        later(wanted, 1)
        assert await first(wanted, stop) == 1
        later(stop)
        with pytest.raises(Overtaken):
            await first(asyncio.get_running_loop().create_future(), stop)

    racing(test)


def test_work_gives_its_result_and_a_later_stop_changes_nothing() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        later(wanted, "done")
        assert await during(Work(wanted).run(), stop) == "done"
        stop.set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    racing(test)


def test_work_is_cancelled_where_it_is_when_it_is_overtaken() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        work = Work(wanted)
        later(stop)
        with pytest.raises(Overtaken):
            await during(work.run(), stop)
        assert work.cancelled
        await asyncio.sleep(0)  # nobody else is cancelled

    racing(test)


def test_work_that_begins_after_the_stop_is_overtaken_at_its_first_wait() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        stop.set_result(None)
        with pytest.raises(Overtaken):
            await during(Work(wanted).run(), stop)

    racing(test)


@pytest.mark.parametrize("stop_first", [True, False])
def test_both_at_once_leave_no_cancellation_behind(stop_first: bool) -> None:
    async def test(wanted: Future, stop: Future) -> None:
        for future in (stop, wanted) if stop_first else (wanted, stop):
            later(future, "done")
        try:
            assert await during(Work(wanted).run(), stop) == "done"
        except Overtaken:
            assert stop_first
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    racing(test)


def test_the_error_of_the_work_is_the_error() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        asyncio.get_running_loop().call_soon(wanted.set_exception, ValueError("no"))
        with pytest.raises(ValueError, match="no"):
            await during(Work(wanted).run(), stop)

    racing(test)


def test_who_is_cancelled_from_outside_is_not_merely_overtaken() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        for stopped in (False, True):
            task = asyncio.create_task(during(Work(wanted).run(), stop))
            await asyncio.sleep(0)
            if stopped:
                stop.set_result(None)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            wanted = asyncio.get_running_loop().create_future()

    racing(test)


def test_a_time_out_inside_the_work_is_its_own() -> None:
    async def test(wanted: Future, stop: Future) -> None:
        async def work() -> str:
            try:
                async with asyncio.timeout(0.001):
                    return str(await wanted)
            except TimeoutError:
                return "late"

        assert await during(work(), stop) == "late"

    racing(test)
