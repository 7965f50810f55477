"""`<Play>`: audio by URL, fetched through the guard, decoded apart, kept as long as the app says that it holds."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from dataclasses import dataclass

import numpy as np

from gateway.clock import Clock
from gateway.speech.audio import Audio
from gateway.speech.cache import AudioCache
from gateway.speech.errors import SpeechError
from gateway.webhooks.client import Webhooks
from gateway.webhooks.request import Answer

LARGEST = 100 << 20  # bytes of a file
TIME_LIMIT = 30.0
KINDS = frozenset(
    [
        "audio/mpeg",
        "audio/mp3",
        "audio/wav",
        "audio/wave",
        "audio/x-wav",
        "audio/aiff",
        "audio/x-aiff",
        "audio/x-aifc",
        "audio/gsm",
        "audio/x-gsm",
        "audio/ulaw",
        "audio/basic",
    ]
)
_MAX_AGE = re.compile(r"max-age=(\d+)")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was fetched: until when it holds, and how to ask whether it still does."""

    audio: Audio
    until: float
    validators: dict[str, str]


class AudioFetcher:
    """`calls.services.Fetcher`."""

    def __init__(self, webhooks: Webhooks, cache: AudioCache, clock: Clock) -> None:
        self._webhooks = webhooks
        self._cache = cache
        self._clock = clock
        self._kept: dict[str, Kept] = {}

    async def fetch(self, url: str) -> Audio:
        """The sound behind a URL; FetchError or SpeechError where there is none."""
        kept = self._kept.get(url)
        if kept is not None and not self._cache.has(kept.audio):
            kept = None
        if kept is not None and self._clock.now() < kept.until:
            return kept.audio
        answer = await self._webhooks.get_media(url, kept.validators if kept else {}, LARGEST)
        if answer.status == 304 and kept is not None:
            audio = kept.audio
        else:
            audio = await self._decoded(answer)
        self._kept[url] = self._keep(audio, answer)
        return audio

    def _keep(self, audio: Audio, answer: Answer) -> Kept:
        control = answer.headers.get("cache-control", "")
        age = _MAX_AGE.search(control)
        fresh = int(age[1]) if age and "no-cache" not in control and "no-store" not in control else 0
        names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
        validators = {names[name]: answer.headers[name] for name in names if name in answer.headers}
        return Kept(audio, self._clock.now() + fresh, validators)

    async def _decoded(self, answer: Answer) -> Audio:
        kind = answer.content_type.partition(";")[0].strip().lower()
        if kind not in KINDS:
            raise SpeechError(f"{answer.url} is {kind or 'of no content type'}, which is no audio to be played", 12300)
        with self._clock.working():
            return await decode(answer.body, kind, self._cache)


async def decode(data: bytes, kind: str, cache: AudioCache) -> Audio:
    """A file's bytes as a sound of the cache; SpeechError 13420 for what cannot be decoded."""
    with tempfile.NamedTemporaryFile(suffix=".audio") as file:
        await asyncio.to_thread(file.write, data)
        file.flush()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.speech.decode_process", file.name, kind,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(TIME_LIMIT):
                raw, errors = await process.communicate()
        except TimeoutError:
            raise SpeechError(f"decoding took longer than {TIME_LIMIT:g} s", 13420) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0:
        reason = errors.decode("utf-8", "replace").strip().splitlines()
        raise SpeechError(f"not a playable {kind} file: {reason[-1] if reason else 'the decoder was stopped'}", 13420)
    return await asyncio.to_thread(cache.put, np.frombuffer(raw, "<i2").astype(np.int16))
