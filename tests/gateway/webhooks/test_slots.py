"""Hosts that are slow or dead, and the callbacks of others, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from gateway.store.repositories import insert_callbacks
from gateway.store.rows import Callback
from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.lanes import host_of
from gateway.webhooks.outbox import UNTRIED
from gateway.webhooks.slots import MOST, OWN, SILENT, Host, Pool, Slots
from tests.gateway.webhooks.test_outbox import App, bench
from tests.lib.loop import VirtualClock, passes, run


class Slow(App):
    """Hosts named `slow…` answer after 14 s; `dead…` say nothing for 5 s; all others answer at once."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.under_way: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.living: set[str] = set()

    async def deliver(self, callback: Callback) -> int:
        host = host_of(callback.url)
        self.asked.append((round(self.clock.now(), 6), callback))
        self.under_way[host] += 1
        self.peak[host] = max(self.peak[host], self.under_way[host])
        try:
            return await self._answer(host)
        finally:
            self.under_way[host] -= 1

    async def _answer(self, host: str) -> int:
        if host.startswith("dead") and host not in self.living:
            await passes(5)
            raise FetchError(11201, "connecting timed out", kind=Failure.CONNECT)
        await passes(14 if host.startswith("slow") else 0.01)
        return 204


@pytest.mark.parametrize("kind", ["slow", "dead"])
def test_slow_and_dead_hosts_delay_nobody_elses_callbacks(tmp_path: Path, kind: str) -> None:
    """Twenty such hosts with thirty calls each; a host that is known, and one that is new, are told at once."""

    async def main(clock: VirtualClock) -> None:
        app = Slow(clock)
        async with bench(clock, tmp_path, app) as one:
            for number in range(600):
                await one.put(f"b{number}", call=f"CA{number}", url=f"http://{kind}{number % 20}.example/")
            for second in range(15):
                for number in range(10):
                    await one.put(f"g{second}-{number}", call=f"CB{second}-{number}", url="http://good.example/")
                await one.put(f"n{second}", call=f"CC{second}", url=f"http://new{second}.example/")
                await passes(1)
                good = [callback.token for _, callback in app.asked if callback.token[0] in "gn"]
                assert len(good) == 11 * (second + 1)
                assert {row["token"][0] for row in await one.rows()} == {"b"}

    run(main)


def test_a_dead_host_is_asked_one_callback_at_a_time_until_it_answers(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = Slow(clock)
        async with bench(clock, tmp_path, app) as one:
            for number in range(100):
                await one.put(f"{number}", call=f"CA{number}", url="http://dead.example/")
            await passes(20)
            assert app.peak["dead.example"] == MOST
            app.peak.clear()
            before = len(app.asked)
            await passes(600)
            assert app.peak["dead.example"] == 1
            assert one.outbox.dead_hosts == 1
            assert 600 / 60 <= len(app.asked) - before <= 600 / 5
            rows = await one.rows()
            assert len(rows) == 100
            assert UNTRIED.text in {row["last_error"] for row in rows}
            app.living.add("dead.example")
            await passes(70)
            assert await one.rows() == []
            assert one.outbox.dead_hosts == 0

    run(main)


def test_a_dead_hosts_callbacks_are_given_up_after_their_day_and_no_sooner(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = Slow(clock)
        async with bench(clock, tmp_path, app) as one:
            for number in range(20):
                await one.put(f"{number}", call=f"CA{number}", url="http://dead.example/")
            await passes(86_400 - 60)
            assert not any(row["dead"] for row in await one.rows())
            await passes(7200)
            assert all(row["dead"] for row in await one.rows())

    run(main)


def test_answers_that_are_errors_are_answers(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda _: 500, delay=0.1)
        async with bench(clock, tmp_path, app) as one:
            for number in range(30):
                await one.put(f"{number}", call=f"CA{number}")
            await passes(3.5)
            assert all(len(app.times(f"{number}")) == 3 for number in range(30))

    run(main)


def test_two_of_a_host_never_wait_and_the_queue_is_served_by_turns() -> None:
    async def main(clock: VirtualClock) -> None:
        slots, greedy, late = Slots(), [Host() for _ in range(10)], Host()
        entered: list[Host] = []

        async def hold(host: Host, seconds: float) -> None:
            async with slots.one(host):
                entered.append(host)
                await passes(seconds)

        async with asyncio.TaskGroup() as tasks:
            for host in greedy:
                for _ in range(MOST):
                    tasks.create_task(hold(host, 10))
            await passes(0)
            assert len(entered) == 100 + OWN * len(greedy)
            for _ in range(4):
                tasks.create_task(hold(late, 1))
            await passes(0)
            assert entered.count(late) == OWN
            await passes(1.5)
            assert entered.count(late) == 4
        assert len(entered) == 10 * MOST + 4
        assert late.under_way == 0

    run(main)


def test_who_stops_waiting_takes_no_slot() -> None:
    async def main(clock: VirtualClock) -> None:
        slots, host = Slots(), Host()

        async def hold(seconds: float) -> None:
            async with slots.one(host):
                await passes(seconds)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(MOST):
                tasks.create_task(hold(1))
            await passes(0)
            gone, stays = tasks.create_task(hold(1)), tasks.create_task(hold(1))
            await passes(0.5)
            gone.cancel()
            await passes(1)
            assert (host.under_way, stays.done()) == (1, False)

    run(main)


def test_a_host_is_dead_after_a_few_silences_and_lives_with_its_next_answer() -> None:
    host = Host()
    for _ in range(SILENT):
        assert not host.dead
        host.kept_silent()
    assert host.dead
    host.answered(30)
    assert (host.dead, host.quick) == (False, False)
    host.answered(0.1)
    assert host.quick


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:pw@App.example.com:8443/x", "app.example.com:8443"), ("http://a.example", "a.example"),
        ("http://[::1]:80/", "[::1]:80"), ("nonsense", ""), ("http://[bad/", ""),
    ],
)  # fmt: skip
def test_the_host_of_a_url(url: str, host: str) -> None:
    assert host_of(url) == host


def test_names_without_end_take_a_thousand_connections_and_a_host_that_is_known_waits_for_none_of_them(
    tmp_path: Path,
) -> None:
    """Who has `*.dead.example` has a host for each call."""

    async def main(clock: VirtualClock) -> None:
        app = Slow(clock)
        async with bench(clock, tmp_path, app) as one:
            await one.put("known", url="http://good.example/")
            await passes(1)
            await one.store._database.write(
                *insert_callbacks(
                    [Callback("AC1", f"CA{n}", f"http://dead{n}.example/", "POST", {}, f"b{n}") for n in range(3000)]
                )
            )
            one.outbox.kick()
            for second in range(30):
                await one.put(f"g{second}", call=f"CB{second}", url="http://good.example/")
                await passes(1)
                assert len([token for token in app.tokens() if token.startswith("g")]) == second + 1
                assert sum(app.under_way.values()) <= Pool.OWN.value + Pool.OTHERS.value
            assert len(app.peak) == 3001

    run(main)
