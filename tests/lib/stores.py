"""The store under test: SQLite in virtual time, or a database server of the tests' own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from gateway.store import Store
from gateway.store.secret import SecretKey
from tests.lib.loop import VirtualClock, run

T = TypeVar("T")


def using(folder: Path, work: Callable[[Store], Awaitable[T]], durability: str = "process") -> T:
    """Opens the store of a folder, works, closes."""

    async def main(clock: VirtualClock) -> T:
        url = f"sqlite+aiosqlite:///{folder}/test.db"
        store = await Store.open(url, clock, SecretKey(b"secret"), durability)
        try:
            return await work(store)
        finally:
            await store.close()

    return run(main)
