"""Audio files of strangers, decoded apart."""

from __future__ import annotations

import asyncio
import contextlib
import io
import struct
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from gateway.speech import decode_process
from gateway.speech.cache import AudioCache
from gateway.speech.decode import decode
from gateway.speech.errors import SpeechError
from gateway.speech.process import ROOT
from media.files import wav_header
from media.frames import Pcm

SECONDS = 1.5


def tone(rate: int, channels: int = 1) -> NDArray[np.float64]:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * SECONDS)) / rate)
    return np.stack([wave] * channels, axis=1)


def file(kind: str, subtype: str | None = None, rate: int = 44100, channels: int = 2) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, tone(rate, channels), rate, format=kind, subtype=subtype)
    return made.getvalue()


def decoded(folder: Path, data: bytes, kind: str) -> Pcm:
    cache = AudioCache(folder)
    return cache.read(asyncio.run(decode(data, kind, cache)))


def samples(data: bytes, kind: str) -> Pcm:
    """The decoder's own work, without its process."""
    return np.frombuffer(b"".join(decode_process.decode(data, kind)), "<i2").astype(np.int16)


def check(pcm: Pcm, tolerance: float, extra: float = 0.0) -> None:
    """The right length, level and pitch."""
    assert SECONDS - 0.001 <= len(pcm) / 8000 <= SECONDS + 0.001 + extra
    middle = pcm[2000:10000].astype(np.float64) / 32768
    rms = float(np.sqrt(np.square(middle).mean()))
    assert abs(20 * np.log10(rms / (0.5 / np.sqrt(2)))) < tolerance
    assert np.abs(np.fft.rfft(middle)).argmax() == 440


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (file("WAV"), "audio/wav"), (file("WAV", "PCM_24", 48000, 1), "audio/x-wav"),
        (file("WAV", "FLOAT", 8000, 1), "audio/wave"), (file("WAV", "ULAW", 8000, 1), "audio/wav"),
        (file("AIFF"), "audio/aiff"), (file("AU", "ULAW", 8000, 1), "audio/basic"),
    ],
)  # fmt: skip
def test_exact_formats(data: bytes, kind: str) -> None:
    check(samples(data, kind), 0.2)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (file("MP3"), "audio/mpeg"), (file("MP3", None, 22050, 1), "audio/mp3"),
        (file("RAW", "GSM610", 8000, 1), "audio/gsm"), (file("WAV", "GSM610", 8000, 1), "audio/x-gsm"),
        (file("RAW", "ULAW", 8000, 1), "audio/basic"), (file("RAW", "ULAW", 8000, 1), "audio/ulaw"),
    ],
)  # fmt: skip
def test_lossy_formats(data: bytes, kind: str) -> None:
    check(samples(data, kind), 0.5, extra=0.1)


def test_files_are_decoded_by_a_process_of_its_own(tmp_path: Path) -> None:
    check(decoded(tmp_path, file("WAV"), "audio/wav"), 0.2)
    check(decoded(tmp_path, file("MP3"), "audio/mpeg"), 0.5, extra=0.1)


def test_channels_are_mixed() -> None:
    made = io.BytesIO()
    wave = tone(8000)[:, 0]
    soundfile.write(made, np.stack([wave, -wave], axis=1), 8000, format="WAV")
    assert np.abs(samples(made.getvalue(), "audio/wav")).max() <= 1


def huge_wav(channels: int, rate: int, size: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * 2 * channels & 0xFFFFFFFF,
        2 * channels & 0xFFFF, 16, b"data", size,
    ) + bytes(4000)  # fmt: skip


HOSTILE = [
    b"", b"x", b"this is no audio file", b"<html>404</html>" * 100, b"RIFF", b"RIFF\xff\xff\xff\xffWAVE",
    b"ID3" + b"\xff" * 5000, b"\xff\xfb" * 20000, b".snd" + b"\xff" * 100, bytes(100_000),
    huge_wav(65535, 8000, 0xFFFFFFF0), huge_wav(1, 0xFFFFFFFF, 0xFFFFFFF0), huge_wav(1, 1, 4000),
    huge_wav(0, 8000, 4000), Random(1).randbytes(50_000),
]  # fmt: skip


def test_what_is_no_audio_is_13420(tmp_path: Path) -> None:
    async def main() -> None:
        cache = AudioCache(tmp_path)
        found = await asyncio.gather(*(decode(data, "audio/mpeg", cache) for data in HOSTILE), return_exceptions=True)
        for data, error in zip(HOSTILE, found, strict=True):
            assert isinstance(error, SpeechError), data[:50]
            assert error.code == 13420
            assert str(error).startswith("not a playable audio/mpeg file: ")
            assert "Traceback" not in str(error)

    asyncio.run(main())


def test_a_header_that_lies_gives_what_is_there() -> None:
    assert len(samples(huge_wav(1, 8000, 0xFFFFFFF0), "audio/wav")) == 2000


@pytest.mark.parametrize(("kind", "name"), [("WAV", "audio/wav"), ("MP3", "audio/mpeg"), ("AIFF", "audio/aiff")])
@pytest.mark.parametrize("part", [0.4, 0.9])
def test_a_file_that_was_cut_off_is_played_as_far_as_it_goes(kind: str, name: str, part: float) -> None:
    data = file(kind)
    assert len(samples(data[: int(len(data) * part)], name)) == pytest.approx(8000 * SECONDS * part, abs=1500)


def test_damage_inside_a_file_is_survived_or_refused() -> None:
    chance = Random(2)
    for kind, name in (("WAV", "audio/wav"), ("MP3", "audio/mpeg"), ("AIFF", "audio/aiff")):
        good = file(kind, channels=1)
        for _ in range(30):
            data = bytearray(good)
            for _ in range(10):
                data[chance.randrange(len(data) if chance.random() < 0.5 else 60)] = chance.randrange(256)
            with contextlib.suppress(ValueError, soundfile.SoundFileError):
                samples(bytes(data), name)


def test_more_than_forty_minutes_are_refused(tmp_path: Path) -> None:
    data = bytes(2 * 4000 * (40 * 60 + 1))
    with pytest.raises(SpeechError, match="it is longer than 40 minutes"):
        decoded(tmp_path, wav_header(1, len(data), 4000) + data, "audio/wav")


def test_the_decoder_can_open_neither_file_nor_socket_and_has_little_memory() -> None:
    code = """
import socket, tempfile
from gateway.speech.decode_process import confine
confine()
for attempt in (lambda: open('/etc/passwd'), socket.socket, tempfile.mkstemp, lambda: bytes(1 << 30)):
    try:
        attempt()
    except (OSError, MemoryError) as error:
        print(type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["OSError", "OSError", "FileNotFoundError", "MemoryError"]
