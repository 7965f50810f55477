"""A foreign phone (pjsua2) in a process of its own: it says a tone, and what it hears can be measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from media.frames import Pcm
from media.tones import tone
from tests.interop.conftest import ROOT

PHONE = Path(__file__).parent / "pjsua_phone.py"


def start_pjsua(folder: Path, name: str, hertz: float, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts the foreign phone, which says a tone and writes what it hears to NAME.wav."""
    try:
        import pjsua2  # noqa: F401
    except ImportError as error:
        if os.environ.get("TRUNKLINE_REQUIRE_INTEROP") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    say, heard = write_tone(folder, hertz), folder / f"{name}.wav"
    phone = subprocess.Popen(
        [sys.executable, str(PHONE), str(say), str(heard), *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert phone.stdout is not None
    while (line := phone.stdout.readline()) != b"ready\n":  # the library writes its own lines there, too
        assert line, "the phone did not start"
    return phone


def ended(phone: subprocess.Popen[bytes]) -> str:
    """The state in which its call ended."""
    out, errors = phone.communicate(timeout=60)
    assert phone.returncode == 0, errors.decode()[-2000:]
    return str(json.loads(out.decode().splitlines()[-1])["state"])


def write_tone(folder: Path, hertz: float) -> Path:
    """20 s of a tone, for a phone to say."""
    path = folder / f"say{hertz:g}.wav"
    write_wav(path, tone(hertz, 0.0, on_ms=20000, level=-12.0))
    return path


def write_wav(path: Path, pcm: Pcm) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(pcm.astype("<i2").tobytes())


def read_wav(path: Path) -> Pcm:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def loudest_hertz(pcm: Pcm) -> float:
    """The strongest frequency of some audio at 8000 Hz."""
    return float(np.abs(np.fft.rfft(pcm.astype(np.float64))).argmax()) * 8000 / len(pcm)
