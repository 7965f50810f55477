"""TwiML's voices and languages as those of our engines (twiml-voice.md: Say).

A voice of a cloud is spoken by one of the same sex and language. What is no voice, or not of that language, speaks
nothing; a language that no engine here has is replaced, and a warning (13512) says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.speech.errors import SpeechError
from twiml import voices
from twiml.voices import BASIC, DEFAULT_LANGUAGE, NO_LANGUAGE

_SAME = (
    "af am ar bg bn ca cs cy da de el et eu fa fi ga gu he hi hr hu hy id is it ja ka kn ko lt lv mk ml mr ms ne nl"
    " pa pl ro ru sk sl sq sr sv sw ta te th tr uk ur vi"
)
# espeak-ng's names, by BCP-47 tag (lower case) or its first part; `en` is British English
ESPEAK = {
    "en": "en-us", "en-gb": "en", "en-au": "en", "en-in": "en", "en-ie": "en", "en-nz": "en",
    "en-za": "en", "en-gb-wls": "en", "en-us": "en-us", "en-ca": "en-us",
    "es": "es", "es-mx": "es-419", "es-us": "es-419", "pt": "pt", "pt-br": "pt-br",
    "fr": "fr", "fr-be": "fr-be", "fr-ch": "fr-ch", "nb": "nb", "no": "nb", "arb": "ar",
    "zh": "cmn", "cmn": "cmn", "zh-hk": "yue", "yue": "yue",
} | {name: name for name in _SAME.split()}  # fmt: skip

FLITE = {"f": "slt", "m": "rms"}


@dataclass(frozen=True, slots=True)
class EngineVoice:
    """What an engine is asked for: espeak-ng, or flite."""

    name: str
    flite: bool = False


Warnings = list[tuple[int, str]]


def choose(voice: str, language: str, flite: bool = False, prefer_flite: bool = False) -> tuple[EngineVoice, Warnings]:
    """The engine's voice, and a (code, sentence) for each thing that had to be replaced; SpeechError for no voice.

    flite, where it is there, speaks the American voices of clouds, and with `prefer_flite` all American ones.
    """
    sex, spoken, cloud = _meant(voice, language)
    return _engine_voice(sex, spoken, flite and (cloud or prefer_flite))


def abroad(voice: str, language: str, flite: bool = False, prefer_flite: bool = False) -> tuple[EngineVoice, Warnings]:
    """What speaks for `voice` in a language that need not be its own (`<lang>`)."""
    sex, _, cloud = _meant(voice, DEFAULT_LANGUAGE)
    return _engine_voice(sex, language, flite and (cloud or prefer_flite))


def whispering(voice: EngineVoice) -> EngineVoice:
    """The same, whispering: espeak-ng has a variant for it."""
    name = "en-us" if voice.flite else voice.name.partition("+")[0]
    female = voice.name in ("slt", f"{name}+f3")
    return EngineVoice(f"{name}+{'whisperf' if female else 'whisper'}")


def language_of(voice: str, language: str) -> str:
    """What a voice speaks where `language` is said beside it."""
    return _meant(voice, language)[1]


def _engine_voice(sex: str, language: str, flite: bool) -> tuple[EngineVoice, Warnings]:
    """`flite`: whether that speaks American English."""
    name, warnings = _espeak(language), Warnings()
    if name is None:
        warnings = [(NO_LANGUAGE, f"no engine here speaks {language!r}: {DEFAULT_LANGUAGE} is spoken instead")]
        name = "en-us"
    if name == "en-us" and flite:
        return EngineVoice(FLITE[sex], flite=True), warnings
    return EngineVoice(f"{name}+f3" if sex == "f" else name), warnings


def _meant(voice: str, language: str) -> tuple[str, str, bool]:
    """Sex, language, and whether it is a cloud's voice, which has a language of its own."""
    if (fault := voices.fault(voice, language)) is not None:
        raise SpeechError(fault[1], fault[0])
    own = voices.cloud(voice)
    if own is None:
        return BASIC[voice], language, False
    sex, spoken = own
    return sex, language if language in spoken or not spoken else spoken[0], True


def _espeak(language: str) -> str | None:
    tag = language.strip().lower()
    return ESPEAK.get(tag) or ESPEAK.get(tag.partition("-")[0])
