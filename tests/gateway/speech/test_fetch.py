"""`<Play>` by URL, in virtual time."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np
import pytest
import soundfile

from gateway.sids import Sids
from gateway.speech import remembered
from gateway.speech.cache import AudioCache
from gateway.speech.errors import SpeechError
from gateway.speech.fetch import OF_ACCOUNT, AudioFetcher, Inside
from gateway.store.rows import Account
from gateway.webhooks.client import Webhooks
from gateway.webhooks.errors import FetchError
from gateway.webhooks.signature import sign
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import FakeWeb, Noted, Reply, Seen

T = TypeVar("T")
SID = "AC" + "0" * 32
THEN = datetime(2024, 6, 1, tzinfo=UTC)
URL = "http://app.example.com/hello.wav"


class Accounts:
    async def fetch(self, sid: str) -> Account | None:
        return Account(sid, "secret", "", "active", THEN, THEN)


class Store:
    accounts = Accounts()


def wav(level: int = 1000) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, np.full(4000, level, np.int16), 8000, format="WAV")
    return made.getvalue()


WAV = Reply(wav(), content_type="audio/x-wav; charset=binary")


def fetching(
    folder: Path, web: FakeWeb, work: Callable[[AudioFetcher, VirtualClock], Awaitable[T]], inside: Inside | None = None
) -> T:
    async def main(clock: VirtualClock) -> T:
        webhooks = Webhooks(web, web.guard(), Store(), Sids(Random(1)), clock, Noted())
        return await work(AudioFetcher(webhooks, AudioCache(folder), clock, inside), clock)

    return run(main)


def validating(seen: Seen) -> Reply:
    if seen.headers.get("If-None-Match") == '"1"':
        return Reply(status=304)
    return Reply(wav(), content_type="audio/wav", headers={"ETag": '"1"'})


def test_a_file_is_fetched_and_decoded(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, WAV)

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        audio = await fetcher.fetch(SID, URL)
        assert audio.seconds == 0.5
        assert clock.now() == 0

    fetching(tmp_path, web, work)
    (seen,) = web.requests
    assert (seen.method, seen.headers["X-Twilio-Signature"]) == ("GET", sign("secret", URL))


def test_twenty_calls_fetch_it_once(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, Reply(wav(), content_type="audio/wav", delay=2))

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        gone = asyncio.create_task(fetcher.fetch(SID, URL))
        waiting = [asyncio.create_task(fetcher.fetch(SID, URL)) for _ in range(20)]
        await passes(1)
        gone.cancel()
        assert len(set(await asyncio.gather(*waiting))) == 1

    fetching(tmp_path, web, work)
    assert len(web.requests) == 1


def test_an_account_fetches_so_many_at_once_and_no_other_waits_for_it(tmp_path: Path) -> None:
    """Each may hold 64 MB: a customer's calls with a sound each must not take all memory."""
    web, under_way = FakeWeb(), [0, 0]
    big = [f"http://big.example.com/{number}.wav" for number in range(40)]

    async def serve(seen: Seen) -> Reply:
        under_way[0] += 1
        under_way[1] = max(under_way)
        await passes(10)
        under_way[0] -= 1
        return WAV

    web.host("http://big.example.com", serve)
    web.route(URL, WAV)

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        waiting = [asyncio.create_task(fetcher.fetch(SID, url)) for url in big]
        await passes(1)
        await fetcher.fetch("AC" + "1" * 32, URL)
        assert clock.now() == 1
        await asyncio.gather(*waiting)
        assert clock.now() == 30

    fetching(tmp_path, web, work)
    assert under_way[1] == OF_ACCOUNT == 16


def test_what_an_app_says_to_one_account_does_not_hold_for_another(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, Reply(wav(), content_type="audio/wav", headers={"Cache-Control": "max-age=60"}))

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        await asyncio.gather(*(fetcher.fetch(sid, URL) for sid in (SID, "AC" + "1" * 32)))

    fetching(tmp_path, web, work)
    assert len(web.requests) == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "public, max-age=60"}, 60), ({"Cache-Control": "max-age=60, no-cache"}, 0),
        ({"Expires": "Sat, 01 Jun 2024 12:00:30 GMT"}, 30), ({"Expires": "0"}, 0), ({}, 0),
        ({"Cache-Control": "no-store, max-age=60"}, 0), ({"Cache-Control": "max-age=60", "Vary": "*"}, 0),
        ({"Cache-Control": "max-age=60", "Vary": "Cookie"}, 60), ({"Cache-Control": "max-age=60", "Age": "50"}, 10),
    ],
)  # fmt: skip
def test_it_is_kept_as_long_as_the_app_says(tmp_path: Path, headers: dict[str, str], seconds: float) -> None:
    web = FakeWeb()
    web.route(URL, Reply(wav(), content_type="audio/wav", headers=headers))

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        await fetcher.fetch(SID, URL)
        if seconds:
            await passes(seconds - 1)
            await fetcher.fetch(SID, URL)
            assert len(web.requests) == 1
            await passes(2)
        await fetcher.fetch(SID, URL)
        assert len(web.requests) == 2

    fetching(tmp_path, web, work)


def test_an_old_file_is_asked_after_again_and_again(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, validating)

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        assert len({await fetcher.fetch(SID, URL) for _ in range(3)}) == 1

    fetching(tmp_path, web, work)
    assert [seen.headers.get("If-None-Match") for seen in web.requests] == [None, '"1"', '"1"']


