"""A database that takes nothing for a while, as on a full disk: calls that are up go on, and no end is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.store.connections import Connections
from sip.events import Ended
from tests.calls.test_recordings import LONG, TOLD, called, recording_of
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import Whole, whole


@contextmanager
def full(monkeypatch: pytest.MonkeyPatch, one: Whole[Any]) -> Iterator[None]:
    """Until the end of the block every commit fails."""
    connections: Connections = one.services.store._database._connections

    async def refuse(work: Callable[[sa.Connection], Any]) -> Any:
        raise sa.exc.OperationalError("COMMIT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(connections, "write", refuse)
        yield


def test_the_ends_of_a_call_and_its_recording_are_written_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            await live.start(call, TOLD)
            await passes(3)
            with full(monkeypatch, one):
                caller.hangup()
                await passes(60)
                assert not one.web.to("/status")
            await passes(5)
            row = await one.services.store.calls.fetch(call.account_sid, call.sid)
            assert row is not None
            assert (row.status, row.duration) == ("completed", 4)
            recording = await recording_of(one, call)
            assert (recording.status, recording.duration) == ("completed", 3)
            assert [seen["CallStatus"] for seen in one.web.to("/status")] == ["completed"]
            assert [seen["RecordingStatus"] for seen in one.web.to("/recorded")] == ["in-progress", "completed"]
            assert not one.exchange.calls

    run(main)


def test_a_new_call_is_refused_so_that_it_can_go_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            with full(monkeypatch, one):
                caller = Caller(one)
                caller.call()
                await passes(1)
                assert [event.status for event in caller.events if isinstance(event, Ended)] == [500]
            await passes(5)
            assert not one.exchange.calls

    run(main)


def test_a_gateway_that_ends_waits_for_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not written is finished at the next start."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, _, _ = await called(one)
            with full(monkeypatch, one):
                caller.hangup()
                await passes(10)
                one.services.store.hurry()
                await passes(1)
                assert not one.exchange.calls
            (left,) = await one.services.store.calls.unfinished()
            assert left.status == "in-progress"

    run(main)
