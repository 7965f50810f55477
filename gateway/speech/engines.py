"""The programs that speak: espeak-ng of the system, else that of a wheel in a process of its own, and flite.

The text always goes in on stdin, never as an argument; voices come from our own table. `docs/decisions/` says which
program speaks when.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from gateway.speech.errors import SpeechError
from gateway.speech.process import Limits, ProcessError, run
from gateway.speech.threads import aside

LIMITS = Limits(seconds=20.0, cpu=10, output=64 << 20)  # 4096 characters take 0.1 s and give 12 MB at 22050 Hz
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Espeak:
    """espeak-ng: a hundred languages, quick, robotic."""

    argv: tuple[str, ...]  # the voice follows

    async def speak(self, text: str, voice: str) -> bytes:
        """A WAV file; ProcessError."""
        return await run((*self.argv, voice), espeak_text(text), LIMITS)


@dataclass(frozen=True, slots=True)
class Flite:
    """flite: American English only, more natural."""

    path: str

    async def speak(self, text: str, voice: str) -> bytes:
        """A WAV file; ProcessError. Its header needs a file: flite cannot write one to a pipe."""
        with tempfile.TemporaryDirectory(prefix="trunkline-") as folder:
            wav = Path(folder) / "speech.wav"
            argv = (self.path, "-voice", voice, "-f", "/dev/stdin", "-o", str(wav))
            await run(argv, _CONTROL.sub(" ", text).encode("utf-8", "replace"), LIMITS)
            try:
                return await aside(wav.read_bytes)
            except OSError as error:
                raise ProcessError(f"flite wrote nothing: {error.strerror}") from error


def espeak_text(text: str) -> bytes:
    """Plain text for a reader of markup: escaped, and without `[[`, which would begin phonemes."""
    plain = _CONTROL.sub(" ", text).replace("[[", "[ [")
    return escape(plain).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Engines:
    """What there is to speak with; `prefer_flite` gives it all American English."""

    espeak: Espeak | None
    flite: Flite | None = None
    prefer_flite: bool = False


def engine(wanted: str = "auto") -> Engines:
    """What a setting means on this machine; SpeechError, with what to install, where it cannot be had."""
    flite_path = shutil.which("flite")
    flite = Flite(flite_path) if flite_path else None
    if wanted == "flite":
        if flite is None:
            raise SpeechError('flite is not installed (apt-get install flite, or [speech] engine = "auto")')
        return Engines(system_espeak() or wheel_espeak(), flite, prefer_flite=True)
    espeak = None
    if wanted in ("auto", "espeak-ng"):
        espeak = system_espeak()
    if wanted in ("auto", "espeakng-loader"):
        espeak = espeak or wheel_espeak()
    if espeak is None:
        missing = "espeak-ng" if wanted == "auto" else wanted
        raise SpeechError(f'{missing} is not installed (apt-get install espeak-ng, or [speech] engine = "auto")')
    return Engines(espeak, flite if wanted == "auto" else None)


def system_espeak() -> Espeak | None:
    """The program that the system has."""
    path = shutil.which("espeak-ng")
    return Espeak((path, "-m", "-b", "1", "--stdin", "--stdout", "-v")) if path else None


def wheel_espeak() -> Espeak | None:
    """The library of the espeakng-loader wheel: GPL, so never in our own process."""
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    return Espeak((sys.executable, "-m", "gateway.speech.espeak_process"))
