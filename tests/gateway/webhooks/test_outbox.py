"""The outbox in virtual time: the plan of attempts, order, dead letters, and hosts that come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.sids import Sids
from gateway.store import Store, tables
from gateway.store.repositories import insert_callbacks
from gateway.store.rows import Callback
from gateway.store.secret import SecretKey
from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.outbox import Outbox
from tests.lib.loop import VirtualClock, passes, run

URL = "http://app.example.com/status"
DAY = 86400


@dataclass
class App:
    """What is at the other end: `answer` gives a status or raises, a delivery takes `delay` seconds."""

    clock: VirtualClock
    answer: Callable[[Callback], int] = lambda _: 204
    delay: float = 0.0
    asked: list[tuple[float, Callback]] = field(default_factory=list)
    busy: int = 0
    most: int = 0

    async def deliver(self, callback: Callback) -> int:
        """`outbox.Deliver`."""
        self.asked.append((round(self.clock.now(), 6), callback))
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await passes(self.delay)
            return self.answer(callback)
        finally:
            self.busy -= 1

    def times(self, token: str = "") -> list[float]:
        """When it was asked, for a token."""
        return [at for at, callback in self.asked if token in ("", callback.token)]

    def tokens(self) -> list[str]:
        """What it was asked, in order."""
        return [callback.token for _, callback in self.asked]


@dataclass
class Bench:
    """A store with its outbox, which runs."""

    store: Store
    outbox: Outbox

    async def put(self, *tokens: str, call: str = "CA1", url: str = URL) -> None:
        """Commits callbacks of a call."""
        told = [Callback("AC1", call, url, "POST", {"t": token}, token) for token in tokens]
        await self.store._database.write(*insert_callbacks(told))
        self.outbox.kick()

    async def rows(self) -> list[dict[str, Any]]:
        """What the database has, in order."""
        query = sa.select(tables.callbacks).order_by(tables.callbacks.c.id)
        return [dict(row) for row in await self.store._database.read(query)]


@asynccontextmanager
async def bench(clock: VirtualClock, folder: Path, app: App) -> AsyncIterator[Bench]:
    """An outbox that delivers to `app`; again on the same folder it is a restart."""
    store = await Store.open(f"sqlite+aiosqlite:///{folder}/outbox.db", clock, SecretKey(b"x"))
    outbox = Outbox(store, app.deliver, clock, Sids(Random(1)))
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(outbox.run())
            yield Bench(store, outbox)
            task.cancel()
    finally:
        await store.close()


def refusing(_: Callback) -> int:
    raise FetchError(11202, "the connection was refused", kind=Failure.CONNECT)


def test_a_callback_is_tried_for_a_day_by_the_plan(tmp_path: Path) -> None:
    """Doubling to a minute, each minute for an hour, each quarter hour for a day; then it is a dead letter."""

    async def main(clock: VirtualClock) -> None:
        app = App(clock, refusing)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a", "b")
            await passes(2 * DAY)
            pauses = [1, 2, 4, 8, 16, 32, 60] + [60] * 60 + [900] * 96
            plan = [0, *accumulate(pauses)]
            assert app.times("a") == pytest.approx(plan)
            assert plan[-1] > DAY
            assert app.times("b")[0] == pytest.approx(plan[-1])
            first, second = await one.rows()
            assert (first["dead"], first["attempts"]) == (True, len(plan))
            assert first["last_error"] == "11202: the connection was refused"
            assert (second["dead"], one.outbox.pending) == (False, 1)

    run(main)


@pytest.mark.parametrize(("status", "attempts"), [(429, 3), (500, 3), (503, 3), (400, 1), (404, 1), (410, 1), (304, 1)])
def test_what_is_retried(tmp_path: Path, status: int, attempts: int) -> None:
    """429 and 5xx; every other status is final, and the next callback goes on."""

    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda callback: status if callback.token == "a" and len(app.asked) < 3 else 204)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a", "b")
            await passes(4)
            assert app.tokens() == ["a"] * attempts + ["b"]
            rows = await one.rows()
            assert [row["dead"] for row in rows] == ([] if attempts == 3 else [True])
            assert one.outbox.pending == 0

    run(main)


@pytest.mark.parametrize(
    ("code", "kind", "attempts"),
    [(11100, "", 1), (11243, "", 1), (11240, "", 1), (11210, "", 1), (11210, "ct", 3), (11200, "", 3), (11206, "", 3)],
)
def test_what_can_never_be_asked_is_given_up_at_once(tmp_path: Path, code: int, kind: str, attempts: int) -> None:
    """A URL or a connection override that is none; the operator may allow an address meanwhile."""

    async def main(clock: VirtualClock) -> None:
        def answer(_: Callback) -> int:
            raise FetchError(code, "no", kind=Failure(kind))

        app = App(clock, answer)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a")
            await passes(4)
            assert len(app.asked) == attempts
            (row,) = await one.rows()
            assert row["dead"] == (attempts == 1)
            assert f"{code}: no" in row["last_error"]

    run(main)


def test_a_call_hears_its_callbacks_in_order_and_calls_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda callback: 503 if callback.token == "a1" and clock.now() < 2 else 204, delay=0.1)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a1", "a2", "a3", call="CA1")
            await one.put("b1", "b2", call="CA2", url="http://other.example/")
            await one.put("c1", call="CA1", url="http://other.example/")
            await passes(10)
            of_a = [token for token in app.tokens() if token[0] == "a"]
            assert of_a == ["a1", "a1", "a1", "a2", "a3"]
            assert [token for token in app.tokens() if token[0] == "b"] == ["b1", "b2"]
            assert max(app.times("b2") + app.times("c1")) < 1 < min(app.times("a2"))
            assert await one.rows() == []

    run(main)


def test_a_host_that_answers_again_gets_its_backlog_at_once(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda callback: 204 if clock.now() > 100 else refusing(callback))
        async with bench(clock, tmp_path, app) as one:
            for number in range(20):
                await one.put(f"{number}a", f"{number}b", call=f"CA{number}")
            await one.put("far", call="CA99", url="http://other.example/")
            await passes(100.5)
            assert one.outbox.pending == 41
            before = len(app.asked)
            await one.put("new", call="CA100")
            await passes(0.1)
            after = app.tokens()[before:]
            assert len(after) == 41
            assert all(after.index(f"{number}a") < after.index(f"{number}b") for number in range(20))
            assert one.outbox.pending == 1
            await passes(100)
            assert app.times("far")[-1] == pytest.approx(123)

    run(main)


def test_a_url_that_fails_on_a_host_that_works_keeps_to_its_plan(tmp_path: Path) -> None:
    """Each answer of its host may bring one attempt more in a pause, and no plan ends sooner for it."""

    async def main(clock: VirtualClock) -> None:
        broken = "http://app.example.com/broken"
        app = App(clock, lambda callback: 500 if callback.url == broken else 204)
        async with bench(clock, tmp_path, app) as one:
            await one.put("broken", url=broken)
            for number in range(400):
                await passes(1)
                await one.put(f"{number}", call=f"CB{number}")
            planned = [at for at in accumulate([0, 1, 2, 4, 8, 16, 32, 60] + [60] * 5) if at < 400]
            tried = app.times("broken")
            assert all(any(abs(at - one) < 0.01 for one in tried) for at in planned)
            assert len(planned) < len(tried) <= 2 * len(planned)

    run(main)


def test_an_app_that_was_down_for_a_minute_gets_everything_in_order(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda callback: 204 if clock.now() >= 60 else refusing(callback))
        async with bench(clock, tmp_path, app) as one:
            for second in range(60):
                for event in ("ringing", "answered", "completed"):
                    await one.put(f"{second}-{event}", call=f"CA{second}")
                await passes(1)
            await passes(4)
            heard = [token for at, token in zip(app.times(), app.tokens(), strict=True) if at >= 60]
            assert sorted(heard) == sorted(f"{n}-{e}" for n in range(60) for e in ("ringing", "answered", "completed"))
            for second in range(60):
                mine = [token for token in heard if token.startswith(f"{second}-")]
                assert mine == [f"{second}-ringing", f"{second}-answered", f"{second}-completed"]
            assert max(app.times()) < 64

    run(main)


def test_a_restart_tries_at_once_with_the_same_token_and_goes_on_in_the_plan(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, refusing)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a", "b")
            await passes(40)
            assert app.times() == pytest.approx([0, 1, 3, 7, 15, 31])
        async with bench(clock, tmp_path, app) as one:
            await passes(35)
            assert app.times()[6:] == pytest.approx([40])
            assert {callback.token for _, callback in app.asked} == {"a"}
            app.answer = lambda _: 200
        async with bench(clock, tmp_path, app) as one:
            await passes(0.5)
            assert app.tokens()[7:] == ["a", "b"]
            assert await one.rows() == []

    run(main)


def test_many_restarts_do_not_end_a_callback_before_its_day(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, refusing)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a")
            await passes(0.5)
            await one.store._database.write((sa.update(tables.callbacks).values(attempts=500), {}))
        async with bench(clock, tmp_path, app) as one:
            await passes(DAY / 2)
            assert not (await one.rows())[0]["dead"]
            await passes(DAY)
            assert (await one.rows())[0]["dead"]
            assert DAY <= app.times()[-1] <= DAY + 901

    run(main)


def test_a_host_that_hangs_leaves_room_for_others(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, delay=15)
        async with bench(clock, tmp_path, app) as one:
            for number in range(300):
                await one.put(f"{number}", call=f"CA{number}")
            await one.put("other", call="CB", url="http://other.example/")
            await passes(1)
            assert app.times("other")[0] < 1
            assert app.most == 51
            await passes(100)
            assert await one.rows() == []

    run(main)


def test_a_defect_of_ours_ends_no_other_callback(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        def answer(callback: Callback) -> int:
            if callback.token == "bad" and clock.now() < 2:
                raise RuntimeError("a defect")
            return 200

        app = App(clock, answer)
        async with bench(clock, tmp_path, app) as one:
            await one.put("bad", "next", call="CA1")
            await one.put("other", call="CA2")
            await passes(5)
            assert sorted(set(app.tokens())) == ["bad", "next", "other"]
            assert await one.rows() == []

    run(main)


def test_a_database_that_fails_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock)
        async with bench(clock, tmp_path, app) as one:
            real, calls = one.store.outbox.done, []

            async def done(id: int) -> None:
                calls.append(id)
                if len(calls) == 1:
                    raise sa.exc.OperationalError("", {}, Exception("locked"))
                await real(id)

            monkeypatch.setattr(one.store.outbox, "done", done)
            await one.put("a", "b")
            await passes(10)
            assert app.tokens() == ["a", "a", "b"]
            assert await one.rows() == []

    run(main)


def test_ids_are_never_used_again(tmp_path: Path) -> None:
    """A callback that takes the place of a delivered one is delivered too."""

    async def main(clock: VirtualClock) -> None:
        app = App(clock)
        async with bench(clock, tmp_path, app) as one:
            for number in range(50):
                await one.put(f"{number}", call=f"CA{number % 3}")
                if number % 7 == 0:
                    await passes(0.01)
            await passes(1)
            assert sorted(app.tokens(), key=int) == [str(number) for number in range(50)]

    run(main)
