"""An untrusted audio file to 8000 Hz mono, in a process with limits: file name and type in, raw samples on stdout.

`python -m gateway.speech.decode_process FILE TYPE`. It can use so much CPU and memory and write no file; on Linux, as
root, it also leaves the network behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys

import numpy as np
import soundfile
import soxr

from media.codecs.g711 import ULAW_TO_PCM
from media.frames import RATE

CPU_SECONDS = 20
MEMORY = 2 << 30
LONGEST = 40 * 60  # seconds
CLONE_NEWNET = 0x40000000
RAW = ("audio/ulaw", "audio/basic")


def confine() -> None:
    """Takes away what decoding does not need."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(CLONE_NEWNET)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def decode(path: str, kind: str) -> bytes:
    """The samples as bytes; soundfile.LibsndfileError or ValueError for what is no audio."""
    if kind in RAW:
        with open(path, "rb") as file:
            data = file.read()
        if not data.startswith(b".snd"):
            return bytes(ULAW_TO_PCM[np.frombuffer(data, np.uint8)][: LONGEST * RATE].astype("<i2"))
    with soundfile.SoundFile(path) as file:
        samples = file.read(LONGEST * file.samplerate, dtype="float32", always_2d=True).mean(axis=1)
        mono = soxr.resample(samples, file.samplerate, RATE)
    return bytes(np.clip(np.round(mono * 32767), -32768, 32767).astype("<i2"))


def main() -> int:
    """Decodes; exit status 1 with a line on stderr when it cannot."""
    confine()
    try:
        sys.stdout.buffer.write(decode(sys.argv[1], sys.argv[2]))
    except (soundfile.LibsndfileError, ValueError, MemoryError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
