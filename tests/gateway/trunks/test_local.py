"""The trunk `local`: calls from this machine, by default on loopback only, elsewhere enabled by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.book import LOCAL, TrunkBook
from gateway.trunks.model import Trunk
from tests.lib.loop import VirtualClock, run


@pytest.mark.parametrize(
    ("declared", "loopback", "named", "admitted"),
    [
        ([], True, False, True),
        ([], False, False, False),
        ([{"name": "local"}], False, True, True),
        ([{"name": "local", "addresses": ["192.0.2.0/24"]}], False, False, False),
        ([{"name": "other"}], False, False, False),
    ],
)
def test_who_is_local(
    tmp_path: Path, declared: list[dict[str, Any]], loopback: bool, named: bool, admitted: bool
) -> None:
    async def main(clock: VirtualClock) -> tuple[bool, list[Trunk | None]]:
        store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/test.db", clock, SecretKey(b"x"))
        book = TrunkBook(store, declared, [], {}, local=loopback)
        await book.load()
        await store.close()
        return book.local_by_name, [book.local(ip, "udp") for ip in ("127.0.0.9", "::1", "198.51.100.1")]

    by_name, found = run(main)
    local = LOCAL if admitted else None
    assert (by_name, found) == (named, [local, local, None])
    assert LOCAL.uris == ()
