"""TwiML's voices as our engines'."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.speech.errors import SpeechError
from gateway.speech.voices import ESPEAK, EngineVoice, choose
from twiml.voices import BASIC, POLLY, fault

# the languages of twiml-voice.md: Say
SAY = """
af-ZA am-ET ar-AE ar-XA arb bg-BG bn-IN ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-AT de-DE el-GR en-AU en-CA en-GB
en-GB-WLS en-IE en-IN en-NZ en-US en-ZA es-ES es-MX es-US fi-FI fr-BE fr-CA fr-FR gu-IN he-IL hi-IN hu-HU id-ID is-IS
it-IT ja-JP kn-IN ko-KR lv-LV ml-IN mr-IN ms-MY nb-NO nl-BE nl-NL pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sr-RS sv-SE
ta-IN te-IN th-TH tr-TR uk-UA vi-VN yue-HK zh-CN zh-HK zh-TW en en-gb es fr de
"""


@pytest.mark.parametrize(
    ("voice", "language", "name"),
    [
        ("man", "en-US", "en-us"), ("woman", "en-US", "en-us+f3"), ("alice", "en-GB", "en+f3"),
        ("man", "en-gb", "en"), ("woman", "de", "de+f3"), ("alice", "zh-HK", "yue+f3"), ("man", "pt-PT", "pt"),
        ("Polly.Matthew", "en-US", "en-us"), ("Polly.Joanna-Neural", "en-US", "en-us+f3"),
        ("Polly.Mia", "en-US", "es-419+f3"), ("Polly.Hans", "de-DE", "de"),
        ("Polly.Vicki-Generative", "de-DE", "de+f3"),
        ("Google.fr-FR-Wavenet-A", "en-US", "fr+f3"), ("Google.en-US-Chirp3-HD-Leda", "en-US", "en-us+f3"),
    ],
)  # fmt: skip
def test_voices_that_are_known(voice: str, language: str, name: str) -> None:
    """A voice of a cloud speaks its own language, which is why `language` may be left out."""
    assert choose(voice, language) == (EngineVoice(name), [])


@pytest.mark.parametrize(
    ("voice", "language", "code", "message"),
    [
        ("Polly.Nobody", "en-US", 13511, "there is no voice 'Polly.Nobody'"),
        ("Google.xx-YY-Standard-A", "en-US", 13511, "there is no voice 'Google.xx-YY-Standard-A'"),
        ("man", "xx-YY", 13512, "there is no language 'xx-YY'"),
        ("Polly.Mia", "fr-FR", 13512, "voice 'Polly.Mia' speaks es-MX, not fr-FR"),
    ],
)
def test_what_is_no_voice_speaks_nothing(voice: str, language: str, code: int, message: str) -> None:
    with pytest.raises(SpeechError, match=message) as found:
        choose(voice, language)
    assert found.value.code == code


def test_a_language_that_no_engine_has_is_replaced_with_a_warning() -> None:
    chosen, ((code, message),) = choose("woman", "fil-PH")
    assert (chosen, code) == (EngineVoice("en-us+f3"), 13512)
    assert "'fil-PH'" in message


@pytest.mark.parametrize(("language", "name"), [("en-IN", "en+f3"), ("hi-IN", "hi+f3"), ("en-US", "en+f3")])
def test_some_voices_speak_two_languages(language: str, name: str) -> None:
    assert choose("Polly.Aditi", language) == (EngineVoice(name), [])


def test_accents_of_a_name_may_be_left_out() -> None:
    assert choose("Polly.C\u00e9line", "fr-FR") == choose("Polly.Celine", "fr-FR")


def test_flite_speaks_american_clouds_where_it_is_there() -> None:
    assert choose("Polly.Joanna", "en-US", flite=True)[0] == EngineVoice("slt", flite=True)
    assert choose("Polly.Matthew", "en-US", flite=True)[0] == EngineVoice("rms", flite=True)
    assert choose("Polly.Amy", "en-US", flite=True)[0] == EngineVoice("en+f3")
    assert choose("man", "en-US", flite=True)[0] == EngineVoice("en-us")
    assert choose("man", "en-US", flite=True, prefer_flite=True)[0] == EngineVoice("rms", flite=True)
    assert choose("man", "de-DE", flite=True, prefer_flite=True)[0] == EngineVoice("de")


@pytest.mark.parametrize("language", SAY.split())
def test_every_language_of_say_is_spoken(language: str) -> None:
    assert choose("man", language)[1] == []


@pytest.mark.parametrize("name", sorted(POLLY))
def test_every_voice_of_polly_has_a_language_of_ours(name: str) -> None:
    assert choose(f"Polly.{name.capitalize()}", "en-US")[1] == []


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_the_systems_espeak_has_every_language() -> None:
    for name in sorted(set(ESPEAK.values())):
        assert subprocess.run(["espeak-ng", "-q", "-v", name, "a"], check=False).returncode == 0, name


def test_the_wheels_espeak_has_every_voice() -> None:
    """In a process of its own: the library is never loaded into ours."""
    program = (
        "import ctypes, sys, espeakng_loader as loader; library = ctypes.CDLL(loader.get_library_path());"
        "library.espeak_Initialize(2, 0, str(loader.get_data_path()).encode(), 0);"
        "print(*(name for name in sys.argv[1:] if library.espeak_SetVoiceByName(name.encode())))"
    )
    names = {
        name for plain in ESPEAK.values() for name in (plain, f"{plain}+f3", f"{plain}+whisper", f"{plain}+whisperf")
    }
    said = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


@settings(max_examples=100)
@given(st.sampled_from([*BASIC, "Polly.Joanna", "Google.fr-FR-Wavenet-A"]) | st.text(max_size=20), st.text(max_size=10))
def test_whatever_is_asked_for_a_voice_of_ours_is_chosen(voice: str, language: str) -> None:
    """Nothing of a document becomes an argument of a program."""
    if fault(voice, language) is not None:
        return
    chosen, _ = choose(voice, language, flite=True)
    assert chosen.name.removesuffix("+f3") in {*ESPEAK.values(), "slt", "rms"}
