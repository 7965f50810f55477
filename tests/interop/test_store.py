"""The store on SQLite and on a real PostgreSQL server: the same code, the same promises."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa

from gateway.clock import SystemClock
from gateway.phones.rows import to_binding, to_row
from gateway.store import Store
from gateway.store.paging import Page
from gateway.store.repositories import insert_callbacks
from gateway.store.requests import Sent
from gateway.store.rows import Account, Call, Callback, Dialog
from gateway.store.secret import SecretKey
from sip.bindings import Binding
from sip.outputs import Flow
from tests.lib import postgres, sip_questions

NOW = datetime(2024, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT = Account("AC" + "1" * 32, "token", "test", "active", NOW, NOW)
CALL = Call("CA" + "1" * 32, ACCOUNT.account_sid, "+1", "+2", "inbound", "ringing", NOW, NOW)
TOLD = Callback(ACCOUNT.account_sid, CALL.sid, "http://a/status", "POST", {"CallStatus": "completed"}, "token")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the database is."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('db')}/test.db"
        return
    programs = postgres.programs()
    if programs is None:
        if os.environ.get("TRUNKLINE_REQUIRE_INTEROP") == "1":
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed")
    with postgres.cluster(programs) as found:
        yield found


@pytest.mark.interop
def test_dead_letters_are_put_behind_what_waits_in_their_order(url: str, tmp_path: Path) -> None:
    async def main() -> None:
        store = await Store.open(url, SystemClock(), SecretKey.load(tmp_path))
        told = [replace(TOLD, token=f"letter {number}") for number in range(5)]
        await store._database.write(*insert_callbacks(told))
        rows = [row for row in await store.outbox.waiting() if row["token"].startswith("letter")]
        for row in rows[:4]:
            await store.outbox.failed(row["id"], 3, NOW, "HTTP 404", dead=True)
        found = await store.outbox.some(dead=True, account_sid=TOLD.account_sid, after=0, limit=3)
        assert [row["token"] for row in found] == ["letter 0", "letter 1", "letter 2"]
        assert await store.outbox.replay([row["id"] for row in rows]) == 4
        again = [row for row in await store.outbox.waiting() if row["token"].startswith("letter")]
        assert [row["token"] for row in again] == [f"letter {number}" for number in (4, 0, 1, 2, 3)]
        assert {(row["attempts"], row["first_tried"]) for row in again} == {(0, None)}
        assert again[1]["params"] == TOLD.params
        assert await store.outbox.replay([again[0]["id"]]) == 0
        for row in again:
            await store.outbox.done(row["id"])
        await store.close()

    asyncio.run(main())


@pytest.mark.interop
def test_requests_to_apps_are_kept_up_to_a_bound_and_for_a_time(url: str, tmp_path: Path) -> None:
    async def main() -> None:
        store = await Store.open(url, SystemClock(), SecretKey.load(tmp_path))
        sent = [
            Sent(ACCOUNT.account_sid, f"t{number}", CALL.sid, NOW + timedelta(hours=number), "POST", "http://a/",
                 "http://a/é", {"Accept": "*/*"}, 200, 12, "")
            for number in range(10)
        ]  # fmt: skip
        for start in (0, 5):
            await store.requests.insert(sent[start : start + 5], 8)
        assert await store.requests.of_subject(CALL.sid) == sent[2:]
        assert await store.requests.forget(NOW + timedelta(hours=5)) == 3
        assert await store.requests.of_token("t5") == [sent[5]]
        assert await store.requests.forget(NOW + timedelta(days=5)) == 5
        await store.close()

    asyncio.run(main())


@pytest.mark.interop
def test_a_call_its_dialog_and_its_callback_are_one_write(url: str, tmp_path: Path) -> None:
    async def main() -> None:
        store = await Store.open(url, SystemClock(), SecretKey.load(tmp_path))
        await store.accounts.create(ACCOUNT)
        assert await store.accounts.fetch(ACCOUNT.account_sid) == ACCOUNT
        await store.calls.insert(CALL)
        nothing_to_tell = replace(TOLD, token=cast(str, None))
        await store.calls.update(CALL.sid, {"status": "in-progress", "dialog": "{}"}, callbacks=[TOLD])
        assert await store.calls.dialogs() == [Dialog(CALL.sid, "{}")]
        assert await store.outbox.count() == 1
        changes = {"status": "failed", "dialog": None}
        with pytest.raises(sa.exc.IntegrityError):
            await store.calls.update(CALL.sid, changes, callbacks=[TOLD, nothing_to_tell])
        assert await store.calls.fetch(CALL.account_sid, CALL.sid) == replace(CALL, status="in-progress")
        assert await store.outbox.count() == 1
        assert await store.calls.fetch("AC" + "2" * 32, CALL.sid) is None
        await store.calls.update(CALL.sid, {"status": "completed", "dialog": None})
        assert await store.calls.dialogs() == []
        await store.close()

    asyncio.run(main())


@pytest.mark.interop
def test_one_bad_write_takes_no_other_with_it(url: str, tmp_path: Path) -> None:
    async def main() -> None:
        store = await Store.open(url, SystemClock(), SecretKey.load(tmp_path))
        calls = [replace(CALL, sid=f"CA{number:032x}", to="+9") for number in range(30)]
        writes = [store.calls.insert(call) for call in [*calls, calls[3], *calls[:2]]]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert sum(isinstance(result, sa.exc.IntegrityError) for result in results) == 3
        first = await store.calls.page(CALL.account_sid, Page(0, 20), {"to": "+9"})
        second = await store.calls.page(CALL.account_sid, Page(1, 20), {"to": "+9"})
        assert (len(first.rows), first.more, len(second.rows), second.more) == (20, True, 10, False)
        await store.close()

    asyncio.run(main())


@pytest.mark.interop
def test_calls_and_registrations_of_a_domain_are_answered(url: str, tmp_path: Path) -> None:
    async def main() -> None:
        store = await Store.open(url, SystemClock(), SecretKey.load(tmp_path))
        await sip_questions.answered(store)
        await store.close()

    asyncio.run(main())


@pytest.mark.interop
def test_registrations_are_replaced_read_back_and_forgotten(url: str, tmp_path: Path) -> None:
    """As they were, whatever phones wrote; those of an address as one, those that ended not at all."""

    async def main() -> None:
        store = await Store.open(url, SystemClock(), SecretKey.load(tmp_path))
        clock, now = SystemClock(), SystemClock().now()
        flow = Flow("udp", ("198.51.100.1", 5060), ("203.0.113.9", 31337), 1)
        known = [
            Binding(
                "sip:bob@10.0.0.5", now + 600, "c\0\udce9", 2**31 - 1, 0.123, ("<sip:p;lr>",), flow, "<urn:é>", 2**31
            ),
            Binding("sip:bob@10.0.0.6", now + 900, "d", 1, user_agent='Tél "7" \\'),
            Binding("sip:bob@10.0.0.7", now - 1, "e", 1),
        ]
        rows = [to_row(one, ACCOUNT.account_sid, "bob@phones.example", clock) for one in known]
        await store.registrations.replace("bob@phones.example", rows[1:])
        await store.registrations.replace("alice@phones.example", [replace(rows[2], address="alice@phones.example")])
        await store.registrations.replace("bob@phones.example", rows)
        found = await store.registrations.living(clock.wall())
        assert found == rows[:2]
        read = [to_binding(row, clock) for row in found]
        for one, other in zip(known, read, strict=False):
            assert other is not None
            assert abs(other.expires - one.expires) < 0.1
            assert replace(other, expires=one.expires) == one
        await store.registrations.forget(clock.wall())
        await store.registrations.replace("bob@phones.example", [])
        assert await store.registrations.living(NOW) == []
        await store.close()

    asyncio.run(main())
