"""`<Play>`: audio by URL, fetched through the guard, decoded apart, kept as long as the app says that it holds."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from gateway.clock import Clock
from gateway.speech.audio import Audio
from gateway.speech.cache import AudioCache
from gateway.speech.decode import KINDS, decode
from gateway.speech.errors import SpeechError
from gateway.webhooks.client import Webhooks
from gateway.webhooks.request import Answer

__all__ = ["AudioFetcher", "decode"]

LARGEST = 64 << 20  # bytes of a file: 40 minutes of MP3 at 192 kbit/s
REMEMBERED = 1000  # URLs
TOGETHER = 2  # decoders at once
VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})")

Inside = Callable[[str], Awaitable[bytes | None]]
"""The WAV file behind a URL of our own (a recording's), or None where it is not ours."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was fetched: until when it holds, and how to ask whether it still does."""

    audio: Audio
    until: float
    validators: dict[str, str]


class AudioFetcher:
    """`calls.services.Fetcher`. Our own port is closed to fetches, so what is ours comes from `inside`."""

    def __init__(self, webhooks: Webhooks, cache: AudioCache, clock: Clock, inside: Inside | None = None) -> None:
        self._webhooks = webhooks
        self._cache = cache
        self._clock = clock
        self._inside = inside
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._busy: dict[str, asyncio.Task[Audio]] = {}
        self._slots = asyncio.Semaphore(TOGETHER)

    async def fetch(self, url: str) -> Audio:
        """The sound behind a URL; FetchError or SpeechError where there is none. Asked for twice, fetched once."""
        task = self._busy.get(url)
        if task is None:
            task = self._busy[url] = asyncio.create_task(self._fetch(url))
            task.add_done_callback(lambda done: self._done(url, done))
        return await asyncio.shield(task)

    def _done(self, url: str, task: asyncio.Task[Audio]) -> None:
        del self._busy[url]
        if not task.cancelled():
            task.exception()  # told to those who wait; nobody may be left

    async def _fetch(self, url: str) -> Audio:
        own = await self._inside(url) if self._inside is not None else None
        if own is not None:
            return await self._decoded(own, "audio/wav")
        kept = self._kept.get(url)
        if kept is not None and not self._cache.has(kept.audio):
            kept = None
        if kept is not None and self._clock.now() < kept.until:
            return kept.audio
        answer = await self._webhooks.get_media(url, kept.validators if kept else {}, LARGEST)
        if answer.status == 304 and kept is not None:
            audio = kept.audio
        else:
            audio = await self._decoded(answer.body, _kind(answer))
        self._keep(url, audio, answer, kept.validators if kept else {})
        return audio

    def _keep(self, url: str, audio: Audio, answer: Answer, before: dict[str, str]) -> None:
        validators = {VALIDATORS[name]: answer.headers[name] for name in VALIDATORS if name in answer.headers}
        if answer.status == 304:
            validators = {**before, **validators}
        if "no-store" in answer.headers.get("cache-control", ""):
            self._kept.pop(url, None)
            return
        self._kept[url] = Kept(audio, self._clock.now() + self._fresh(answer), validators)
        self._kept.move_to_end(url)
        if len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)

    def _fresh(self, answer: Answer) -> float:
        """For how many seconds nobody needs to ask again (RFC 9111 §4.2.1)."""
        control = answer.headers.get("cache-control", "").lower()
        if "no-cache" in control:
            return 0.0
        if age := _MAX_AGE.search(control):
            return float(age[1])
        try:
            expires = parsedate_to_datetime(answer.headers["expires"])
            return max(0.0, (expires - self._clock.wall()).total_seconds())
        except (KeyError, ValueError, TypeError):
            return 0.0

    async def _decoded(self, data: bytes, kind: str) -> Audio:
        async with self._slots:
            with self._clock.working():
                return await decode(data, kind, self._cache)


def _kind(answer: Answer) -> str:
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise SpeechError(f"{answer.url} is {kind or 'of no content type'}, which is no audio to be played", 12300)
    return kind
