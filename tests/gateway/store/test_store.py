"""The store on SQLite: migrations, group commit, savepoints, pages, secrets."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from gateway.config import ConfigError
from gateway.store import Store, tables
from gateway.store.database import MOST_TOGETHER, migrate
from gateway.store.paging import Page
from gateway.store.rows import Account, Call, Callback, Dialog, Number
from gateway.store.secret import SecretKey
from gateway.store.statements import values
from tests.lib.stores import using

NOW = datetime(2024, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT = "AC" + "1" * 32
CALL = Call("CA" + "1" * 32, ACCOUNT, "+1", "+2", "inbound", "ringing", NOW, NOW)
TOLD = Callback(ACCOUNT, CALL.sid, "http://a/status", "POST", {"CallStatus": "completed"}, "token")


def schema(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Columns by table, as SQLite has them."""
    connection = sqlite3.connect(folder / "test.db")
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: sorted(connection.execute(f"PRAGMA table_info({name})")) for name in names}
    connection.close()
    return found


async def nothing(store: Store) -> None:
    """Opening is all."""


def test_migrations_lead_to_the_tables_of_this_version(tmp_path: Path) -> None:
    migrated, direct = tmp_path / "migrated", tmp_path / "direct"
    migrated.mkdir()
    direct.mkdir()
    using(migrated, nothing)
    engine = sa.create_engine(f"sqlite:///{direct}/test.db")
    tables.METADATA.create_all(engine)
    indexes = {name: sa.inspect(engine).get_indexes(name) for name in tables.METADATA.tables}
    engine.dispose()
    found = schema(migrated)
    assert found.pop("alembic_version")
    assert found == schema(direct)
    engine = sa.create_engine(f"sqlite:///{migrated}/test.db")
    assert {name: sa.inspect(engine).get_indexes(name) for name in tables.METADATA.tables} == indexes
    engine.dispose()


def test_a_database_of_the_first_version_is_brought_up_to_date_with_its_rows(tmp_path: Path) -> None:
    from gateway.store.migrations.versions import __path__ as versions

    first = (Path(next(iter(versions))) / "0001_first.py").read_text()
    names: dict[str, Any] = {}
    exec(compile(first, "0001_first.py", "exec"), names)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/test.db")
    names["METADATA"].create_all(engine)
    values = {"account_sid": ACCOUNT, "ordering": "CA1", "url": "http://a/", "method": "POST", "params": {},
              "token": "t", "attempts": 0, "dead": False, "last_error": ""}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0001')"))
        connection.execute(sa.insert(names["METADATA"].tables["callbacks"]).values(id=7, **values))
    engine.dispose()

    async def work(store: Store) -> list[int]:
        ids = [row["id"] for row in await store.outbox.waiting()]
        await store.outbox.done(7)
        await store.calls.insert(CALL, callbacks=[TOLD])
        return [*ids, *(row["id"] for row in await store.outbox.waiting())]

    assert using(tmp_path, work) == [7, 8]


def test_dialogs_of_an_earlier_version_are_still_known(tmp_path: Path) -> None:
    """An upgrade after a crash: the start that migrates must find what it has to end."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/test.db")
    with engine.begin() as connection:
        migrate(connection, "0008_conference_recordings")
        for sid in (CALL.sid, "CA" + "2" * 32):
            row = values(replace(CALL, sid=sid))
            connection.execute(sa.insert(tables.calls), row)
        old = {"session": "s", "account_sid": ACCOUNT, "call_sid": CALL.sid, "state": "{}"}
        connection.execute(sa.text("INSERT INTO dialogs VALUES (:session, :account_sid, :call_sid, :state)"), old)
    engine.dispose()
    assert using(tmp_path, lambda store: store.calls.dialogs()) == [Dialog(CALL.sid, "{}")]
    assert "dialogs" not in schema(tmp_path)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    using(tmp_path, lambda store: store.calls.insert(CALL))
    before = schema(tmp_path)
    assert using(tmp_path, lambda store: store.calls.fetch(ACCOUNT, CALL.sid)) == CALL
    assert schema(tmp_path) == before


def test_a_write_is_all_or_nothing(tmp_path: Path) -> None:
    nothing_to_tell = replace(TOLD, token=cast(str, None))

    async def work(store: Store) -> None:
        await store.calls.insert(CALL)
        await store.calls.update(CALL.sid, {"status": "in-progress", "dialog": "{}"})
        changes = {"status": "failed", "dialog": None}
        with pytest.raises(sa.exc.IntegrityError):
            await store.calls.update(CALL.sid, changes, callbacks=[TOLD, nothing_to_tell])
        assert await store.calls.fetch(ACCOUNT, CALL.sid) == replace(CALL, status="in-progress")
        assert (await store.outbox.count(), await store.calls.dialogs()) == (0, [Dialog(CALL.sid, "{}")])
        await store.calls.update(CALL.sid, {"status": "completed", "dialog": None}, callbacks=[TOLD])
        assert (await store.outbox.count(), await store.calls.dialogs()) == (1, [])

    using(tmp_path, work)


def test_writes_that_wait_are_committed_together_and_one_bad_takes_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(store: Store) -> None:
        batches: list[int] = []
        commit = store._database._commit

        async def counted(batch: Any) -> None:
            batches.append(len(batch))
            await commit(batch)

        monkeypatch.setattr(store._database, "_commit", counted)
        calls = [replace(CALL, sid=f"CA{number:032x}") for number in range(450)]
        writes = [store.calls.insert(call) for call in [*calls, calls[3], *calls[:2]]]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [isinstance(result, sa.exc.IntegrityError) for result in results] == [False] * 450 + [True] * 3
        assert sum(batches) == 453
        assert max(batches) == MOST_TOGETHER
        assert len(batches) <= 5
        assert len((await store.calls.page(ACCOUNT, Page(0, 1000), {})).rows) == 450

    using(tmp_path, work)


@pytest.mark.parametrize("bad", [{"to": "half of a pair: \ud83d"}, {"duration": 1 << 70}])
def test_what_is_no_parameter_of_a_statement_takes_no_other_write_with_it(tmp_path: Path, bad: dict[str, Any]) -> None:
    """The driver refuses it before the database sees it, with an error that is none of the database's."""

    async def work(store: Store) -> None:
        good = replace(CALL, sid="CA" + "7" * 32)
        writes = [store.calls.insert(replace(CALL, **bad)), store.calls.insert(good)]
        failed, written = await asyncio.gather(*writes, return_exceptions=True)
        assert isinstance(failed, Exception)
        assert written is None
        assert await store.calls.fetch(ACCOUNT, good.sid) is not None

    using(tmp_path, work)


