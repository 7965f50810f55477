"""Text to speech: a program speaks to a pipe, the result is resampled, levelled and kept by its content."""

from __future__ import annotations

import asyncio
import shutil
import sys

import numpy as np
import soxr
from numpy.typing import NDArray

from gateway.clock import Clock
from gateway.speech.audio import Audio
from gateway.speech.cache import AudioCache
from gateway.speech.errors import SpeechError
from gateway.speech.voices import choose
from media.files import HEADER_SIZE
from media.frames import RATE, Pcm

TIME_LIMIT = 20.0  # seconds for one text of 4096 characters: a hundred times what it takes
TOGETHER = 4  # programs at once
LEVEL = 0.1  # RMS of speech against full scale: -20 dBFS, what telephone networks expect


def engine(wanted: str = "auto") -> list[str]:
    """The program that speaks; the voice follows as its last argument, the text comes on stdin."""
    system = shutil.which("espeak-ng")
    if wanted in ("auto", "espeak-ng") and system:
        return [system, "--stdin", "--stdout", "-v"]
    if wanted == "espeak-ng":
        raise SpeechError('espeak-ng is not installed (apt-get install espeak-ng, or [speech] engine = "auto")')
    return [sys.executable, "-m", "gateway.speech.espeak_process"]


class Speaker:
    """`calls.services.Speaker`: speaks each text once, however many calls ask for it."""

    def __init__(self, cache: AudioCache, clock: Clock, program: list[str]) -> None:
        self._cache = cache
        self._clock = clock
        self._program = program
        self._slots = asyncio.Semaphore(TOGETHER)
        self._known: dict[tuple[str, str], Audio] = {}
        self._busy: dict[tuple[str, str], asyncio.Task[Audio]] = {}

    async def speak(self, text: str, voice: str, language: str) -> tuple[Audio, list[tuple[int, str]]]:
        """The audio and what had to be replaced; SpeechError when nothing was spoken."""
        chosen, warnings = choose(voice, language)
        key = chosen.name, text
        audio = self._known.get(key)
        if audio is None or not self._cache.has(audio):
            if key not in self._busy:
                self._busy[key] = asyncio.create_task(self._synthesise(*key))
                self._busy[key].add_done_callback(lambda _: self._busy.pop(key))
            audio = await asyncio.shield(self._busy[key])
            self._known[key] = audio
        return audio, warnings

    async def _synthesise(self, voice: str, text: str) -> Audio:
        async with self._slots:
            with self._clock.working():
                wav = await self._run(voice, text)
                return await asyncio.to_thread(self._store, wav)

    async def _run(self, voice: str, text: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._program, voice, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(TIME_LIMIT):
                wav, errors = await process.communicate(text.encode("utf-8", "replace"))
        except TimeoutError:
            raise SpeechError(f"speaking took longer than {TIME_LIMIT:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0 or len(wav) <= HEADER_SIZE:
            reason = errors.decode("utf-8", "replace").strip() or "no sound came"
            raise SpeechError(f"{self._program[0]} did not speak: {reason[:200]}")
        return wav

    def _store(self, wav: bytes) -> Audio:
        rate = int.from_bytes(wav[24:28], "little")
        pcm = np.frombuffer(wav[HEADER_SIZE : len(wav) - len(wav) % 2], "<i2").astype(np.float32) / 32768
        return self._cache.put(levelled(soxr.resample(pcm, rate, RATE)))


def levelled(samples: NDArray[np.float32]) -> Pcm:
    """`samples: (n,) float` as int16 at the level of telephone speech."""
    loud = samples[np.abs(samples) > 0.01]
    rms = float(np.sqrt(np.square(loud).mean())) if len(loud) else 0.0
    gain = LEVEL / rms if rms else 1.0
    pcm: Pcm = np.clip(np.round(samples * gain * 32768), -32768, 32767).astype(np.int16)
    return pcm
