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


def repaired(channels: int, file_size: int) -> bytes:
    """The header of a file that was cut off, whatever it has there: true for its size, whole samples only."""
    data = max(0, file_size - HEADER_SIZE)
    return wav_header(channels, data - data % (2 * channels))


def trimmed(pcm: Pcm) -> tuple[int, int]:
    """`pcm: (samples, channels)` -> first and last sample (exclusive) of what is not silence, in whole frames."""
    frames = len(pcm) // FRAME
    parts = [pcm[: frames * FRAME].reshape(frames, FRAME * pcm.shape[1])] if frames else []
    rest = pcm[frames * FRAME :]
    levels = [*(dbfs(part) for part in parts), *([dbfs(rest.reshape(1, -1))] if len(rest) else [])]
    loud = np.flatnonzero(np.concatenate(levels) > SILENCE) if levels else np.zeros(0, np.int64)
    return (int(loud[0]) * FRAME, min(len(pcm), int(loud[-1] + 1) * FRAME)) if len(loud) else (0, 0)
