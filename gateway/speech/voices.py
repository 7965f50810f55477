"""TwiML's voices and languages as those of our engines (twiml-voice.md: Say).

A voice of a cloud is spoken by one of the same sex and language; a voice or language that nobody knows is replaced, and
a warning (13511, 13512) says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_LANGUAGE = "en-US"
BASIC = {"man": "m", "woman": "f", "alice": "f"}

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

# Amazon Polly's voices by language: women / men
_POLLY = """
arb Zeina/ ar-AE Hala/Zayd ca-ES Arlet/ cmn-CN Zhiyu/ yue-CN Hiujin/ cs-CZ Jitka/ cy-GB Gwyneth/ da-DK Naja,Sofie/Mads
nl-NL Lotte,Laura/Ruben nl-BE Lisa/ en-AU Nicole,Olivia/Russell en-GB Amy,Emma/Brian,Arthur en-IE Niamh/ en-NZ Aria/
en-IN Aditi,Raveena,Kajal/ en-SG Jasmine/ en-US Danielle,Ivy,Joanna,Kendra,Kimberly,Ruth,Salli/Gregory,Joey,Justin,\
Kevin,Matthew,Patrick,Stephen en-ZA Ayanda/ en-GB-WLS /Geraint fi-FI Suvi/
fr-FR Celine,Lea/Mathieu,Remi fr-BE Isabelle/ fr-CA Chantal,Gabrielle/Liam de-DE Marlene,Vicki/Hans,Daniel de-AT Hannah/
de-CH Sabrina/ is-IS Dora/Karl it-IT Carla,Bianca/Giorgio,Adriano ja-JP Mizuki,Kazuha,Tomoko/Takumi ko-KR Seoyeon,Jihye/
nb-NO Liv,Ida/ pl-PL Ewa,Maja,Ola/Jacek,Jan pt-BR Camila,Vitoria/Ricardo,Thiago pt-PT Ines/Cristiano ro-RO Carmen/
ru-RU Tatyana/Maxim es-ES Conchita,Lucia,Alba/Enrique,Sergio,Raul es-MX Mia/Andres
es-US Lupe,Penelope/Miguel,Pedro sv-SE Astrid,Elin/
tr-TR Filiz,Burcu/
"""
_WORDS = _POLLY.split()
POLLY = {
    name.lower(): (sex, language)
    for language, names in zip(_WORDS[::2], _WORDS[1::2], strict=True)
    for sex, group in zip("fm", names.split("/"), strict=True)
    for name in filter(None, group.split(","))
}
_POLLY_NAME = re.compile(r"Polly\.([A-Za-z]+)(-(Neural|Generative|Long-Form))?")
_GOOGLE_NAME = re.compile(r"Google\.([a-z]{2,3}-[A-Za-z]{2,4})(-[A-Za-z0-9]+)+")

FLITE = {"f": "slt", "m": "rms"}


@dataclass(frozen=True, slots=True)
class EngineVoice:
    """What an engine is asked for: espeak-ng, or flite."""

    name: str
    flite: bool = False


Warnings = list[tuple[int, str]]


def choose(voice: str, language: str, flite: bool = False, prefer_flite: bool = False) -> tuple[EngineVoice, Warnings]:
    """The engine's voice, and a (code, sentence) for each thing that had to be replaced.

    flite, where it is there, speaks the American voices of Polly and Google, and with `prefer_flite` all American ones.
    """
    sex, spoken, cloud, warnings = _meant(voice, language)
    chosen, unknown = _engine_voice(sex, spoken, flite and (cloud or prefer_flite))
    return chosen, warnings + unknown


def abroad(voice: str, language: str, flite: bool = False, prefer_flite: bool = False) -> tuple[EngineVoice, Warnings]:
    """What speaks for `voice` in a language that need not be its own (`<lang>`)."""
    sex, _, cloud, _ = _meant(voice, language)
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
        warnings = [(13512, f"language {language!r} is not known: {DEFAULT_LANGUAGE} is spoken instead")]
        name = "en-us"
    if name == "en-us" and flite:
        return EngineVoice(FLITE[sex], flite=True), warnings
    return EngineVoice(f"{name}+f3" if sex == "f" else name), warnings


def _meant(voice: str, language: str) -> tuple[str, str, bool, Warnings]:
    """Sex, language, whether it is a cloud's voice, warnings. A voice of Polly has a language of its own."""
    if voice in BASIC:
        return BASIC[voice], language, False, []
    polly = _POLLY_NAME.fullmatch(voice)
    if polly and polly[1].lower() in POLLY:
        sex, own = POLLY[polly[1].lower()]
        others = language.lower() not in (own.lower(), DEFAULT_LANGUAGE.lower())
        warning = f"voice {voice!r} speaks {own}, not {language}"
        return sex, own, True, [(13512, warning)] if others else []
    google = _GOOGLE_NAME.fullmatch(voice)
    if google:
        return "f", google[1], True, []
    return "m", language, False, [(13511, f"voice {voice!r} is not known: 'man' speaks instead")]


def _espeak(language: str) -> str | None:
    tag = language.strip().lower()
    return ESPEAK.get(tag) or ESPEAK.get(tag.partition("-")[0])
