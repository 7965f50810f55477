"""What the engines said, resampled, levelled and joined with the silence between (`runs.Step`) into one sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from gateway.speech.errors import SpeechError
from gateway.speech.runs import Bleep, Run, Step
from media.files import HEADER_SIZE
from media.frames import RATE, Pcm
from twiml.ssml import SILENT, Silence

LEVEL = 0.1  # RMS of speech against full scale: -20 dBFS, what telephone networks expect
MOST_GAIN = 4.0  # 12 dB either way
PEAK = 0.9
KNEE, LOUDEST = 0.7, 0.98  # what is louder than usual bends towards the one from the other on
MOST_LOUDER = 12.0  # dB
QUIET = 0.01  # below this is silence of an engine: -40 dBFS
STOPS = {
    ".": 0.33,
    "!": 0.33,
    "?": 0.33,
    ":": 0.24,
    ";": 0.24,
    ",": 0.16,
}  # seconds, as the engines pause within a text
BLEEP = 1000.0  # Hz

Samples = NDArray[np.floating[Any]]


def joined(steps: Sequence[Step], wavs: Iterator[bytes]) -> Pcm:
    """`wavs`: one for each Run, in order. `(n,) int16` at 8000 Hz; SpeechError where an engine gave no sound."""
    pieces = [np.zeros(0, np.float32)]
    for number, step in enumerate(steps):
        match step:
            case Silence(seconds=seconds):
                pieces.append(_quiet(seconds))
            case Bleep():
                pieces.append(_bleep(step))
            case Run():
                last = number + 1 == len(steps)
                pieces.append(_trimmed(_louder(next(wavs), step.volume), head=number == 0, tail=last))
                pieces.append(_quiet(0.0 if last else STOPS.get(step.text.rstrip()[-1:], 0.0)))
    return np.round(np.concatenate(pieces) * 32768).clip(-32768, 32767).astype(np.int16)


def _quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def _louder(wav: bytes, decibels: float) -> Samples:
    """At the level of telephone speech, and that many dB above or below it."""
    if len(wav) <= HEADER_SIZE + 1:
        raise SpeechError("no sound came of the text")
    rate = int.from_bytes(wav[24:28], "little")
    pcm = np.frombuffer(wav[HEADER_SIZE : len(wav) - len(wav) % 2], "<i2").astype(np.float32) / 32768
    samples = levelled(soxr.resample(pcm, rate, RATE))
    if decibels <= SILENT:
        return np.zeros_like(samples)
    if not decibels:
        return samples
    return _bent(samples * 10 ** (min(decibels, MOST_LOUDER) / 20))


def _bent(samples: Samples) -> Samples:
    """Nothing beyond LOUDEST, and no edges where it would be."""
    room, size = LOUDEST - KNEE, np.abs(samples)
    bent = KNEE + room * np.tanh((size - KNEE) / room)
    return np.where(size > KNEE, np.copysign(bent, samples), samples)


def levelled(samples: Samples) -> Samples:
    """`samples: (n,) float` at the level of telephone speech, by 12 dB at most."""
    loud = samples[np.abs(samples) > 0.01]
    if not len(loud):
        return samples
    gain = min(max(LEVEL / float(np.sqrt(np.square(loud).mean())), 1 / MOST_GAIN), MOST_GAIN)
    return samples * min(gain, PEAK / float(np.abs(loud).max()))


def _trimmed(samples: Samples, *, head: bool, tail: bool) -> Samples:
    """Without the silence at an end that is not to be kept."""
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud):
        return samples
    return samples[0 if head else loud[0] : len(samples) if tail else loud[-1] + 1]


def _bleep(step: Bleep) -> Samples:
    time = np.arange(round(step.seconds * RATE)) / RATE
    amplitude = LEVEL * 2**0.5 * 10 ** (step.volume / 20)
    return np.asarray(amplitude * np.sin(2 * np.pi * BLEEP * time), np.float32)
