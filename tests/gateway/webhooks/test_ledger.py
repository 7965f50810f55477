"""What was sent to apps is written down, beside the calls, and can be asked for within a day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.api.http import Reply as ApiReply
from gateway.api.http import Request, Router
from gateway.api.operator.requests import SentRequests
from gateway.errors import ApiError
from gateway.sids import Sids
from gateway.store import Store
from gateway.store.keeper import Keeper
from gateway.store.requests import Sent
from gateway.store.rows import Account, Callback
from gateway.store.secret import SecretKey
from gateway.webhooks import ledger
from gateway.webhooks.client import Webhooks
from gateway.webhooks.errors import FetchError
from gateway.webhooks.ledger import Ledger
from gateway.webhooks.request import WebhookRequest
from gateway.webhooks.signature import digest
from tests.lib.loop import START, VirtualClock, passes, run
from tests.lib.web import FakeWeb, Reply

SID, KEY = "AC" + "1" * 32, "the auth token"
CALL = "CA" + "2" * 32
URL = "https://app.example.com:8443/voice?a=1"
PARAMS = {"To": "+1", "From": "+2"}


class Desk:
    """A store with its ledger, an app, and the operator's questions."""

    def __init__(self, clock: VirtualClock, store: Store, most: int) -> None:
        self.clock, self.store, self.web = clock, store, FakeWeb()
        self.ledger = Ledger(store.requests, most)
        self.hooks = Webhooks(self.web, self.web.guard(), store, Sids(Random(1)), clock, self.ledger)
        self.router = Router(SentRequests(store.requests, self.ledger).routes())

    async def fetch(self, url: str = URL, token: str = "t1", method: str = "POST") -> None:
        """A document that may fail."""
        with suppress(FetchError):
            await self.hooks.fetch(WebhookRequest(SID, url, method, PARAMS, token=token, subject=CALL))

    async def get(self, path: str, **fields: str) -> Any:
        """What the operator is answered."""
        serve, variables = self.router.find("GET", path)
        reply: ApiReply = await serve(Request("GET", path, variables, {name: [text] for name, text in fields.items()}))
        return reply.json

    async def token(self, token: str = "t1") -> list[dict[str, Any]]:
        """The requests with a token."""
        found: list[dict[str, Any]] = (await self.get(f"/operator/v1/requests/{token}"))["requests"]
        return found


@asynccontextmanager
async def desk(clock: VirtualClock, folder: Path, most: int = 100) -> AsyncIterator[Desk]:
    store = await Store.open(f"sqlite+aiosqlite:///{folder}/test.db", clock, SecretKey(b"x"))
    try:
        await store.accounts.create(Account(SID, KEY, "", "active", START, START))
        yield Desk(clock, store, most)
    finally:
        await store.close()


