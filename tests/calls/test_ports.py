"""The ports that a worker gave: told what comes about them, and forgotten with their last word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.calls.media import HUNG, STILL, Port, Worker, Workers
from media import commands, events
from tests.lib.loop import VirtualClock, passes, run


class Link:
    """A worker process that gives every port, and says what it is told to."""

    def __init__(self, hear: Callable[[list[events.Event]], None], lost: Callable[[str], None]) -> None:
        self._hear = hear
        self.die = lost
        self.sent: list[commands.Command] = []

    def say(self, *said: events.Event) -> None:
        self._hear(list(said))

    def send(self, command: commands.Command) -> None:
        self.sent.append(command)
        if isinstance(command, commands.Allocate):
            asyncio.get_running_loop().call_soon(self.say, events.Allocated(command.request, 7, 20000, 1))

    def kill(self) -> None:
        """As the system does it."""
        self.die("killed")

    async def close(self) -> None:
        """Nothing to end."""


def using(test: Callable[[Worker, Port, Link], Coroutine[Any, Any, None]]) -> None:
    """Runs a test with a worker and one port of it."""

    async def main() -> None:
        links: list[Link] = []

        async def start(number: int, hear: Callable[[list[events.Event]], None], lost: Callable[[str], None]) -> Link:
            links.append(Link(hear, lost))
            return links[-1]

        worker = Worker(0, lambda worker, reason: None)
        await worker.start(start)
        await test(worker, await worker.allocate(), links[0])

    asyncio.run(main())


async def two_workers() -> tuple[Workers, list[Link]]:
    links: list[Link] = []

    async def start(number: int, hear: Callable[[list[events.Event]], None], lost: Callable[[str], None]) -> Link:
        links.append(Link(hear, lost))
        return links[-1]

    workers = Workers(start, 2)
    await workers.open()
    return workers, links


RELEASED = events.Released(7, 1, 2, 0, 0, 0.0)
ENDED = events.RecordEnded(7, "RE1", "released", 1.0, 1.0, 16044, False)


def test_a_port_that_was_given_back_is_asked_for_nothing() -> None:
    async def test(worker: Worker, port: Port, link: Link) -> None:
        port.send(commands.Stop(7))
        port.release()
        port.send(commands.Stop(7))
        assert link.sent[1:] == [commands.Stop(7), commands.Release(7)]

    using(test)


def test_a_port_hears_its_figures_and_is_forgotten() -> None:
    async def test(worker: Worker, port: Port, link: Link) -> None:
        heard: list[events.Event] = []
        port.hear = heard.append
        port.release()
        port.release()
        assert link.sent[1:] == [commands.Release(7)]
        assert worker.in_use == 0
        link.say(RELEASED)
        assert heard == [RELEASED]
        assert worker.ports == {}

    using(test)


class Recorded:
    """What is told of a recording."""

    def __init__(self) -> None:
        self.told: list[events.Event | str] = []

    def hear(self, event: events.RecordStopped | events.RecordEnded) -> None:
        self.told.append(event)

    def lost(self) -> None:
        self.told.append("lost")


def test_the_end_of_a_recording_is_heard_when_its_port_is_another_calls_already() -> None:
    """A file is finished after its port was given back, and low rows are used again first."""

    async def test(worker: Worker, port: Port, link: Link) -> None:
        recorded = worker.recordings["RE1"] = Recorded()
        heard: list[events.Event] = []
        port.release()
        link.say(RELEASED)
        (await worker.allocate()).hear = heard.append
        link.say(ENDED)
        assert recorded.told == [ENDED]
        assert heard == []
        assert worker.ports.keys() == {7}

    using(test)


def test_who_waits_for_a_recording_is_told_that_its_worker_died() -> None:
    async def test(worker: Worker, port: Port, link: Link) -> None:
        recorded = worker.recordings["RE1"] = Recorded()
        port.release()
        link.say(RELEASED)
        link.die("killed")
        assert recorded.told == ["lost"]
        assert worker.ports == {}

    using(test)


def stats(late_ms: float = 0.1, in_use: int = 1) -> events.WorkerStats:
    return events.WorkerStats(in_use, 1.0, 2.0, late_ms, late_ms, late_ms, 50, 50, "native", 32000, 1 << 20)


def test_a_worker_that_is_late_gets_no_calls_while_another_keeps_time() -> None:
    async def main() -> None:
        workers, links = await two_workers()
        links[0].say(stats(late_ms=50.0))
        links[1].say(stats(in_use=100))
        assert [(await workers.allocate()).worker.number for _ in range(3)] == [1, 1, 1]
        links[0].say(stats())
        assert (await workers.allocate()).worker.number == 0

    asyncio.run(main())


def test_a_worker_that_stands_still_gets_no_calls_is_killed_and_replaced() -> None:
    async def main(clock: VirtualClock) -> None:
        workers, links = await two_workers()
        for link in links:
            link.say(stats())
        running = [asyncio.create_task(one) for one in (workers.run(), workers.watch())]
        for second in range(HUNG):
            assert len(links) == 2
            if second > STILL:
                assert (await workers.allocate()).worker.number == 1
            links[1].say(stats())
            await asyncio.sleep(1)
        await passes(0.1)
        assert (len(links), workers.restarts) == (3, 1)
        assert not workers.full
        await passes(STILL + 1)
        assert not workers.full, "the new one has time to begin"
        links[2].say(stats())
        await passes(STILL + 1)
        assert workers.full
        for task in running:
            task.cancel()

    run(main)


def test_the_memory_of_sounds_is_summed_over_the_living_workers() -> None:
    async def main() -> None:
        workers, links = await two_workers()
        assert (workers.sound_bytes, workers.sound_bound) == (0, 0)
        for number, link in enumerate(links):
            link.say(events.WorkerStats(1, 1.0, 2.0, 0.1, 0.2, 0.5, 50, 50, "native", 32000 * (number + 1), 1 << 20))
        assert (workers.sound_bytes, workers.sound_bound) == (96_000, 2 << 20)
        links[0].die("killed")
        assert (workers.sound_bytes, workers.sound_bound) == (64_000, 1 << 20)

    asyncio.run(main())
