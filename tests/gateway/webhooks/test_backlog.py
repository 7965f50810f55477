"""A long backlog: what is in memory, what is under way, and how it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.store import outbox as stored
from gateway.store.repositories import insert_callbacks
from gateway.store.rows import Callback
from gateway.webhooks import lanes, outbox
from tests.gateway.webhooks.test_outbox import DAY, App, Bench, bench, refusing
from tests.lib.loop import VirtualClock, passes, run

URL = "http://app.example.com/status"
CALLS, EACH = 300, 4


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a small backlog passes."""
    monkeypatch.setattr(outbox, "WHOLE", 50)
    monkeypatch.setattr(lanes, "BEGUN", 20)


async def fill(one: Bench) -> None:
    """`EACH` callbacks of each of `CALLS` calls, as they come when all of them are up."""
    told = [
        Callback("AC1", f"CA{call}", URL, "POST", {"n": str(number)}, f"{call}-{number}")
        for number in range(EACH)
        for call in range(CALLS)
    ]
    await one.store._database.write(*insert_callbacks(told))
    one.outbox.kick()


def whole(one: Bench) -> int:
    """Callbacks that are in memory with all that they say."""
    return sum(waiting.callback is not None for lane in one.outbox._lanes.values() for waiting in lane.queue)


def workers() -> int:
    return sum(task.get_coro().__qualname__ == "Outbox._work" for task in asyncio.all_tasks())  # type: ignore[union-attr]


def test_a_backlog_is_delivered_in_order_and_little_of_it_is_in_memory(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, delay=0.1)
        async with bench(clock, tmp_path, app) as one:
            await fill(one)
            await passes(0.35)
            assert one.outbox.pending > CALLS
            assert whole(one) == one.outbox._whole <= 50 + stored.PAGE
            assert workers() == 20
            await passes(60)
            assert one.outbox.pending == 0
            assert await one.rows() == []
            assert len(app.asked) == CALLS * EACH
            for call in range(CALLS):
                had = [asked for _, asked in app.asked if asked.ordering == f"CA{call}"]
                assert [asked.params["n"] for asked in had] == [str(number) for number in range(EACH)]
            assert one.outbox._whole == 0

    run(main)


def test_a_dead_host_with_a_backlog_is_asked_by_a_few_of_its_calls_and_gets_all_when_it_lives(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda callback: 204 if clock.now() > 3600 else refusing(callback))
        async with bench(clock, tmp_path, app) as one:
            await fill(one)
            await passes(3500)
            assert one.outbox.pending == CALLS * EACH
            assert {callback.ordering for _, callback in app.asked} <= {f"CA{call}" for call in range(20)}
            assert workers() == 0
            await passes(200)
            assert await one.rows() == []

    run(main)


def test_calls_whose_callbacks_an_app_refuses_for_now_cost_no_task_each(tmp_path: Path) -> None:
    """All of them are tried by the plan, some at a time, and all have theirs in order when it takes them again."""

    async def main(clock: VirtualClock) -> None:
        seen: set[int] = set()

        def answer(_: Callback) -> int:
            seen.add(workers())
            return 204 if clock.now() > 100 else 503

        app = App(clock, answer, delay=0.01)
        async with bench(clock, tmp_path, app) as one:
            await fill(one)
            await passes(100)
            assert max(seen) == 20
            assert all(3 <= len(app.times(f"{call}-0")) <= 14 for call in range(CALLS))
            await passes(0.2)
            assert (workers(), whole(one) <= 50 + stored.PAGE) == (0, True)
            await passes(60)
            assert await one.rows() == []
            for call in range(CALLS):
                had = [asked.token for at, asked in app.asked if asked.ordering == f"CA{call}" and at > 100]
                assert had == [f"{call}-{number}" for number in range(EACH)]

    run(main)


def test_a_dead_hosts_backlog_ends_with_its_day_also_what_was_never_asked(tmp_path: Path) -> None:
    """What stands behind a callback that was asked for has a day of its own, as ever."""

    async def main(clock: VirtualClock) -> None:
        app = App(clock, refusing)
        async with bench(clock, tmp_path, app) as one:
            await fill(one)
            await passes(DAY - 60)
            assert not any(row["dead"] for row in await one.rows())
            await passes(2 * 3600)
            rows = await one.rows()
            assert len(rows) == CALLS * EACH
            assert len([row for row in rows if row["dead"]]) >= (CALLS - 20) * EACH
            await one.put("late", call="CA-late")
            await passes(60)
            assert [row["dead"] for row in await one.rows() if row["token"] == "late"] == [False]

    run(main)


def test_a_backlog_is_read_by_pages_and_new_ones_come_behind_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, delay=0.01)
        async with bench(clock, tmp_path, app) as one:
            await fill(one)
            await one.put("last", call="CA0")
            await passes(30)
            assert len(app.asked) == CALLS * EACH + 1
            assert [callback.token for _, callback in app.asked if callback.ordering == "CA0"][-1] == "last"

    run(main)


def test_a_database_that_fails_while_much_is_given_up_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(clock: VirtualClock) -> None:
        app, failures = App(clock, refusing), 0
        async with bench(clock, tmp_path, app) as one:
            failed = one.store.outbox.failed

            async def sometimes(id: int, *given: Any, **more: Any) -> None:
                nonlocal failures
                failures += more["dead"] and id % 50 == 0 and failures < 10
                if more["dead"] and id % 50 == 0 and failures < 10:
                    raise OSError("no space left")
                await failed(id, *given, **more)

            monkeypatch.setattr(one.store.outbox, "failed", sometimes)
            await fill(one)
            await passes(4 * DAY + 8 * 3600)
            rows = await one.rows()
            assert failures == 10
            assert len(rows) == CALLS * EACH
            assert all(row["dead"] for row in rows)
            assert one.outbox.pending == 0

    run(main)
