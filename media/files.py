"""WAV files of ours: 8000 Hz int16, one header of fixed size that can be made true again (bytes in, bytes out)."""

from __future__ import annotations

import struct

import numpy as np

from media.frames import FRAME, RATE, Pcm
from media.levels import SILENCE, dbfs

HEADER_SIZE = 44


def wav_header(channels: int, data_bytes: int, rate: int = RATE) -> bytes:
    """A RIFF header for int16 PCM of so many bytes."""
    align = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * align, align, 16,
        b"data", data_bytes,
    )  # fmt: skip


def repaired(header: bytes, file_size: int) -> bytes:
    """The header of a file that was cut off, made true for its size; whole samples only."""
    channels = struct.unpack_from("<H", header, 22)[0]
    rate = struct.unpack_from("<I", header, 24)[0]
    data = max(0, file_size - HEADER_SIZE)
    return wav_header(channels, data - data % (2 * channels), rate)


def trimmed(pcm: Pcm) -> tuple[int, int]:
    """`pcm: (samples, channels)` -> first and last sample (exclusive) of what is not silence, in whole frames."""
    frames = len(pcm) // FRAME
    if frames == 0:
        return 0, len(pcm)
    levels = dbfs(pcm[: frames * FRAME].reshape(frames, -1))
    loud = np.flatnonzero(levels > SILENCE)
    if len(loud) == 0:
        return 0, 0
    last = frames - 1
    return int(loud[0]) * FRAME, len(pcm) if loud[-1] == last else int(loud[-1] + 1) * FRAME
