"""A recording's file as it is asked for: WAV or MP3, one channel or as it was recorded, whole or in part.

It is read and encoded on threads of its own: an hour of sound must hold up neither the loop nor a name server's answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import lameenc
import numpy as np

from gateway.api.ranges import Part
from media.files import HEADER_SIZE, wav_header
from media.frames import RATE

T = TypeVar("T")

BIT_RATE = 32  # kbit/s: more than 8000 Hz of telephone speech can use
EXECUTOR = ThreadPoolExecutor(2, "recordings")


async def aside(work: Callable[[], T]) -> T:
    """`work` on one of the threads."""
    return await asyncio.get_running_loop().run_in_executor(EXECUTOR, work)


def read(path: Path, part: Part) -> bytes:
    """A part of a file."""
    with path.open("rb") as file:
        file.seek(part.start)
        return file.read(part.stop - part.start)


def _channels(wav: bytes) -> int:
    return int.from_bytes(wav[22:24], "little")


def mixed(wav: bytes) -> bytes:
    """One channel from all of a file's: their mean, so that nothing clips."""
    pcm = np.frombuffer(wav[HEADER_SIZE:], "<i2").reshape(-1, _channels(wav))
    body: bytes = pcm.mean(axis=1).astype("<i2").tobytes()
    return wav_header(1, len(body)) + body


def mp3(wav: bytes) -> bytes:
    """A WAV file of ours as MP3."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(BIT_RATE)
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(_channels(wav))
    encoder.set_quality(5)
    encoder.silence()
    return bytes(encoder.encode(wav[HEADER_SIZE:]) + encoder.flush())
