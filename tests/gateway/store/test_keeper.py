"""What is older than keep_days goes, hour by hour, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.store import Store, keeper, old, tables
from gateway.store.keeper import Keeper
from gateway.store.paging import Page
from gateway.store.repositories import insert_callbacks
from gateway.store.rows import Call, Callback, Notification, Recording
from gateway.store.secret import SecretKey
from tests.lib.loop import START, VirtualClock, passes, run

ACCOUNT = "AC" + "1" * 32
DAYS = 10


async def opened(clock: VirtualClock, folder: Path) -> Store:
    return await Store.open(f"sqlite+aiosqlite:///{folder}/test.db", clock, SecretKey(b"x"))


async def fill(store: Store, folder: Path, tag: str, at: datetime) -> None:
    """One of everything, from `at`; `tag` is a hex digit."""
    call = Call("CA" + tag * 32, ACCOUNT, "+1", "+2", "inbound", "completed", at, at, end_time=at)
    await store.calls.insert(call)
    await store.calls.insert(replace(call, sid="CA" + "0" * 31 + tag, status="in-progress", end_time=None))
    row = Recording("RE" + tag * 32, ACCOUNT, call.sid, "completed", "RecordVerb", 1, "both", at, at, at, f"{tag}.wav")
    for number, status in enumerate(("completed", "deleted", "in-progress")):
        await store.recordings.insert(replace(row, sid=f"RE{number}" + tag * 31, status=status, blob=f"{tag}{number}"))
        if status != "deleted":
            (folder / f"{tag}{number}").write_bytes(b"audio")
    await store.notifications.insert(Notification("NO" + tag * 32, ACCOUNT, call.sid, 0, 11200, "", at))
    told = [Callback(ACCOUNT, call.sid, "http://a/", "POST", {}, f"{tag}{n}") for n in range(2)]
    await store._database.write(*insert_callbacks(told))
    for waiting in await store.outbox.waiting():
        if waiting["token"][0] == tag:
            await store.outbox.failed(waiting["id"], 9, at, "x", dead=waiting["token"][1] == "0")


async def kept(store: Store) -> dict[str, list[str]]:
    """What is left, by table: the last letters of each key."""
    found: dict[str, list[str]] = {}
    for table, key in (
        (tables.calls, "sid"), (tables.recordings, "sid"), (tables.notifications, "sid"), (tables.callbacks, "token"),
    ):  # fmt: skip
        rows: Any = await store._database.read(sa.select(table.c[key]).order_by(table.c[key]))
        found[table.name] = [row[key] for row in rows]
    return found


def test_what_is_too_old_is_deleted_within_the_hour(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        store = await opened(clock, tmp_path)
        await fill(store, tmp_path, "a", START - timedelta(days=DAYS, seconds=1))
        await fill(store, tmp_path, "b", START - timedelta(days=DAYS, minutes=-90))
        await fill(store, tmp_path, "c", START)
        task = asyncio.create_task(Keeper(store, clock, tmp_path, DAYS).run())
        await passes(1)
        one = await kept(store)
        assert one["calls"] == sorted(["CA" + "0" * 31 + tag for tag in "abc"] + ["CA" + tag * 32 for tag in "bc"])
        assert one["notifications"] == ["NO" + "b" * 32, "NO" + "c" * 32]
        assert one["callbacks"] == ["a1", "b0", "b1", "c0", "c1"]
        assert [sid for sid in one["recordings"] if sid.endswith("a")] == ["RE2" + "a" * 31]
        assert sorted(path.name for path in tmp_path.iterdir() if len(path.name) == 2) == ["a2", "b0", "b2", "c0", "c2"]
        await passes(3600)
        assert await kept(store) == one
        await passes(3600)
        two = await kept(store)
        assert two["callbacks"] == ["a1", "b1", "c0", "c1"]
        assert two["notifications"] == ["NO" + "c" * 32]
        assert not (tmp_path / "b0").exists()
        task.cancel()
        await store.close()

    run(main)


def test_a_deleted_recording_is_known_for_forty_days(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        store = await opened(clock, tmp_path)
        at = START - timedelta(days=60)
        row = Recording("RE", ACCOUNT, "CA", "deleted", "RecordVerb", 1, "both", at, at, at, "none.wav")
        for number, days in enumerate((41, 39)):
            gone = START - timedelta(days=days)
            await store.recordings.insert(replace(row, sid=f"RE{number:032x}", date_updated=gone))
        await store.recordings.insert(replace(row, sid=f"RE{2:032x}", status="completed"))
        await Keeper(store, clock, tmp_path, 400).sweep()
        assert (await kept(store))["recordings"] == [f"RE{number:032x}" for number in (1, 2)]
        await store.close()

    run(main)


def test_much_is_deleted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old, "AT_ONCE", 7)

    async def main(clock: VirtualClock) -> None:
        store = await opened(clock, tmp_path)
        at = START - timedelta(days=99)
        call = Call("CA", ACCOUNT, "+1", "+2", "inbound", "busy", at, at, end_time=at)
        row = Recording("RE", ACCOUNT, "CA", "absent", "RecordVerb", 1, "both", at, at, at, "none.wav")
        for number in range(30):
            await store.calls.insert(replace(call, sid=f"CA{number:032x}"))
            await store.recordings.insert(replace(row, sid=f"RE{number:032x}"))
        await Keeper(store, clock, tmp_path, DAYS).sweep()
        assert (await store.calls.page(ACCOUNT, Page(), {})).rows == []
        assert (await store.recordings.page(ACCOUNT, Page(), {}, deleted=True)).rows == []
        await store.close()

    run(main)


def test_a_database_that_fails_is_asked_an_hour_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(clock: VirtualClock) -> list[float]:
        store = await opened(clock, tmp_path)
        swept: list[float] = []

        async def delete(before: datetime) -> int:
            swept.append(clock.now())
            raise sa.exc.OperationalError("", {}, Exception("locked"))

        monkeypatch.setattr(store.old, "delete", delete)
        task = asyncio.create_task(Keeper(store, clock, tmp_path, DAYS).run())
        await passes(2 * keeper.PERIOD + 1)
        task.cancel()
        await store.close()
        return swept

    assert run(main) == pytest.approx([0, 3600, 7200])
