"""Text to speech: a program speaks, the result is resampled, levelled and kept by its content."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from gateway.clock import Clock
from gateway.speech.audio import Audio
from gateway.speech.cache import AudioCache
from gateway.speech.engines import Engines, engine
from gateway.speech.errors import SpeechError
from gateway.speech.process import ProcessError
from gateway.speech.threads import aside
from gateway.speech.voices import EngineVoice, choose
from media.files import HEADER_SIZE
from media.frames import RATE, Pcm

__all__ = ["Speaker", "engine"]

TOGETHER = 4  # programs at once
LONGEST = 4096  # characters (twiml-voice.md: Say)
KNOWN = 10_000  # texts whose sound is remembered
LEVEL = 0.1  # RMS of speech against full scale: -20 dBFS, what telephone networks expect
MOST_GAIN = 4.0  # 12 dB either way
PEAK = 0.9


class Speaker:
    """`calls.services.Speaker`: speaks each text once, however many calls ask for it."""

    def __init__(self, cache: AudioCache, clock: Clock, engines: Engines) -> None:
        self._cache = cache
        self._clock = clock
        self._engines = engines
        self._slots = asyncio.Semaphore(TOGETHER)
        self._known: OrderedDict[tuple[EngineVoice, str], Audio] = OrderedDict()
        self._busy: dict[tuple[EngineVoice, str], asyncio.Task[Audio]] = {}

    async def speak(self, text: str, voice: str, language: str) -> tuple[Audio, list[tuple[int, str]]]:
        """The audio and what had to be replaced; SpeechError when nothing was spoken."""
        text = text.strip()
        if not text:
            raise SpeechError("there is no text")
        if len(text) > LONGEST:
            raise SpeechError(f"the text has {len(text)} characters, more than {LONGEST}", 13521)
        chosen, warnings = choose(voice, language, self._engines.flite is not None, self._engines.prefer_flite)
        return await self._spoken(chosen, text), warnings

    async def _spoken(self, voice: EngineVoice, text: str) -> Audio:
        key = voice, text
        audio = self._known.get(key)
        if audio is not None and self._cache.has(audio):
            self._known.move_to_end(key)
            return audio
        task = self._busy.get(key)
        if task is None:
            task = self._busy[key] = asyncio.create_task(self._synthesise(voice, text))
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)  # a caller that hangs up does not silence the others

    def _done(self, key: tuple[EngineVoice, str], task: asyncio.Task[Audio]) -> None:
        del self._busy[key]
        if task.cancelled() or task.exception() is not None:
            return
        self._known[key] = task.result()
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    async def _synthesise(self, voice: EngineVoice, text: str) -> Audio:
        program = self._engines.flite if voice.flite else self._engines.espeak
        if program is None:
            raise SpeechError(f"nothing here speaks {voice.name}: espeak-ng is not installed")
        async with self._slots:
            with self._clock.working():
                try:
                    wav = await program.speak(text, voice.name)
                except (ProcessError, OSError) as error:
                    raise SpeechError(f"{'flite' if voice.flite else 'espeak-ng'} did not speak: {error}") from error
                return await aside(lambda: self._store(wav))

    def _store(self, wav: bytes) -> Audio:
        if len(wav) <= HEADER_SIZE + 1:
            raise SpeechError("no sound came of the text")
        rate = int.from_bytes(wav[24:28], "little")
        pcm = np.frombuffer(wav[HEADER_SIZE : len(wav) - len(wav) % 2], "<i2").astype(np.float32) / 32768
        return self._cache.put(levelled(soxr.resample(pcm, rate, RATE)))


def levelled(samples: NDArray[np.floating[Any]]) -> Pcm:
    """`samples: (n,) float` as int16 at the level of telephone speech, by 12 dB at most."""
    loud = samples[np.abs(samples) > 0.01]
    if len(loud):
        gain = min(max(LEVEL / float(np.sqrt(np.square(loud).mean())), 1 / MOST_GAIN), MOST_GAIN)
        samples = samples * min(gain, PEAK / float(np.abs(loud).max()))
    pcm: Pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    return pcm
