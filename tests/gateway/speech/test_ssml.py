"""SSML as it sounds, by the real programs: lengths in seconds, loudness in dB, pitch in Hz."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.speech import phonemes
from gateway.speech.cache import AudioCache
from gateway.speech.engines import _flite_settings, engine, espeak_markup
from gateway.speech.errors import SpeechError
from gateway.speech.runs import MOST_RUNS, Run, Saying, Span, plan
from gateway.speech.speaker import Speaker
from gateway.speech.voices import EngineVoice
from tests.lib.loop import VirtualClock, run
from twiml import tree
from twiml.ssml import Part, Silence, Style, Words
from twiml.verbs import say

Signal = NDArray[np.floating[Any]]
FOX = "The quick brown fox jumps over the lazy dog"
ENGINES = [
    pytest.param("espeak-ng", marks=pytest.mark.skipif(not shutil.which("espeak-ng"), reason="not installed")),
    "espeakng-loader",
    pytest.param("flite", marks=pytest.mark.skipif(not shutil.which("flite"), reason="not installed")),
]
Warned = list[tuple[int, str]]


class Voice:
    """One engine's, into one folder."""

    def __init__(self, folder: Path, wanted: str) -> None:
        self.folder, self.engines = folder, engine(wanted)

    def speak(self, inside: str, voice: str = "Polly.Joanna") -> tuple[Signal, Warned]:
        """Full scale is 1."""
        verb = say.parse(tree.parse(f"<Say voice='{voice}'>{inside}</Say>".encode()), [])
        assert verb is not None

        async def main(clock: VirtualClock) -> tuple[Signal, Warned]:
            cache = AudioCache(self.folder)
            speaker = Speaker(cache, clock, self.engines)
            audio, warnings = await speaker.speak(verb.text, verb.voice, verb.language, verb.parts)
            return cache.read(audio) / 32768, warnings

        return run(main)

    def heard(self, inside: str) -> Signal:
        """With nothing to warn of."""
        signal, warnings = self.speak(inside)
        assert warnings == []
        return signal

    def seconds(self, inside: str) -> float:
        return len(self.heard(inside)) / 8000


@pytest.fixture(params=ENGINES)
def voice(request: pytest.FixtureRequest, tmp_path: Path) -> Voice:
    return Voice(tmp_path, request.param)


def decibels(signal: Signal) -> float:
    loud = signal[np.abs(signal) > 0.1 * np.abs(signal).max()]
    return float(10 * np.log10(np.square(loud).mean()))


def pitch(signal: Signal) -> float:
    """Median of the voiced stretches, Hz."""
    found = []
    for start in range(0, len(signal) - 640, 320):
        piece = signal[start : start + 640]
        if np.abs(piece).max() > 0.05:
            likeness = np.correlate(piece, piece, "full")[639:]
            lag = 20 + int(np.argmax(likeness[20:133]))
            if likeness[lag] > 0.5 * likeness[0]:
                found.append(8000 / lag)
    return float(np.median(found))


def longest_silence(signal: Signal) -> float:
    loud = np.flatnonzero(np.abs(signal) > 0.005)
    return float(np.diff(loud).max()) / 8000


@pytest.mark.parametrize("seconds", [0.5, 2.0, 9.0])
def test_a_break_lengthens_by_its_time(voice: Voice, seconds: float) -> None:
    plain = voice.seconds("Hello there. The quick brown fox.")
    assert voice.seconds(f"Hello there. <break time='{seconds}s'/> The quick brown fox.") - plain == pytest.approx(
        seconds, abs=0.1
    )


def test_a_break_within_a_sentence_is_as_long_as_it_says(voice: Voice) -> None:
    assert longest_silence(voice.heard("Hello there <break time='2s'/> you fox")) == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize(("rate", "factor"), [("slow", 0.75), ("x-slow", 0.5), ("fast", 1.35), ("150%", 1.5)])
def test_rate_changes_the_length(voice: Voice, rate: str, factor: float) -> None:
    plain = voice.seconds(FOX)
    assert voice.seconds(f"<prosody rate='{rate}'>{FOX}</prosody>") == pytest.approx(plain / factor, rel=0.12)


@pytest.mark.parametrize("change", [-12.0, -6.0, 3.0, 6.0])
def test_volume_changes_by_its_decibels(voice: Voice, change: float) -> None:
    plain = decibels(voice.heard(FOX))
    changed = voice.heard(f"<prosody volume='{change:+g}dB'>{FOX}</prosody>")
    assert decibels(changed) - plain == pytest.approx(change, abs=1.0)
    assert np.abs(changed).max() < 0.99


def test_what_is_silent_takes_its_time(voice: Voice) -> None:
    silent = voice.heard(f"<prosody volume='silent'>{FOX}</prosody>")
    assert not silent.any()
    assert len(silent) / 8000 == pytest.approx(voice.seconds(FOX), abs=0.05)


