"""The programs that speak: espeak-ng of the system, else that of a wheel in a process of its own, and flite.

The text always goes in on stdin, never as an argument; voices come from our own table, rates and pitches are numbers.
`docs/decisions/` says which program speaks when.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from gateway.speech.errors import SpeechError
from gateway.speech.process import Limits, ProcessError, run
from gateway.speech.runs import Span
from gateway.speech.threads import aside

LIMITS = Limits(seconds=20.0, cpu=10, output=64 << 20)  # 4096 characters take 0.1 s and give 12 MB at 22050 Hz
PITCH_STEP = 2.0  # espeak-ng's per cent of pitch are half as high as they say
FLITE_PITCH = {"slt": 173.0, "rms": 101.0}  # Hz, of the voices as they are
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Espeak:
    """espeak-ng: a hundred languages, quick, robotic."""

    argv: tuple[str, ...]  # the voice follows

    async def speak(self, spans: Sequence[Span], voice: str) -> bytes:
        """A WAV file; ProcessError."""
        return await run((*self.argv, voice), b"".join(map(espeak_markup, spans)), LIMITS)


@dataclass(frozen=True, slots=True)
class Flite:
    """flite: American English only, more natural."""

    path: str

    async def speak(self, spans: Sequence[Span], voice: str) -> bytes:
        """A WAV file; ProcessError. Its header needs a file: flite cannot write one to a pipe.

        All spans are spoken at the rate and pitch of the first.
        """
        text = _CONTROL.sub(" ", "".join(span.text for span in spans)).encode("utf-8", "replace")
        with tempfile.TemporaryDirectory(prefix="trunkline-") as folder:
            wav = Path(folder) / "speech.wav"
            argv = (self.path, "-voice", voice, *_flite_settings(spans[0], voice), "-f", "/dev/stdin", "-o", str(wav))
            await run(argv, text, LIMITS)
            try:
                return await aside(wav.read_bytes)
            except OSError as error:
                raise ProcessError(f"flite wrote nothing: {error.strerror}") from error


def espeak_markup(span: Span) -> bytes:
    """A span for a reader of SSML: what is text is escaped, and without `[[`, which would begin phonemes."""
    markup = escape(_CONTROL.sub(" ", span.text).replace("[[", "[ ["))
    if span.phonemes:
        markup = f" [[{escape(span.phonemes)}]] "
    if (span.rate, span.pitch) != (1.0, 1.0):
        pitch = 100 * PITCH_STEP * (span.pitch - 1)
        markup = f'<prosody rate="{span.rate:.0%}" pitch="{pitch:+.0f}%">{markup}</prosody>'
    return markup.encode("utf-8", "replace")


def _flite_settings(span: Span, voice: str) -> tuple[str, ...]:
    """Numbers; nothing where they are the usual ones."""
    rate = () if span.rate == 1.0 else ("--setf", f"duration_stretch={1 / span.rate:.3f}")
    return rate if span.pitch == 1.0 else (*rate, "--setf", f"int_f0_target_mean={FLITE_PITCH[voice] * span.pitch:.0f}")


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
