"""Text to speech: programs speak, what they say is joined and kept by its content."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.speech.audio import Audio
from gateway.speech.cache import AudioCache
from gateway.speech.engines import Engines, engine
from gateway.speech.errors import SpeechError
from gateway.speech.joining import joined
from gateway.speech.process import ProcessError
from gateway.speech.runs import Run, Saying, Step, plan
from gateway.speech.threads import aside
from twiml.ssml import Part

__all__ = ["Speaker", "engine"]

TOGETHER = 4  # programs at once
LONGEST = 4096  # characters (twiml-voice.md: Say)
KNOWN = 10_000  # texts whose sound is remembered


class Speaker:
    """`calls.services.Speaker`: speaks each text once, however many calls ask for it."""

    def __init__(self, cache: AudioCache, clock: Clock, engines: Engines) -> None:
        self._cache = cache
        self._clock = clock
        self._engines = engines
        self._slots = asyncio.Semaphore(TOGETHER)
        self._known: OrderedDict[tuple[Step, ...], Audio] = OrderedDict()
        self._busy: dict[tuple[Step, ...], asyncio.Task[Audio]] = {}

    async def speak(
        self, text: str, voice: str, language: str, parts: Sequence[Part] = ()
    ) -> tuple[Audio, list[tuple[int, str]]]:
        """The audio and what had to be replaced; SpeechError when nothing was spoken. `parts`: how `text` is spoken."""
        text = text.strip()
        if not (text or parts):
            raise SpeechError("there is no text")
        if len(text) > LONGEST:
            raise SpeechError(f"the text has {len(text)} characters, more than {LONGEST}", 13521)
        saying = Saying(voice, language, self._engines.flite is not None, self._engines.prefer_flite)
        steps, warnings = plan(saying, text, parts)
        return await self._spoken(steps), warnings

    async def _spoken(self, steps: tuple[Step, ...]) -> Audio:
        audio = self._known.get(steps)
        if audio is not None and self._cache.has(audio):
            self._known.move_to_end(steps)
            return audio
        task = self._busy.get(steps)
        if task is None:
            task = self._busy[steps] = asyncio.create_task(self._synthesise(steps))
            task.add_done_callback(lambda done: self._done(steps, done))
        return await asyncio.shield(task)  # a caller that hangs up does not silence the others

    def _done(self, steps: tuple[Step, ...], task: asyncio.Task[Audio]) -> None:
        del self._busy[steps]
        if task.cancelled() or task.exception() is not None:
            return
        self._known[steps] = task.result()
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    async def _synthesise(self, steps: tuple[Step, ...]) -> Audio:
        async with self._slots:
            with self._clock.working():
                wavs = [await self._said(step) for step in steps if isinstance(step, Run)]
                return await aside(lambda: self._cache.put(joined(steps, iter(wavs))))

    async def _said(self, run: Run) -> bytes:
        """A WAV file."""
        program = self._engines.flite if run.voice.flite else self._engines.espeak
        if program is None:
            raise SpeechError(f"nothing here speaks {run.voice.name}: espeak-ng is not installed")
        try:
            return await program.speak(run.spans, run.voice.name)
        except (ProcessError, OSError) as error:
            name = "flite" if run.voice.flite else "espeak-ng"
            raise SpeechError(f"{name} did not speak: {error}") from error
