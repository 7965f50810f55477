"""An audio file as a sound of the cache, decoded in a process of its own."""

from __future__ import annotations

import sys

import numpy as np

from gateway.speech.audio import Audio
from gateway.speech.cache import AudioCache
from gateway.speech.errors import SpeechError
from gateway.speech.process import Limits, ProcessError, run
from gateway.speech.threads import aside
from media.frames import RATE

LONGEST = 40 * 60  # seconds (twiml-voice.md: Play)
LIMITS = Limits(seconds=30.0, cpu=25, output=LONGEST * RATE * 2)

# twiml-voice.md: Play
KINDS = frozenset({
    "audio/mpeg", "audio/mp3", "audio/wav", "audio/wave", "audio/x-wav", "audio/aiff", "audio/x-aiff", "audio/x-aifc",
    "audio/gsm", "audio/x-gsm", "audio/ulaw", "audio/basic",
})  # fmt: skip


async def decode(data: bytes, kind: str, cache: AudioCache) -> Audio:
    """SpeechError 13420 for what cannot be decoded."""
    try:
        raw = await run((sys.executable, "-m", "gateway.speech.decode_process", kind), data, LIMITS)
    except (ProcessError, OSError) as error:
        raise SpeechError(f"not a playable {kind} file: {error}", 13420) from error
    if not raw:
        raise SpeechError(f"not a playable {kind} file: there is no sound in it", 13420)
    return await aside(lambda: cache.put(np.frombuffer(raw, "<i2").astype(np.int16, copy=False)))
