"""TwiML's voices and languages as the engines' (twiml-voice.md: Say)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PROVIDER = re.compile(r"(Polly|Google|ElevenLabs)\.(.+)")
BASIC = ("man", "woman", "alice")

# espeak-ng's name for each language; others are tried by their first part
LANGUAGES = {
    "en-US": "en-us", "en-GB": "en-gb", "en": "en-us", "en-AU": "en-gb", "en-IN": "en-gb", "en-CA": "en-us",
    "es-MX": "es-419", "es-US": "es-419", "pt-BR": "pt-br", "pt-PT": "pt", "fr-FR": "fr-fr", "fr-BE": "fr-be",
    "fr-CH": "fr-ch", "zh-CN": "cmn", "cmn-CN": "cmn", "zh-TW": "cmn", "zh-HK": "yue", "yue-CN": "yue",
    "nb-NO": "nb", "arb": "ar",
}  # fmt: skip
KNOWN = frozenset(
    [
        "af",
        "ar",
        "bg",
        "bn",
        "ca",
        "cmn",
        "cs",
        "cy",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "eu",
        "fa",
        "fi",
        "fr",
        "ga",
        "gu",
        "he",
        "hi",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ja",
        "ka",
        "kn",
        "ko",
        "lt",
        "lv",
        "mk",
        "ml",
        "mr",
        "ms",
        "nb",
        "ne",
        "nl",
        "pa",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "sw",
        "ta",
        "te",
        "th",
        "tr",
        "uk",
        "ur",
        "vi",
        "yue",
    ]
)
WOMEN = frozenset(
    [
        "woman",
        "alice",
        "joanna",
        "salli",
        "kimberly",
        "kendra",
        "ivy",
        "ruth",
        "danielle",
        "amy",
        "emma",
        "olivia",
        "aria",
        "ayanda",
        "nicole",
        "raveena",
        "aditi",
        "marlene",
        "vicki",
        "celine",
        "lea",
        "lucia",
        "conchita",
        "mia",
        "lupe",
        "camila",
        "vitoria",
        "carla",
        "bianca",
    ]
)


@dataclass(frozen=True, slots=True)
class EngineVoice:
    """What espeak-ng is asked for."""

    name: str


def choose(voice: str, language: str) -> tuple[EngineVoice, list[tuple[int, str]]]:
    """The engine's voice, and a (code, sentence) for each thing that had to be replaced."""
    warnings = []
    provider = _PROVIDER.fullmatch(voice)
    plain = voice.lower()
    if provider is not None:
        plain = provider[2].partition("-")[0].lower()
        warnings.append((13511, f"voice {voice!r} is not available: spoken by espeak-ng instead"))
    elif voice not in BASIC:
        warnings.append((13511, f"voice {voice!r} is not known: 'man' is used"))
        plain = "man"
    short = language.partition("-")[0].lower()
    name = LANGUAGES.get(language) or (short if short in KNOWN else "")
    if not name:
        warnings.append((13512, f"language {language!r} is not known: 'en-US' is used"))
        name = "en-us"
    return EngineVoice(f"{name}+f3" if plain in WOMEN else name), warnings
