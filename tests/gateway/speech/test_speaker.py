"""Text to speech by the real programs, in virtual time: it stands still while they work."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.speech.cache import AudioCache
from gateway.speech.engines import Engines, engine, espeak_markup, system_espeak, wheel_espeak
from gateway.speech.errors import SpeechError
from gateway.speech.joining import levelled
from gateway.speech.process import ProcessError
from gateway.speech.runs import Span
from gateway.speech.speaker import Speaker
from media.files import wav_header
from media.frames import Pcm
from tests.lib.loop import VirtualClock, run

SENTENCE = "Welcome to Trunkline. Press one for sales, or two for support."
SYSTEM = pytest.param("espeak-ng", marks=pytest.mark.skipif(not shutil.which("espeak-ng"), reason="not installed"))
FLITE = pytest.param("flite", marks=pytest.mark.skipif(not shutil.which("flite"), reason="not installed"))


def spoken(folder: Path, engines: Engines, text: str, voice: str = "man", language: str = "en-US") -> Pcm:
    async def main(clock: VirtualClock) -> Pcm:
        cache = AudioCache(folder)
        audio, _ = await Speaker(cache, clock, engines).speak(text, voice, language)
        assert clock.now() == 0
        pcm = cache.read(audio)
        assert audio.seconds == len(pcm) / 8000
        return pcm

    return run(main)


def decibels(samples: NDArray[np.floating[Any]]) -> float:
    loud = samples[np.abs(samples) > 0.01]
    return float(20 * np.log10(np.sqrt(np.square(loud).mean())))


@pytest.mark.parametrize("wanted", [SYSTEM, "espeakng-loader", FLITE])
@pytest.mark.parametrize("voice", ["man", "woman"])
def test_a_sentence_has_the_length_and_level_of_speech(tmp_path: Path, wanted: str, voice: str) -> None:
    pcm = spoken(tmp_path, engine(wanted), SENTENCE, voice)
    assert 3.0 < len(pcm) / 8000 < 7.0
    assert -22.5 < decibels(pcm / 32768) < -17.5
    assert int(np.abs(pcm.astype(np.int32)).max()) < 31000


@pytest.mark.parametrize("wanted", [SYSTEM, "espeakng-loader", FLITE])
def test_text_is_neither_option_nor_markup(tmp_path: Path, wanted: str) -> None:
    """All of it is spoken, so more of it takes longer."""
    engines = engine(wanted)
    short = len(spoken(tmp_path, engines, "hello"))
    for text in ("--version hello hello", "-w /tmp/x.wav hello", "hello <b>hello</b> & hello", "hello [[hello]] hello"):
        assert len(spoken(tmp_path, engines, text)) > 1.5 * short


@pytest.mark.parametrize("wanted", [SYSTEM, "espeakng-loader"])
def test_languages(tmp_path: Path, wanted: str) -> None:
    for language, text in (
        ("de-DE", "Guten Morgen, größer"),
        ("ja-JP", "おはようございます"),
        ("ru-RU", "Доброе утро"),
    ):
        assert 0.5 < len(spoken(tmp_path, engine(wanted), text, "woman", language)) / 8000 < 6


def test_what_is_no_letter_reaches_the_engine_as_text() -> None:
    assert espeak_markup(Span("a<b>&[[x]]\x00\x1b\nz")) == b"a&lt;b&gt;&amp;[ [x]] z"


def test_levels_change_by_12_db_at_most_and_are_never_cut() -> None:
    t = np.arange(8000, dtype=np.float32) / 8000
    tone = np.sin(2 * np.pi * 440 * t)
    assert decibels(levelled(tone * 0.3)) == pytest.approx(-20, abs=0.3)
    assert decibels(levelled(tone * 0.9)) == pytest.approx(-4 + -12, abs=0.5)
    assert decibels(levelled(tone * 0.02)) == pytest.approx(-37 + 12, abs=0.5)
    click = np.full(8000, 0.02, np.float32)
    click[100] = 0.9
    assert np.abs(levelled(click)).max() == pytest.approx(0.9, abs=1e-4)
    assert np.abs(levelled(np.zeros(100, np.float32))).max() == 0


@dataclass
class Fake:
    """An engine that counts; it speaks a tone of a second, after other tasks had their turn."""

    answer: bytes = b""
    said: list[tuple[str, str]] = field(default_factory=list)
    together: int = 0
    most: int = 0

    async def speak(self, spans: Sequence[Span], voice: str) -> bytes:
        text = "".join(span.text for span in spans)
        self.said.append((text, voice))
        self.together += 1
        self.most = max(self.most, self.together)
        for _ in range(5):
            await asyncio.sleep(0)
        self.together -= 1
        if text == "fail":
            raise ProcessError("no such voice")
        pcm = (np.sin(np.arange(16000 + len(text)) / 5) * 10000).astype("<i2").tobytes()
        return self.answer or wav_header(1, 0, 16000) + pcm  # a pipe's header says nothing of the length


def speaker(folder: Path, clock: VirtualClock, fake: Fake) -> Speaker:
    return Speaker(AudioCache(folder), clock, Engines(fake))  # type: ignore[arg-type]


def test_a_text_is_spoken_once_however_many_ask(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        fake = Fake()
        one = speaker(tmp_path, clock, fake)
        found = await asyncio.gather(*(one.speak("hello", "man", "en-US") for _ in range(20)))
        assert len({audio.sha for audio, _ in found}) == 1
        await one.speak(" hello ", "man", "en-US")
        assert fake.said == [("hello", "en-us")]
        await one.speak("hello", "woman", "en-US")
        assert fake.said[1:] == [("hello", "en-us+f3")]

    run(main)


def test_a_sound_that_was_dropped_is_spoken_again(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        fake = Fake()
        one = speaker(tmp_path, clock, fake)
        audio, _ = await one.speak("hello", "man", "en-US")
        (tmp_path / "cache" / "audio" / f"{audio.sha}.s16").unlink()
        assert (await one.speak("hello", "man", "en-US"))[0] == audio
        assert len(fake.said) == 2

    run(main)


def test_programs_are_bounded_and_who_hangs_up_silences_nobody(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        fake = Fake()
        one = speaker(tmp_path, clock, fake)
        gone = asyncio.create_task(one.speak("text 0", "man", "en-US"))
        waiting = [asyncio.create_task(one.speak(f"text {number}", "man", "en-US")) for number in range(12)]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(*waiting)
        assert gone.cancelled()
        assert len(fake.said) == 12
        assert fake.most == 4

    run(main)


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("  ", 13520, "there is no text"),
        ("x" * 4097, 13521, "the text has 4097 characters, more than 4096"),
        ("fail", 13520, "espeak-ng did not speak: no such voice"),
    ],
)
def test_what_cannot_be_spoken(tmp_path: Path, text: str, code: int, sentence: str) -> None:
    async def main(clock: VirtualClock) -> None:
        with pytest.raises(SpeechError) as raised:
            await speaker(tmp_path, clock, Fake()).speak(text, "man", "en-US")
        assert (raised.value.code, str(raised.value)) == (code, sentence)

    run(main)


def test_a_program_that_gives_no_sound(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        with pytest.raises(SpeechError, match="no sound came"):
            await speaker(tmp_path, clock, Fake(b"RIFF")).speak("hello", "man", "en-US")

    run(main)


def test_the_engines_of_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"espeak-ng": "/bin/espeak-ng", "flite": "/bin/flite"}
    monkeypatch.setattr(shutil, "which", here.get)
    both = engine("auto")
    assert both.espeak is not None
    assert both.espeak == system_espeak() == engine("espeak-ng").espeak
    assert both.flite is not None
    assert (engine("espeak-ng").flite, engine("flite").prefer_flite) == (None, True)
    assert engine("espeakng-loader").espeak == wheel_espeak()
    here.clear()
    assert engine("auto") == Engines(wheel_espeak())
    for wanted in ("espeak-ng", "flite"):
        with pytest.raises(SpeechError, match=f"{wanted} is not installed"):
            engine(wanted)