def test_the_exact_string_that_was_signed_is_shown(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            one.web.route(URL.partition("?")[0], Reply("<Response/>", delay=0.25))
            await one.fetch()
            (sent,) = await one.token()
            assert sent["signed"] == "https://app.example.com/voice?a=1From+2To+1"
            headers = one.web.requests[0].headers
            assert sent["headers"] == headers
            assert headers["X-Twilio-Signature"] == digest(KEY, sent["signed"])
            assert (sent["account_sid"], sent["call_sid"], sent["method"], sent["url"]) == (SID, CALL, "POST", URL)
            assert (sent["status"], sent["duration_ms"], sent["error"]) == (200, 250, None)
            assert sent["date"] == START.isoformat()
            (kept,) = await one.store.requests.of_token("t1")
            assert (kept.params, kept.content_type, kept.answer) == (PARAMS, "text/xml", "<Response/>")

    run(main)


def test_every_attempt_and_every_redirect_is_shown(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            there = "http://app.example.com/there"
            one.web.route("http://app.example.com/v", Reply(status=307, headers={"Location": there}))
            one.web.route(there, Reply(status=503))
            await one.fetch("http://app.example.com/v#rc=1&rp=5xx")
            sent = await one.token()
            assert [(row["url"][22:], row["status"]) for row in sent] == [("/v", 307), ("/there", 503)] * 2
            assert len({row["headers"]["I-Twilio-Idempotency-Token"] for row in sent}) == 1

    run(main)


@pytest.mark.parametrize(
    ("url", "error", "took"),
    [
        ("http://dead.example.com/", "refused", 0), ("http://10.0.0.1/", "may not reach", 0),
        ("http://app.example.com/slow#rt=300", "nothing came for 0.3 s", 300),
        ("http://app.example.com/slow#tt=200", "the time for all of it was over", 200),
    ],
)  # fmt: skip
def test_what_got_no_answer_says_why(tmp_path: Path, url: str, error: str, took: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            one.web.refusing.add("dead.example.com")
            one.web.route("http://app.example.com/slow", Reply(delay=9))
            await one.fetch(url + ("&" if "#" in url else "#") + "rc=0")
            (sent,) = await one.token()
            assert error in sent["error"]
            assert (sent["status"], sent["duration_ms"]) == (None, took)

    run(main)


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            one.web.route("http://app.example.com/", Reply(status=401, headers={"WWW-Authenticate": "Basic realm=x"}))
            await one.fetch("http://user:secret@app.example.com/")
            sent = await one.token()
            assert [row["headers"].get("Authorization") for row in sent] == [None, "…"]
            assert "secret" not in str(sent)

    run(main)


def test_a_calls_requests_are_listed_callbacks_too(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            await one.fetch(token="t1")
            await one.hooks.deliver(Callback(SID, CALL, URL, "GET", {"CallStatus": "completed"}, "t2"))
            await one.hooks.deliver(Callback(SID, "CF" + "3" * 32, URL, "POST", {}, "t3"))
            found = (await one.get("/operator/v1/requests", CallSid=CALL))["requests"]
            assert [(row["id"], row["method"]) for row in found] == [("t1", "POST"), ("t2", "GET")]
            assert found[1]["signed"] == "https://app.example.com/voice?a=1&CallStatus=completed"

    run(main)


def test_who_asks_for_nothing_or_for_what_is_not_there_is_told(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            for path, code in (("/operator/v1/requests", 20001), ("/operator/v1/requests/nothing", 20404)):
                with pytest.raises(ApiError) as raised:
                    await one.get(path)
                assert raised.value.code == code

    run(main)


def test_requests_are_written_together_a_second_later_and_at_the_end(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            task = asyncio.create_task(one.ledger.run())
            await passes(5)
            for number in range(3):
                await one.fetch(token=f"t{number}")
            await passes(0.9)
            assert await one.store.requests.of_token("t0") == []
            await passes(0.2)
            assert [len(await one.store.requests.of_token(f"t{number}")) for number in range(3)] == [1, 1, 1]
            await one.fetch(token="last")
            await passes(0)
            task.cancel()
            await asyncio.wait([task])
            assert len(await one.store.requests.of_token("last")) == 1

    run(main)


def row(number: int) -> Sent:
    return Sent(SID, f"t{number}", CALL, START, "GET", URL, URL, {}, 200, 1, "")


def test_the_newest_stay_where_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "TOGETHER", 7)

    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path, most=20) as one:
            for number in range(50):
                one.ledger.note(row(number))
            await one.ledger.flush()
            found = await one.store.requests.of_subject(CALL)
            assert [sent.token for sent in found] == [f"t{number}" for number in range(30, 50)]

    run(main)


def test_nothing_is_kept_where_nothing_shall_be(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path, most=0) as one:
            await one.fetch()
            await one.ledger.flush()
            assert await one.store.requests.of_token("t1") == []

    run(main)


def test_a_day_later_they_are_gone(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            keeper = Keeper(one.store, clock, tmp_path, 400)
            for number, hours in enumerate((25, 24.1, 23.9, 0)):
                one.ledger.note(replace(row(number), date=clock.wall() - timedelta(hours=hours)))
            await one.ledger.flush()
            await keeper.sweep()
            assert [sent.token for sent in await one.store.requests.of_subject(CALL)] == ["t2", "t3"]
            await passes(90_000)
            await keeper.sweep()
            assert await one.store.requests.of_subject(CALL) == []

    run(main)


def test_a_database_that_fails_costs_memory_up_to_a_bound_and_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "WAITING", 5)

    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:

            async def fails(*_: object) -> None:
                raise sa.exc.OperationalError("insert", {}, Exception("disk full"))

            monkeypatch.setattr(one.store.requests, "insert", fails)
            for number in range(8):
                one.ledger.note(row(number))
            await one.ledger.flush()
            monkeypatch.undo()
            await one.ledger.flush()
            assert len(await one.store.requests.of_subject(CALL)) == 5

    run(main)


def test_a_request_that_cannot_be_written_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            real = one.store.requests.insert

            async def picky(rows: Sequence[Sent], most: int) -> None:
                if any(sent.token == "t2" for sent in rows):
                    raise sa.exc.DataError("insert", {}, Exception("value too long"))
                await real(rows, most)

            monkeypatch.setattr(one.store.requests, "insert", picky)
            for number in range(5):
                one.ledger.note(row(number))
            await one.ledger.flush()
            assert [sent.token for sent in await one.store.requests.of_subject(CALL)] == ["t0", "t1", "t3", "t4"]

    run(main)


def test_what_is_no_text_takes_no_other_with_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:
            for sent in (row(0), replace(row(1), answer="half of a pair: \ud83d"), row(2)):
                one.ledger.note(sent)
            await one.ledger.flush()
            assert [sent.token for sent in await one.store.requests.of_subject(CALL)] == ["t0", "t2"]

    run(main)


def test_a_database_that_cannot_be_reached_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(clock: VirtualClock) -> None:
        async with desk(clock, tmp_path) as one:

            async def unreachable(*_: object) -> None:
                raise ConnectionRefusedError

            task = asyncio.create_task(one.ledger.run())
            monkeypatch.setattr(one.store.requests, "insert", unreachable)
            one.ledger.note(row(1))
            await passes(2)
            monkeypatch.undo()
            one.ledger.note(row(2))
            await passes(2)
            assert [sent.token for sent in await one.store.requests.of_subject(CALL)] == ["t1", "t2"]
            task.cancel()
            await asyncio.wait([task])

    run(main)
