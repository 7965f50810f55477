"""What `[stir]` may have, and what is said of what it may not; the cache of certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.config import ConfigError
from gateway.sections import Stir
from gateway.trunks.certificates import KEPT, LARGEST, TOGETHER, Certificates
from gateway.trunks.model import Trunk
from gateway.trunks.stir import attested, load_roots, load_signer
from tests.lib import stir as telephony
from tests.lib.loop import START, VirtualClock, passes, run
from tests.lib.web import FakeWeb, Reply

ROOT = telephony.Authority(START)
US = ROOT.signer("709J")
PUBLIC = "https://gateway.example"


def files(folder: Path, certificate: bytes = US.pem, key: bytes = US.key_pem, url: str | None = None) -> Stir:
    (folder / "c.pem").write_bytes(certificate)
    (folder / "c.key").write_bytes(key)
    return Stir(certificate=folder / "c.pem", key=folder / "c.key", url=url)


def test_the_certificate_is_served_under_a_path_that_changes_with_it(tmp_path: Path) -> None:
    first = load_signer(files(tmp_path), PUBLIC, "s")
    again = load_signer(files(tmp_path), PUBLIC, "s")
    other = load_signer(files(tmp_path, ROOT.signer("709J", key=US.key).pem), PUBLIC, "s")
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.url == PUBLIC + first.path == again.url
    assert first.path.startswith("/stir/")
    assert first.path != other.path


def test_who_serves_it_elsewhere_says_where(tmp_path: Path) -> None:
    found = load_signer(files(tmp_path, url="https://certs.example/709J.pem"), "http://127.0.0.1:8080", "s")
    assert found is not None
    assert found.url == "https://certs.example/709J.pem"
    assert load_signer(Stir(), PUBLIC, "s") is None


@pytest.mark.parametrize(
    ("certificate", "key", "public", "why"),
    [
        (US.pem, US.key_pem, "http://gateway.example", "is not https://: set it, or an http.public_url that is"),
        (b"nothing", US.key_pem, PUBLIC, "stir.certificate .*is no certificate"),
        (ROOT.signer().pem, US.key_pem, PUBLIC, "it has no TNAuthList"),
        (US.pem, b"nothing", PUBLIC, "stir.key "),
        (US.pem, ROOT.signer("1").key_pem, PUBLIC, "it is not the key of stir.certificate"),
        (US.pem, ROOT.signer("1", key=ec.generate_private_key(ec.SECP384R1())).key_pem, PUBLIC, "no key of P-256"),
    ],
)
def test_what_cannot_sign_is_said_at_the_start(
    tmp_path: Path, certificate: bytes, key: bytes, public: str, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        load_signer(files(tmp_path, certificate, key), public, "s")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    settings = Stir(roots=tmp_path / "r.pem", certificate=tmp_path / "c.pem", key=tmp_path / "c.key")
    with pytest.raises(ConfigError, match=r"stir.certificate .*c.pem: No such file or directory"):
        load_signer(settings, PUBLIC, "s")
    with pytest.raises(ConfigError, match=r"stir.roots .*r.pem: No such file or directory"):
        load_roots(settings)
    (tmp_path / "r.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"stir.roots .*r.pem: "):
        load_roots(settings)
    (tmp_path / "r.pem").write_bytes(ROOT.pem)
    assert load_roots(settings) is not None
    assert load_roots(Stir()) is None


@pytest.mark.parametrize(
    ("wanted", "own", "level"),
    [("A", True, "A"), ("A", False, "B"), ("B", True, "B"), ("C", True, "C"), ("C", False, "C"), (None, True, None)],
)
def test_a_is_for_numbers_of_the_account(wanted: Any, own: bool, level: str | None) -> None:
    assert attested(Trunk(name="t", attestation=wanted), own=own) == level


# the cache


class Shelf:
    """Certificates in virtual time; tasks belong to the loop of the test."""

    def __init__(self, clock: VirtualClock, **own: Any) -> None:
        self.web = FakeWeb()
        self.tasks: list[asyncio.Task[object]] = []
        self.certificates = Certificates(self.web, self.web.guard(), clock, self._spawn, **own)

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def has(self, url: str) -> bool:
        return url in await self.certificates.of([url])


def url(number: int) -> str:
    return f"https://certs.example/{number}.pem"


def test_only_so_many_are_kept_and_fetched_at_once() -> None:
    async def main(clock: VirtualClock) -> None:
        shelf = Shelf(clock)
        for number in range(KEPT + 30):
            shelf.web.route(url(number), Reply(US.pem, delay=0.1))
        found = await shelf.certificates.of(url(number) for number in range(TOGETHER + 10))
        assert len(found) == TOGETHER
        for number in range(KEPT + 30):
            assert await shelf.has(url(number))
        asked = len(shelf.web.requests)
        assert await shelf.has(url(KEPT + 29))
        assert len(shelf.web.requests) == asked
        assert await shelf.has(url(0)), "it was forgotten, and is fetched again"
        assert len(shelf.web.requests) == asked + 1

    run(main)


@pytest.mark.parametrize(
    ("control", "seconds"),
    [("max-age=5", 60.0), ("public, max-age=120", 120.0), ("max-age=99999999", 86400.0), ("", 3600.0)],
)
def test_how_long_a_certificate_is_not_asked_for_again(control: str, seconds: float) -> None:
    async def main(clock: VirtualClock) -> None:
        shelf = Shelf(clock)
        shelf.web.route(url(1), Reply(US.pem, headers={"Cache-Control": control}))
        for wait, asked in ((seconds - 1, 1), (2, 1), (0, 2)):
            assert await shelf.has(url(1))
            assert len(shelf.web.requests) == asked
            await passes(wait)

    run(main)


@pytest.mark.parametrize(
    "reply",
    [Reply(US.pem, status=404), Reply(b"<html/>"), Reply(US.pem + b" " * LARGEST),
     Reply(b"", status=302, headers={"Location": "https://other.example/"})],
)  # fmt: skip
def test_what_is_no_certificate_is_left_alone_for_half_a_minute(reply: Reply) -> None:
    async def main(clock: VirtualClock) -> None:
        shelf = Shelf(clock)
        shelf.web.route(url(1), reply)
        assert not await shelf.has(url(1))
        shelf.web.route(url(1), Reply(US.pem))
        await passes(29)
        assert not await shelf.has(url(1))
        await passes(2)
        assert await shelf.has(url(1))
        assert len(shelf.web.requests) == 2

    run(main)


def test_who_waits_and_goes_takes_nobody_along() -> None:
    async def main(clock: VirtualClock) -> None:
        shelf = Shelf(clock)
        shelf.web.route(url(1), Reply(US.pem, delay=1.0))
        first, second = (asyncio.create_task(shelf.has(url(1))) for _ in range(2))
        await passes(0.5)
        first.cancel()
        assert await second
        assert len(shelf.web.requests) == 1

    run(main)


def test_our_own_is_not_fetched(tmp_path: Path) -> None:
    """Our own port is closed to fetches."""
    signer = load_signer(files(tmp_path), PUBLIC, "s")
    assert signer is not None

    async def main(clock: VirtualClock) -> None:
        shelf = Shelf(clock, own={signer.url: signer.chain})
        assert await shelf.has(signer.url)
        assert shelf.web.requests == []

    run(main)