@pytest.mark.parametrize(("change", "factor"), [("-20%", 0.8), ("+30%", 1.3), ("high", 1.15)])
def test_pitch_changes_and_the_length_does_not(voice: Voice, change: str, factor: float) -> None:
    plain, changed = voice.heard(FOX), voice.heard(f"<prosody pitch='{change}'>{FOX}</prosody>")
    assert pitch(changed) / pitch(plain) == pytest.approx(factor, rel=0.08)
    assert len(changed) == pytest.approx(len(plain), rel=0.05)


def test_strong_emphasis_is_slower_and_louder(voice: Voice) -> None:
    plain, strong = voice.heard("today"), voice.heard("<emphasis level='strong'>today</emphasis>")
    assert len(strong) > len(plain)
    assert 2 < decibels(strong) - decibels(plain) < 4


def test_a_language_is_spoken_by_whom_knows_it(voice: Voice) -> None:
    """French read as English takes another time."""
    assert (
        abs(voice.seconds("<lang xml:lang='fr-FR'>Qu'est-ce que c'est</lang>") - voice.seconds("Qu'est-ce que c'est"))
        > 0.1
    )


def test_a_whisper_has_no_pitch(voice: Voice) -> None:
    whispered = voice.heard(f"<amazon:effect name='whispered'>{FOX}</amazon:effect>")
    spectrum = np.abs(np.fft.rfft(whispered))
    plain = np.abs(np.fft.rfft(voice.heard(FOX)))
    assert decibels(whispered) < decibels(voice.heard(FOX)) - 3
    assert (spectrum[: len(spectrum) // 16].sum() / spectrum.sum()) < (plain[: len(plain) // 16].sum() / plain.sum())


def test_an_expletive_is_a_tone(voice: Voice) -> None:
    signal = voice.heard("<say-as interpret-as='expletive'>duck</say-as>")
    assert np.argmax(np.abs(np.fft.rfft(signal))) * 8000 / len(signal) == pytest.approx(1000, abs=3)


def test_phonemes_sound_as_the_word_does(voice: Voice) -> None:
    signal, warnings = voice.speak("<phoneme alphabet='ipa' ph='pɪˈkɑːn'>xyzzy plugh</phoneme>")
    if voice.engines.prefer_flite:
        assert warnings == [(13520, "<phoneme> 'xyzzy plugh': flite takes no phonemes, its text is spoken plainly")]
    else:
        assert warnings == []
        assert len(signal) / 8000 == pytest.approx(voice.seconds("pecan"), abs=0.15)


@pytest.mark.parametrize(
    ("ph", "alphabet", "mnemonics"),
    [
        ("pɪˈkɑːn", "ipa", "pI'kA:n"), ('pI"kA:n', "x-sampa", "pI'kA:n"), ("ˈtʃɜːtʃ", "ipa", "'tS3:tS"),
        ("ʘ", "ipa", None), ("pin1 yin1", "x-amazon-pinyin", None),
    ],
)  # fmt: skip
def test_phonemes_as_mnemonics(ph: str, alphabet: str, mnemonics: str | None) -> None:
    assert phonemes.espeak(ph, alphabet) == mnemonics


def runs(*parts: Part, flite: bool = False) -> list[object]:
    return list(plan(Saying("Polly.Joanna", "en-US", flite), "", parts)[0])


def test_what_one_engine_says_alike_is_one_run() -> None:
    """espeak-ng changes its rate within a run, flite between runs."""
    slow = Style(rate=0.5)
    woman = EngineVoice("en-us+f3")
    assert runs(Words("a "), Words("b", slow)) == [Run(woman, (Span("a "), Span("b", 0.5)))]
    slt = EngineVoice("slt", flite=True)
    assert runs(Words("a "), Words("b", slow), flite=True) == [Run(slt, (Span("a "),)), Run(slt, (Span("b", 0.5),))]
    assert runs(Words("a "), Words("12", said_as="digits")) == [Run(woman, (Span("a 1 2"),))]


def test_what_is_too_much_is_refused() -> None:
    with pytest.raises(SpeechError, match="change more than"):
        runs(*(Words("a", Style(volume=float(number % 2))) for number in range(MOST_RUNS + 1)))
    with pytest.raises(SpeechError, match="pauses are longer"):
        runs(Words("a"), *(part for _ in range(70) for part in (Silence(10.0), Words("a"))))


def test_what_an_engine_reads_by_itself_is_said() -> None:
    _, warnings = plan(Saying("man", "de-DE"), "", (Words("3", said_as="ordinal"),))
    assert warnings == [(13520, "<say-as interpret-as='ordinal'> '3' is read as the engine reads it in de-DE")]


def test_programs_get_numbers_and_escaped_text() -> None:
    assert espeak_markup(Span("<b> [[x]]", 0.5, 1.1)) == b'<prosody rate="50%" pitch="+20%">&lt;b&gt; [ [x]]</prosody>'
    assert _flite_settings(Span("x", 0.5, 1.1), "slt") == (
        "--setf", "duration_stretch=2.000", "--setf", "int_f0_target_mean=190",
    )  # fmt: skip
