"""Whoever may set a URL tries to make this machine fetch what it should not: none of it leaves the machine."""

from __future__ import annotations

import asyncio

import pytest

from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from tests.gateway.webhooks.test_client import URL, failing, fetch
from tests.lib.web import PUBLIC, FakeWeb, Reply, Seen

METADATA = "169.254.169.254"


def system(host: str) -> list[str]:
    """What the system's resolver makes of a number in any spelling."""
    return {"2852039166": [METADATA], "0251.0376.0251.0376": [METADATA], "0xa9fea9fe": [METADATA],
            "169.254.43518": [METADATA], "169.254.169.254.": [METADATA]}.get(host, [PUBLIC])  # fmt: skip


class Web(FakeWeb):
    """Names as `system` has them."""

    async def lookup(self, host: str) -> list[str]:
        return self.names.get(host) or system(host)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{METADATA}/", "http://2852039166/", "http://0251.0376.0251.0376/", "http://0xa9fea9fe/",
        "http://169.254.43518/", f"http://{METADATA}./", f"http://[::ffff:{METADATA}]/", "http://[::ffff:a9fe:a9fe]/",
        f"http://app.example.com@{METADATA}/", f"http://app.example.com:80@{METADATA}:80/",
        f"http://app.example.com\\@{METADATA}/", f"http://{METADATA}#@app.example.com/", f"http://{METADATA}\\.example/",
        "http://１69.254.169.254/", "http://169。254。169。254/", f"http://{METADATA}%2f@{METADATA}/",
        "http://[fe80::1%25eth0]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::]/",
        "file:///etc/passwd", "gopher://app.example.com/", "http://\tapp.example.com@10.0.0.1/", "http:/10.0.0.1/",
    ],
)  # fmt: skip
def test_no_spelling_leads_inside(url: str) -> None:
    web = Web()
    failing(web, url, web.guard())
    assert web.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "there", [f"http://{METADATA}/latest/meta-data/", "http://2852039166/", "//10.0.0.1/", "http://[::1]/"]
)
def test_no_redirect_leads_inside(status: int, there: str) -> None:
    web = Web()
    web.route(URL, Reply(status=status, headers={"Location": there}))
    error, _ = failing(web, URL, web.guard())
    assert error.code in (11200, 11210)
    assert [seen.url for seen in web.requests] == [URL]


@pytest.mark.parametrize(
    "there", ["file:///etc/passwd", "ftp://app.example.com/", "javascript:1", "gopher://10.0.0.1/"]
)
def test_no_redirect_leads_to_another_protocol(there: str) -> None:
    web = Web()
    web.route(URL, Reply(status=302, headers={"Location": there}))
    assert failing(web, URL, web.guard())[0].code == 11216


class Rebinding(FakeWeb):
    """A name server that gives a public address first, and an inner one from then on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def lookup(self, host: str) -> list[str]:
        self.asked += 1
        return [PUBLIC] if self.asked == 1 else ["10.0.0.1"]


def test_a_name_is_asked_for_once_and_the_connection_goes_to_what_was_judged() -> None:
    web = Rebinding()
    web.route(URL, "<Response/>")
    fetch(web)
    assert web.asked == 1
    assert web.requests[0].addresses == (PUBLIC,)


def test_a_name_that_changes_its_mind_is_refused_at_its_redirect_and_at_its_retry() -> None:
    for reply in (Reply(status=302, headers={"Location": "/again"}), Reply(status=500)):
        web = Rebinding()
        web.route(URL, reply)
        error, _ = failing(web, f"{URL}#rc=1&rp=5xx")
        assert "10.0.0.1" in str(error)
        assert len(web.requests) == 1


def test_a_redirect_takes_no_credentials_and_no_cookies_along() -> None:
    web = FakeWeb()
    there = "http://evil.example/"

    def ask(seen: Seen) -> Reply:
        if "Authorization" not in seen.headers:
            return Reply(status=401, headers={"WWW-Authenticate": "Basic realm=x"})
        return Reply(status=307, headers={"Location": there}, cookies=("session=secret",))

    web.route(URL, ask)
    web.route(there, Reply(status=401, headers={"WWW-Authenticate": "Basic realm=x"}))
    failing(web, URL.replace("://", "://user:secret@"))
    (evil,) = web.at(there)
    assert "Authorization" not in evil.headers
    assert "Cookie" not in evil.headers


def test_a_lookup_that_hangs_is_cut_with_everything_else() -> None:
    async def lookup(host: str) -> list[str]:
        await asyncio.sleep(3600)
        return []

    error, at = failing(FakeWeb(), URL, Guard(lookup=lookup))
    assert isinstance(error, FetchError)
    assert (error.code, at) == (11203, 15)
