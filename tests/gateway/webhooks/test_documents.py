"""Documents that are fetched by GET are kept as their app says (webhooks.md: caching), in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random

import pytest

from gateway.sids import Sids
from gateway.store.rows import Account
from gateway.webhooks import documents
from gateway.webhooks.client import Webhooks
from gateway.webhooks.errors import FetchError
from gateway.webhooks.request import WebhookRequest
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import FakeWeb, Noted, Reply, Seen

URL = "http://app.example.com/menu"
THEN = datetime(2024, 6, 1, tzinfo=UTC)
TEXT = "<Response/>"


class Accounts:
    async def fetch(self, sid: str) -> Account | None:
        return Account(sid, "secret", "", "active", THEN, THEN)


class Store:
    accounts = Accounts()


def using(web: FakeWeb, work: Callable[[Webhooks, VirtualClock], Awaitable[None]]) -> None:
    async def main(clock: VirtualClock) -> None:
        await work(Webhooks(web, web.guard(), Store(), Sids(Random(1)), clock, Noted()), clock)

    run(main)


def asking(method: str = "GET", url: str = URL, account: str = "AC1", **params: str) -> WebhookRequest:
    return WebhookRequest(account, url, method, params)


@pytest.mark.parametrize(
    ("headers", "method", "seconds"),
    [
        ({"Cache-Control": "max-age=60"}, "GET", 60), ({"Cache-Control": "max-age=60"}, "POST", 0),
        ({"Expires": "Sat, 01 Jun 2024 12:00:30 GMT"}, "GET", 30), ({}, "GET", 0),
        ({"Cache-Control": "no-store, max-age=60"}, "GET", 0), ({"Cache-Control": "no-cache"}, "GET", 0),
        ({"Cache-Control": "max-age=60", "Vary": "Accept, Cookie"}, "GET", 0),
        ({"Cache-Control": "max-age=60", "Vary": "Authorization"}, "GET", 0),
        ({"Cache-Control": "max-age=60", "Vary": "*"}, "GET", 0),
        ({"Cache-Control": "max-age=60", "Vary": "Accept-Encoding, User-Agent"}, "GET", 60),
        ({"Cache-Control": "max-age=60", "Age": "20"}, "GET", 40),
        ({"Cache-Control": "max-age=60", "Age": "70"}, "GET", 0),
        ({"Expires": "Sat, 01 Jun 2024 18:00:30 GMT", "Date": "Sat, 01 Jun 2024 18:00:00 GMT"}, "GET", 30),
    ],
)  # fmt: skip
def test_a_document_is_kept_as_long_as_the_app_says(headers: dict[str, str], method: str, seconds: float) -> None:
    web = FakeWeb()
    web.route(URL, Reply(TEXT, headers=headers))

    async def work(hooks: Webhooks, clock: VirtualClock) -> None:
        await hooks.fetch(asking(method))
        if seconds:
            await passes(seconds - 0.1)
            assert (await hooks.fetch(asking(method))).body == TEXT.encode()
            assert len(web.requests) == 1
            await passes(0.2)
        await hooks.fetch(asking(method))
        assert len(web.requests) == 2

    using(web, work)


@pytest.mark.parametrize(
    ("name", "value", "asked"), [("ETag", '"1"', "If-None-Match"), ("Last-Modified", "yesterday", "If-Modified-Since")]
)
def test_an_old_document_is_asked_after(name: str, value: str, asked: str) -> None:
    web = FakeWeb()
    web.route(URL, lambda seen: Reply(status=304) if asked in seen.headers else Reply(TEXT, headers={name: value}))

    async def work(hooks: Webhooks, clock: VirtualClock) -> None:
        for _ in range(3):
            answer = await hooks.fetch(asking())
            assert (answer.status, answer.body) == (200, TEXT.encode())

    using(web, work)
    assert [seen.headers.get(asked) for seen in web.requests] == [None, value, value]


def test_parameters_and_accounts_have_documents_of_their_own() -> None:
    web = FakeWeb()
    web.route(URL, lambda seen: Reply(seen.url, headers={"Cache-Control": "max-age=60"}))

    async def work(hooks: Webhooks, clock: VirtualClock) -> None:
        for account, call in (("AC1", "CA1"), ("AC1", "CA2"), ("AC2", "CA1"), ("AC1", "CA1")):
            answer = await hooks.fetch(asking(account=account, CallSid=call))
            assert answer.body.decode() == f"{URL}?CallSid={call}"

    using(web, work)
    assert len(web.requests) == 3


@pytest.mark.parametrize("status", [404, 500])
def test_errors_are_not_kept(status: int) -> None:
    web = FakeWeb()
    web.route(URL, Reply(status=status, headers={"Cache-Control": "max-age=60"}))

    async def work(hooks: Webhooks, clock: VirtualClock) -> None:
        for _ in range(2):
            with pytest.raises(FetchError):
                await hooks.fetch(asking())

    using(web, work)
    assert len(web.requests) == 2


def test_what_sets_a_cookie_or_comes_by_a_redirect_is_not_kept() -> None:
    web, fresh = FakeWeb(), {"Cache-Control": "max-age=60"}
    web.route(URL, Reply(TEXT, headers=fresh, cookies=("a=1",)))
    web.route(f"{URL}/old", Reply(status=302, headers=fresh | {"Location": f"{URL}/new"}))
    web.route(f"{URL}/new", Reply(TEXT, headers=fresh))

    async def work(hooks: Webhooks, clock: VirtualClock) -> None:
        for url in (URL, URL, f"{URL}/old", f"{URL}/old"):
            await hooks.fetch(asking(url=url))

    using(web, work)
    assert len(web.requests) == 6


def test_the_least_recently_used_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 25)
    web = FakeWeb()

    def reply(seen: Seen) -> Reply:
        return Reply("x" * 10, headers={"Cache-Control": "max-age=60"})

    for name in "abc":
        web.route(f"{URL}/{name}", reply)

    async def work(hooks: Webhooks, clock: VirtualClock) -> None:
        for name in "abacaba":
            await hooks.fetch(asking(url=f"{URL}/{name}"))

    using(web, work)
    assert [seen.url[-1] for seen in web.requests] == ["a", "b", "c", "b"]
