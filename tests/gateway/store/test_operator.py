"""The operator's documents in the store."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from gateway.store import Store
from tests.lib.stores import using

PASSWORD = "Rock-and-roll-42"
TRUNK = {"name": "acme", "password": PASSWORD, "inbound_password": None, "codecs": ["PCMU"]}


def test_passwords_of_trunks_are_not_in_the_database(tmp_path: Path) -> None:
    async def test(store: Store) -> None:
        await store.operator.put("trunk", "acme", TRUNK)
        assert await store.operator.all("trunk") == {"acme": TRUNK}

    using(tmp_path, test)
    assert all(PASSWORD.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_password_that_was_kept_plain_is_read_and_is_sealed_when_it_is_written_again(tmp_path: Path) -> None:
    async def nothing(store: Store) -> None:
        assert await store.operator.all("trunk") == {}

    async def test(store: Store) -> None:
        assert await store.operator.all("trunk") == {"acme": TRUNK}
        await store.operator.put("trunk", "acme", TRUNK)

    using(tmp_path, nothing)
    with sqlite3.connect(tmp_path / "test.db") as connection:
        connection.execute(
            "INSERT INTO operator (kind, name, document) VALUES ('trunk', 'acme', ?)", [json.dumps(TRUNK)]
        )
    using(tmp_path, test)
    with sqlite3.connect(tmp_path / "test.db") as connection:
        (kept,) = connection.execute("SELECT document FROM operator").fetchone()
    assert json.loads(kept)["password"].startswith("gAAAA")