def test_a_writer_that_was_cancelled_still_writes(tmp_path: Path) -> None:
    async def work(store: Store) -> Call | None:
        task = asyncio.create_task(store.calls.insert(CALL))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.calls.insert(replace(CALL, sid="CA" + "2" * 32))
        return await store.calls.fetch(ACCOUNT, CALL.sid)

    assert using(tmp_path, work) == CALL


def test_what_was_queued_is_written_before_closing(tmp_path: Path) -> None:
    async def work(store: Store) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(store.calls.insert(replace(CALL, sid=f"CA{n:032x}"))) for n in range(300)]
        await asyncio.sleep(0)
        return tasks

    tasks = using(tmp_path, work)
    assert len(tasks) == 300
    listed = using(tmp_path, lambda store: store.calls.page(ACCOUNT, Page(0, 1000), {}))
    assert len(listed.rows) == 300


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
def test_durability_is_sqlites_synchronous(tmp_path: Path, durability: str, synchronous: int) -> None:
    async def work(store: Store) -> tuple[Any, Any]:
        read: Any = store._database.read
        found = [
            next(iter((await read(sa.text(f"PRAGMA {name}")))[0].values())) for name in ("journal_mode", "synchronous")
        ]
        return found[0], found[1]

    assert using(tmp_path, work, durability) == ("wal", synchronous)


def test_times_are_utc_with_microseconds(tmp_path: Path) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5)))

    async def work(store: Store) -> Call | None:
        await store.calls.insert(replace(CALL, start_time=there))
        return await store.calls.fetch(ACCOUNT, CALL.sid)

    found = using(tmp_path, work)
    assert found is not None
    assert (found.start_time, found.start_time and found.start_time.tzinfo) == (NOW, UTC)


def test_pages_go_both_ways_from_an_anchor(tmp_path: Path) -> None:
    """Rows of one time are told apart by their SIDs."""

    async def work(store: Store) -> None:
        for number in range(10):
            at = NOW + timedelta(seconds=number // 4)
            await store.calls.insert(replace(CALL, sid=f"CA{number:032x}", date_created=at))

        def numbers(rows: Any) -> list[int]:
            return [int(row.sid[2:], 16) for row in rows]

        first = await store.calls.page(ACCOUNT, Page(0, 3), {})
        assert (numbers(first.rows), first.more) == ([9, 8, 7], True)
        second = await store.calls.page(ACCOUNT, Page(1, 3, first.last), {})
        assert (numbers(second.rows), second.more) == ([6, 5, 4], True)
        assert numbers((await store.calls.page(ACCOUNT, Page(1, 3), {})).rows) == [6, 5, 4]
        third = await store.calls.page(ACCOUNT, Page(2, 4, second.last), {})
        assert (numbers(third.rows), third.more) == ([3, 2, 1, 0], False)
        back = await store.calls.page(ACCOUNT, Page(1, 3, third.first), {})
        assert (numbers(back.rows), back.more) == ([6, 5, 4], True)
        empty = await store.calls.page(ACCOUNT, Page(3, 3, third.last), {})
        assert (empty.rows, empty.more, empty.last) == ([], False, None)

    using(tmp_path, work)


def test_a_number_has_one_owner(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        await store.numbers.stock(["+1", "+2", "+1"])
        await store.numbers.stock(["+1"])
        bought = await asyncio.gather(*(store.numbers.buy(f"AC{n}", "+1", f"PN{n}") for n in range(5)))
        owners = [number.account_sid for number in bought if number is not None]
        assert len(owners) == 1
        assert not await store.numbers.unstock("+1")
        assert await store.numbers.unstock("+2")
        assert not await store.numbers.release("AC9", "PN0")
        (owned,) = (await store.numbers.owned(owners[0] or "", Page())).rows
        assert await store.numbers.release(owners[0] or "", owned.sid or "")
        assert await store.numbers.find("+1") == Number("+1")

    using(tmp_path, work)


def test_tokens_are_sealed_with_a_key_that_is_not_in_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(ACCOUNT, "the-token", "", "active", NOW, NOW)

    async def work(store: Store) -> Account | None:
        await store.accounts.create(account)
        return await store.accounts.fetch(ACCOUNT)

    assert using(tmp_path, work) == account
    assert "the-token" not in repr(account)
    for file in tmp_path.iterdir():
        assert b"the-token" not in file.read_bytes()
    key = SecretKey.load(tmp_path)
    assert SecretKey.load(tmp_path).open(key.seal("x")) == "x"
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("TRUNKLINE_SECRET_KEY", "another")
    with pytest.raises(ConfigError, match="sealed with another key"):
        SecretKey.load(tmp_path).open(key.seal("x"))
