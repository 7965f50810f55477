"""The database behind the store: one writer that commits what came together, reads beside it.

A write is a list of statements, all or nothing. Writes that wait while one commit runs go together in the next, each
in a savepoint of its own, so that one that fails takes no other with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.clock import Clock

Statement = sa.Executable
Write = tuple[Sequence[Statement], "asyncio.Future[list[int]]"]

MOST_TOGETHER = 200  # writes in one commit
MIGRATION_LOCK = 0x7472756E  # any number that no other program uses on this database


class Database:
    """An open, migrated database."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._queue: asyncio.Queue[Write | None] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write_all(), name="store writer")

    @classmethod
    async def open(cls, url: str, clock: Clock, durability: str = "process") -> Database:
        """Connects and migrates."""
        engine = create_async_engine(url, **_options(url))
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine.sync_engine, "connect", _Pragmas(durability))
        with clock.working():
            try:
                await _prepare(engine)
            except BaseException:
                await engine.dispose()
                raise
        return cls(engine, clock)

    async def close(self) -> None:
        """Finishes what was queued and closes."""
        self._queue.put_nowait(None)
        await self._writer
        with self._clock.working():
            await self._engine.dispose()

    async def read(self, statement: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        """The rows of a query."""
        with self._clock.working():
            async with self._engine.connect() as connection:
                result = await connection.execute(statement)
                rows: Sequence[sa.RowMapping] = result.mappings().all()
                return rows

    async def write(self, *statements: Statement) -> list[int]:
        """Commits the statements as one; how many rows each changed."""
        done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((statements, done))
        return await asyncio.shield(done)

    async def _write_all(self) -> None:
        while (first := await self._queue.get()) is not None:
            batch = [first]
            while len(batch) < MOST_TOGETHER and not self._queue.empty():
                more = self._queue.get_nowait()
                if more is None:
                    self._queue.put_nowait(None)
                    break
                batch.append(more)
            await self._commit(batch)

    async def _commit(self, batch: list[Write]) -> None:
        results: list[tuple[asyncio.Future[list[int]], list[int] | Exception]] = []
        try:
            with self._clock.working():
                async with self._engine.begin() as connection:
                    for statements, done in batch:
                        results.append((done, await _one(connection, statements)))
        except Exception as error:  # the commit itself failed: nobody's write is there
            results = [(done, error) for _, done in batch]
        for done, result in results:
            if done.done():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)


async def _one(connection: AsyncConnection, statements: Sequence[Statement]) -> list[int] | Exception:
    """One write in a savepoint."""
    try:
        async with connection.begin_nested():
            return [(await connection.execute(statement)).rowcount for statement in statements]
    except sa.exc.DBAPIError as error:
        return error


async def _prepare(engine: AsyncEngine) -> None:
    """Migrates, and opens the connections that every request will use."""
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    async with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):
            await connection.execute(sa.text("SELECT 1 FROM calls"))


def _options(url: str) -> dict[str, Any]:
    """A fixed number of connections: SQLite has one writer, and readers that are done in a moment."""
    return {"pool_size": 2 if url.startswith("sqlite") else 10, "max_overflow": 0}


class _Pragmas:
    """What each SQLite connection is told; SAVEPOINT needs the driver to leave BEGIN to us."""

    def __init__(self, durability: str) -> None:
        self._synchronous = "FULL" if durability == "power" else "NORMAL"

    def __call__(self, connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"synchronous={self._synchronous}", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def _migrate(connection: sa.Connection) -> None:
    """Brings the schema up to date; on PostgreSQL under a lock, SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
