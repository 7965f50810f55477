"""Where work on the database is done: SQLite in threads of its own, a server over SQLAlchemy's asyncio.

Work is a plain function of a `sqlalchemy.Connection`, the same for both. SQLite answers in microseconds, so what costs
is going to its thread and back: once per piece of work here, where an asynchronous driver goes for every statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT"}  # a query alone needs no transaction


class Connections(Protocol):
    """An open database."""

    async def write(self, work: Work[T]) -> T:
        """Does work in a transaction: committed when it returns, rolled back when it raises."""

    async def read(self, work: Work[T]) -> T:
        """Does work that only asks, beside the writes."""

    async def close(self) -> None:
        """Closes every connection."""


def connections(url: str, durability: str) -> Connections:
    """For a database URL of SQLAlchemy's form: SQLite, or PostgreSQL with asyncpg."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Sqlite(parsed.set(drivername="sqlite"), durability)
    return Server(parsed.set(drivername="postgresql+asyncpg") if parsed.drivername == "postgresql" else parsed)


class Sqlite:
    """One thread and connection that writes, one that reads."""

    def __init__(self, url: sa.URL, durability: str) -> None:
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        sa.event.listen(self._engine, "connect", _Pragmas(durability))
        self._writer = OneThread(self._engine, "store writer")
        self._reader = OneThread(self._engine.execution_options(**AUTOCOMMIT), "store reader")

    async def write(self, work: Work[T]) -> T:
        def committed(connection: sa.Connection) -> T:
            with connection.begin():
                return work(connection)

        return await self._writer.run(committed)

    async def read(self, work: Work[T]) -> T:
        return await self._reader.run(work)

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()


class OneThread:
    """A connection that lives in a thread of its own: work goes there by a queue, and what it gives comes back."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._connection: sa.Connection | None = None
        self._jobs: SimpleQueue[tuple[Work[Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._work_off, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Work[T]) -> T:
        """Does work there."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((work, done))
        return await done

    async def close(self) -> None:
        """Ends connection and thread, after the work that waits."""
        if self._connection is not None:
            await self.run(sa.Connection.close)
        self._jobs.put(None)
        self._thread.join()

    def _work_off(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done = job
            try:
                self._connection = self._connection or self._engine.connect()
                result = work(self._connection)
            except BaseException as error:
                self._loop.call_soon_threadsafe(_fail, done, error)
            else:
                self._loop.call_soon_threadsafe(_settle, done, result)


def _settle(done: asyncio.Future[T], result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)


class _Pragmas:
    """What each SQLite connection is told."""

    def __init__(self, durability: str) -> None:
        self._synchronous = "FULL" if durability == "power" else "NORMAL"

    def __call__(self, connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"synchronous={self._synchronous}", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


class Server:
    """A pool of connections to a database server."""

    def __init__(self, url: sa.URL) -> None:
        self._engine = create_async_engine(url, pool_size=10, max_overflow=0)
        self._reader = self._engine.execution_options(**AUTOCOMMIT)

    async def write(self, work: Work[T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Work[T]) -> T:
        async with self._reader.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()
