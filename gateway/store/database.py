"""The database behind the store: one writer that commits what came together, reads beside it.

A write is a list of statements, all or nothing. It waits `gathering` seconds for others, because a commit costs more
than what is committed; those that wait, or come while a commit runs, go together in the next one. Where one of them
fails they are done again, each in a savepoint of its own, so that it takes no other with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from gateway.clock import Clock
from gateway.store.connections import Connections, connections
from gateway.store.statements import Statement

LOG = logging.getLogger(__name__)

Write = tuple[Sequence[Statement], "asyncio.Future[list[int]]"]
Result = list[int] | Exception

DOWN = (sa.exc.OperationalError, sa.exc.InterfaceError, OSError)  # full, locked, unreachable: that may pass
AGAIN = 2.0  # seconds between attempts at what must not be lost
MOST_TOGETHER = 200  # writes in one commit
MIGRATION_LOCK = 0x7472756E  # any number that no other program uses on this database


class Database:
    """An open, migrated database."""

    def __init__(self, connections: Connections, clock: Clock, gathering: float = 0.0) -> None:
        self._connections = connections
        self._gathering = gathering
        self.clock = clock
        self._queue: asyncio.Queue[Write | None] = asyncio.Queue()
        self._hurried = asyncio.Event()
        self._writer = asyncio.create_task(self._write_all(), name="store writer")

    @classmethod
    async def open(cls, url: str, clock: Clock, durability: str = "process", gathering: float = 0.0) -> Database:
        """Connects and migrates."""
        opened = connections(url, durability)
        with clock.working():
            try:
                await opened.write(migrate)
            except BaseException:
                await opened.close()
                raise
        return cls(opened, clock, gathering)

    async def close(self) -> None:
        """Finishes what was queued and closes."""
        self._queue.put_nowait(None)
        await self._writer
        with self.clock.working():
            await self._connections.close()

    async def read(self, query: sa.Select[Any], params: Mapping[str, Any] | None = None) -> Sequence[sa.RowMapping]:
        """The rows of a query."""

        def work(connection: sa.Connection) -> Sequence[sa.RowMapping]:
            return connection.execute(query, params).mappings().all()

        with self.clock.working():
            return await self._connections.read(work)

    async def write(self, *statements: Statement) -> list[int]:
        """Commits the statements as one; how many rows each changed."""
        done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((statements, done))
        return await done  # who gives up waiting takes nothing back: it is committed all the same

    async def keep(self, *statements: Statement) -> list[int]:
        """`write` for what must not be lost: while the database takes nothing it is tried again, until `hurry`."""
        while True:
            try:
                return await self.write(*statements)
            except DOWN as error:
                if self._hurried.is_set():
                    raise
                LOG.error("! the database takes nothing, again in %g s: %s", AGAIN, str(error).partition("\n")[0])
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN):
                        await self._hurried.wait()

    def hurry(self) -> None:
        """Nobody waits for a database that is down any more: the next start finds what was not finished."""
        self._hurried.set()

    async def _write_all(self) -> None:
        while (first := await self._queue.get()) is not None:
            if self._gathering:
                await asyncio.sleep(self._gathering)
            batch = [first]
            while len(batch) < MOST_TOGETHER and not self._queue.empty():
                more = self._queue.get_nowait()
                if more is None:
                    self._queue.put_nowait(None)
                    break
                batch.append(more)
            await self._commit(batch)

    async def _commit(self, batch: list[Write]) -> None:
        writes = [statements for statements, _ in batch]
        for (_, done), result in zip(batch, await self._results(writes), strict=True):
            if done.done():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)

    async def _results(self, writes: list[Sequence[Statement]]) -> Sequence[Result]:
        """What each write changed, or why nothing of it is there."""
        with self.clock.working():
            try:
                try:
                    return await self._connections.write(lambda connection: _together(connection, writes))
                except Exception:  # of whatever kind: what cannot be made a parameter fails before the database sees it
                    return await self._connections.write(lambda connection: _apart(connection, writes))
            except Exception as error:  # the commit itself failed: nobody's write is there
                return [error] * len(writes)


def _together(connection: sa.Connection, writes: list[Sequence[Statement]]) -> list[Result]:
    return [_executed(connection, statements) for statements in writes]


def _apart(connection: sa.Connection, writes: list[Sequence[Statement]]) -> list[Result]:
    return [_saved(connection, statements) for statements in writes]


def _executed(connection: sa.Connection, statements: Sequence[Statement]) -> list[int]:
    return [connection.execute(statement, params).rowcount for statement, params in statements]


def _saved(connection: sa.Connection, statements: Sequence[Statement]) -> Result:
    """One write in a savepoint."""
    try:
        with connection.begin_nested():
            return _executed(connection, statements)
    except Exception as error:
        return error


def migrate(connection: sa.Connection, version: str = "head") -> None:
    """Brings the schema up to date, or to a version; on PostgreSQL under a lock, SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)