@pytest.mark.parametrize(
    ("headers", "down", "played"),
    [
        ({}, "refusing", True), ({}, "503", True), ({"ETag": '"1"'}, "refusing", True), ({}, "404", False),
        ({"Cache-Control": "must-revalidate"}, "refusing", False), ({"Cache-Control": "no-cache"}, "503", False),
    ],
)  # fmt: skip
def test_a_sound_that_was_had_is_played_while_its_app_is_down(
    tmp_path: Path, headers: dict[str, str], down: str, played: bool
) -> None:
    """RFC 9111 §4.2.4; the app is not asked again for a minute, so that no music waits for it each time."""
    web = FakeWeb()
    web.route(URL, Reply(wav(), content_type="audio/wav", headers=headers))

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        had = await fetcher.fetch(SID, URL)
        web.route(URL, Reply(status=int(down) if down.isdigit() else 200))
        web.refusing.update(["app.example.com"] if down == "refusing" else [])
        if not played:
            with pytest.raises(FetchError):
                await fetcher.fetch(SID, URL)
            return
        for _ in range(2):
            assert await fetcher.fetch(SID, URL) == had
        web.refusing.clear()
        web.route(URL, Reply(wav(2000), content_type="audio/wav"))
        await passes(61)
        assert await fetcher.fetch(SID, URL) != had

    fetching(tmp_path, web, work)
    assert len(web.requests) <= 3


def test_a_sound_that_was_dropped_is_fetched_anew(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, validating)

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        audio = await fetcher.fetch(SID, URL)
        (tmp_path / "cache" / "audio" / f"{audio.sha}.s16").unlink()
        assert await fetcher.fetch(SID, URL) == audio

    fetching(tmp_path, web, work)
    assert [seen.headers.get("If-None-Match") for seen in web.requests] == [None, None]


@pytest.mark.parametrize(("headers", "asked"), [({"Cache-Control": "max-age=600"}, 0), ({"ETag": '"1"'}, 1), ({}, 1)])
def test_a_restart_remembers_what_holds_and_asks_after_the_rest(
    tmp_path: Path, headers: dict[str, str], asked: int
) -> None:
    web = FakeWeb()

    def reply(seen: Seen) -> Reply:
        if "If-None-Match" in seen.headers:
            return Reply(status=304)
        return Reply(wav(), content_type="audio/wav", headers=headers)

    web.route(URL, reply)

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> str:
        return (await fetcher.fetch(SID, URL)).sha

    first = fetching(tmp_path, web, work)
    assert fetching(tmp_path, web, work) == first
    again = web.requests[1:]
    assert len(again) == asked
    assert [seen.headers.get("If-None-Match") for seen in again] == [headers.get("ETag")] * asked
    assert "example" not in str([path.read_text() for path in (tmp_path / "cache" / "urls").iterdir()])


def test_what_cannot_be_read_at_a_restart_is_fetched(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, Reply(wav(), content_type="audio/wav", headers={"Cache-Control": "max-age=600"}))

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        await fetcher.fetch(SID, URL)

    for broken in ("", "{", "[]", '{"sha": "x"}', '{"sha": "x", "seconds": 1, "until": "never", "validators": {}}'):
        fetching(tmp_path, web, work)
        (path,) = (tmp_path / "cache" / "urls").iterdir()
        path.write_text(broken)
        before = len(web.requests)
        fetching(tmp_path, web, work)
        assert len(web.requests) == before + 1


def test_so_many_urls_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 3)
    web = FakeWeb()
    urls = [f"http://app.example.com/{number}.wav" for number in range(5)]
    for url in urls:
        web.route(url, Reply(wav(), content_type="audio/wav", headers={"Cache-Control": "max-age=600"}))

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> None:
        for url in [*urls, *urls[2:], urls[0]]:
            await fetcher.fetch(SID, url)

    fetching(tmp_path, web, work)
    assert [seen.url for seen in web.requests] == [*urls, urls[0]]
    assert len([*(tmp_path / "cache" / "urls").iterdir()]) == 3


def failing(folder: Path, web: FakeWeb) -> tuple[int, str]:
    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> tuple[int, str]:
        try:
            await fetcher.fetch(SID, URL)
        except (SpeechError, FetchError) as error:
            return error.code, str(error)
        raise AssertionError("it was fetched")

    return fetching(folder, web, work)


def test_what_is_no_audio_is_12300(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, Reply("<html/>", content_type="text/html; charset=utf-8"))
    assert failing(tmp_path, web) == (12300, f"{URL} is text/html, which is no audio to be played")
    web.route(URL, Reply(wav(), content_type=""))
    assert failing(tmp_path, web) == (12300, f"{URL} is of no content type, which is no audio to be played")


def test_what_says_audio_and_is_none_is_13420(tmp_path: Path) -> None:
    web = FakeWeb()
    web.route(URL, Reply("not audio at all", content_type="audio/mpeg"))
    code, sentence = failing(tmp_path, web)
    assert code == 13420
    assert sentence.startswith("not a playable audio/mpeg file: ")


def test_what_cannot_be_fetched_keeps_its_code(tmp_path: Path) -> None:
    web = FakeWeb()
    assert failing(tmp_path, web) == (11200, f"{URL} answered 404")
    web.refusing.add("app.example.com")
    assert failing(tmp_path, web)[0] == 11202


def test_a_recording_of_ours_is_played_without_a_request(tmp_path: Path) -> None:
    web = FakeWeb()

    async def inside(url: str) -> bytes | None:
        return wav(5) if url == URL else None

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> float:
        return (await fetcher.fetch(SID, URL)).seconds

    assert fetching(tmp_path, web, work, inside) == 0.5
    assert web.requests == []
