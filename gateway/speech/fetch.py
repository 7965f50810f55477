"""`<Play>`: audio by URL, fetched through the guard, decoded apart, kept as long as the app says that it holds."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.clock import Clock
from gateway.speech.audio import Audio
from gateway.speech.cache import AudioCache
from gateway.speech.decode import KINDS, decode
from gateway.speech.errors import SpeechError
from gateway.speech.remembered import Kept, Key, Remembered
from gateway.webhooks import freshness
from gateway.webhooks.client import Webhooks
from gateway.webhooks.errors import FetchError
from gateway.webhooks.request import Answer

LOG = logging.getLogger(__name__)

LARGEST = 64 << 20  # bytes of a file: 40 minutes of MP3 at 192 kbit/s
STALE = 60.0  # seconds for which an app that is down is not asked again for a sound that is here
OF_ACCOUNT = 16  # fetches at once: each may hold a file of the largest
TOGETHER = 2  # decoders at once

Inside = Callable[[str], Awaitable[bytes | None]]
"""The WAV file behind a URL of our own (a recording's), or None where it is not ours."""


class AudioFetcher:
    """`calls.services.Fetcher`. Our own port is closed to fetches, so what is ours comes from `inside`."""

    def __init__(self, webhooks: Webhooks, cache: AudioCache, clock: Clock, inside: Inside | None = None) -> None:
        self._webhooks = webhooks
        self._cache = cache
        self._clock = clock
        self._inside = inside
        self._remembered = Remembered(cache.folder.parent / "urls", clock)
        self._busy: dict[Key, asyncio.Task[Audio]] = {}
        self._slots = asyncio.Semaphore(TOGETHER)
        self._of_account: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(OF_ACCOUNT))

    async def fetch(self, account_sid: str, url: str) -> Audio:
        """The sound behind a URL; FetchError or SpeechError where there is none. Asked for twice, fetched once."""
        key = account_sid, url
        task = self._busy.get(key)
        if task is None:
            task = self._busy[key] = asyncio.create_task(self._fetch(key))
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    def _done(self, key: Key, task: asyncio.Task[Audio]) -> None:
        del self._busy[key]
        if not task.cancelled():
            task.exception()  # told to those who wait; nobody may be left

    async def _fetch(self, key: Key) -> Audio:
        url = key[1]
        own = await self._inside(url) if self._inside is not None else None
        if own is not None:
            return await self._decoded(own, "audio/wav")
        kept = await self._remembered.get(key)
        if kept is not None and not self._cache.has(kept.audio):
            kept = None
        if kept is not None and self._clock.now() < kept.until:
            return kept.audio
        async with self._of_account[key[0]]:
            return await self._asked(key, kept)

    async def _asked(self, key: Key, kept: Kept | None) -> Audio:
        """The sound as the app has it now, or as it was kept where the app is down."""
        try:
            answer = await self._webhooks.get_media(*key, kept.validators if kept else {}, LARGEST)
        except FetchError as error:
            if kept is None or not kept.stale or not error.is_down:
                raise
            LOG.warning("! %d: %s: what was kept of it is played", error.code, error)
            await self._remembered.put(key, replace(kept, until=self._clock.now() + STALE))
            return kept.audio
        if answer.status == 304 and kept is not None:
            audio = kept.audio
        else:
            audio = await self._decoded(answer.body, _kind(answer))
        await self._keep(key, audio, answer, kept.validators if kept else {})
        return audio

    async def _keep(self, key: Key, audio: Audio, answer: Answer, before: dict[str, str]) -> None:
        validators = freshness.validators(answer.headers)
        if answer.status == 304:
            validators = {**before, **validators}
        if not freshness.may_be_kept(answer.headers):
            await self._remembered.drop(key)
            return
        until = self._clock.now() + freshness.seconds(answer.headers, self._clock.wall())
        await self._remembered.put(key, Kept(audio, until, validators, freshness.may_be_stale(answer.headers)))

    async def _decoded(self, data: bytes, kind: str) -> Audio:
        async with self._slots:
            with self._clock.working():
                return await decode(data, kind, self._cache)


def _kind(answer: Answer) -> str:
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise SpeechError(f"{answer.url} is {kind or 'of no content type'}, which is no audio to be played", 12300)
    return kind
