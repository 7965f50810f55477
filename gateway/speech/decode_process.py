"""An untrusted audio file to 8000 Hz mono, in a process with limits: the file on stdin, raw samples on stdout.

`python -m gateway.speech.decode_process TYPE`. What it can use of CPU and memory is bounded; it can open no file and no
socket any more, and on Linux, where the kernel lets it, it has left the network behind besides.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import resource
import sys
from collections.abc import Iterator

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from media.codecs.g711 import ULAW_TO_PCM
from media.frames import RATE

CPU_SECONDS = 20
MEMORY = 1 << 30
LONGEST = 40 * 60  # seconds (twiml-voice.md: Play)
BLOCK = 1 << 15  # samples
RATES = range(2000, 384_001)
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
ULAW = ("audio/ulaw", "audio/basic")
GSM = ("audio/gsm", "audio/x-gsm")


def confine() -> None:
    """Takes away what decoding does not need."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWNET)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def opened(data: bytes, kind: str) -> soundfile.SoundFile:
    """The file, by its own header, or raw by its type; ValueError for what is no audio."""
    raw = not data.startswith((b".snd", b"RIFF"))
    if raw and kind in GSM:
        return soundfile.SoundFile(io.BytesIO(data), format="RAW", subtype="GSM610", samplerate=RATE, channels=1)
    try:
        return soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError as error:
        raise ValueError("its format is not known, or it is damaged") from error


def mono(file: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    """All channels as one, block by block."""
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        yield block.mean(axis=1, dtype=np.float32)


def decode(data: bytes, kind: str) -> Iterator[bytes]:
    """The samples as bytes; ValueError for what is not to be played."""
    if kind in ULAW and not data.startswith((b".snd", b"RIFF")):
        yield ULAW_TO_PCM[np.frombuffer(data, np.uint8)].astype("<i2").tobytes()
        return
    file = opened(data, kind)
    if file.samplerate not in RATES or file.channels > 8:
        raise ValueError(f"{file.samplerate} Hz with {file.channels} channels is no audio for a phone")
    resampler = soxr.ResampleStream(file.samplerate, RATE, 1, dtype="float32")
    for block in mono(file):
        yield samples(resampler.resample_chunk(block))
    yield samples(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def samples(pcm: NDArray[np.float32]) -> bytes:
    """Floats as int16; what is no number is silence."""
    clean = np.nan_to_num(pcm * 32768, nan=0.0)
    return np.clip(np.round(clean), -32768, 32767).astype("<i2").tobytes()


def main() -> int:
    """Decodes; exit status 1 with a line on stderr when it cannot."""
    data = sys.stdin.buffer.read()
    confine()
    left = LONGEST * RATE * 2
    try:
        for chunk in decode(data, sys.argv[1]):
            left -= len(chunk)
            if left < 0:
                raise ValueError(f"it is longer than {LONGEST // 60} minutes")
            sys.stdout.buffer.write(chunk)
    except (soundfile.SoundFileError, ValueError, MemoryError) as error:
        print(str(error) or "it needs too much memory", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
