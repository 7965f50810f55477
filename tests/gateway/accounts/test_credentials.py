"""First start, reset, and who may ask."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.accounts import command, credentials
from gateway.accounts.keys import Keys
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.store import Store
from gateway.store.recent import SECONDS
from gateway.store.secret import SecretKey
from tests.lib.loop import VirtualClock, run


async def opened(clock: VirtualClock, folder: Path) -> Store:
    return await Store.open(f"sqlite+aiosqlite:///{folder}/test.db", clock, SecretKey(b"x"))


def test_a_first_start_makes_credentials_once(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        store = await opened(clock, tmp_path)
        made = await credentials.ensure(store, tmp_path, Random(1), clock)
        assert made is not None
        path = tmp_path / "credentials.json"
        assert path.stat().st_mode & 0o777 == 0o600
        assert json.loads(path.read_text()) == {
            "account_sid": made.account_sid, "auth_token": made.auth_token, "operator_key": made.operator_key,
        }  # fmt: skip
        assert (made.account_sid[:2], len(made.account_sid), len(made.auth_token)) == ("AC", 34, 32)
        assert made.auth_token not in repr(made)
        assert made.operator_key not in repr(made)
        path.unlink()
        assert await credentials.ensure(store, tmp_path, Random(2), clock) is None
        assert not path.exists()
        await store.close()

    run(main)


def test_a_reset_makes_the_old_credentials_useless_at_once(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        store = await opened(clock, tmp_path)
        keys = Keys(store)
        old = await credentials.reset(store, tmp_path, Random(1), clock)
        assert await keys.account(old.account_sid, old.auth_token)
        assert await keys.operator(old.operator_key)
        new = await credentials.reset(store, tmp_path, Random(2), clock)
        assert new.account_sid == old.account_sid
        assert await keys.account(old.account_sid, old.auth_token) is None
        assert not await keys.operator(old.operator_key)
        assert await keys.account(new.account_sid, new.auth_token)
        assert await keys.operator(new.operator_key)
        await store.close()

    run(main)


def test_what_is_nobodys(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        store = await opened(clock, tmp_path)
        made = await credentials.ensure(store, tmp_path, Random(1), clock)
        assert made is not None
        keys = Keys(store)
        for user, password in ((made.account_sid, ""), (made.account_sid, "é"), ("", ""), ("AC", "no such account")):
            assert await keys.account(user, password) is None
        assert not await keys.operator("")
        assert not await keys.operator("é")
        await store.close()

    run(main)


def test_the_database_is_asked_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And again whenever this process changed something; another process' change is seen after a second."""

    async def main(clock: VirtualClock) -> None:
        store = await opened(clock, tmp_path)
        made = await credentials.ensure(store, tmp_path, Random(1), clock)
        assert made is not None
        keys, asked = Keys(store), []
        read = store._database.read

        async def counted(*query: Any) -> Any:
            asked.append(query)
            return await read(*query)

        monkeypatch.setattr(store._database, "read", counted)
        for _ in range(50):
            assert await keys.account(made.account_sid, made.auth_token)
            assert await keys.operator(made.operator_key)
        assert len(asked) == 2
        await store.accounts.update(made.account_sid, friendly_name="x")
        found = await keys.account(made.account_sid, made.auth_token)
        assert (found and found.friendly_name, len(asked)) == ("x", 3)
        other = await opened(clock, tmp_path)
        await other.accounts.update(made.account_sid, auth_token="changed")
        await other.close()
        assert await keys.account(made.account_sid, made.auth_token)
        clock.time += SECONDS
        assert await keys.account(made.account_sid, made.auth_token) is None
        assert await keys.account(made.account_sid, "changed")
        await store.close()

    run(main)


def test_the_command_shows_and_resets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def main(clock: VirtualClock) -> None:
        settings = Settings(data=tmp_path / "data")
        assert await command.run(settings, reset=False) == 1
        assert command.export(settings) == 1
        with clock.working():
            assert await command.run(settings, reset=True) == 0
        made = json.loads((tmp_path / "data" / "credentials.json").read_text())
        said = capsys.readouterr().out
        assert made["auth_token"] in said
        assert "from the next second on" in said
        assert await command.run(settings, reset=False) == 0
        assert json.loads(capsys.readouterr().out) == made
        assert command.export(settings) == 0
        values = dict(word.split("=") for word in shlex.split(capsys.readouterr().out)[1:])
        assert values["TWILIO_AUTH_TOKEN"] == made["auth_token"]
        assert values["TWILIO_BASE_URL"] == "http://127.0.0.1:8080"

    assert SystemClock().wall().tzinfo is not None
    run(main)
