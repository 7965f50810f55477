"""Voices and languages of `<Say>`: which there are, and what each voice speaks (twiml-voice.md §4, §33).

Who speaks for them here is not known here.
"""

from __future__ import annotations

import re
from unicodedata import normalize

NO_VOICE, NO_LANGUAGE = 13511, 13512
DEFAULT_LANGUAGE = "en-US"
BASIC = {"man": "m", "woman": "f", "alice": "f"}  # voices that speak every language, and no SSML

_SAY = """
af-ZA am-ET ar-AE ar-XA arb bg-BG bn-IN ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-AT de-DE el-GR en-AU en-CA en-GB
en-GB-WLS en-IE en-IN en-NZ en-US en-ZA es-ES es-MX es-US fi-FI fil-PH fr-BE fr-CA fr-FR gu-IN he-IL hi-IN hu-HU id-ID
is-IS it-IT ja-JP kn-IN ko-KR lv-LV ml-IN mr-IN ms-MY nb-NO nl-BE nl-NL pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sr-RS
sv-SE ta-IN te-IN th-TH tr-TR uk-UA vi-VN yue-HK zh-CN zh-HK zh-TW en en-gb es fr de
"""
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
BILINGUAL = {"aditi": "hi-IN", "kajal": "hi-IN"}
POLLY = {
    name.lower(): (sex, (language, BILINGUAL[name.lower()]) if name.lower() in BILINGUAL else (language,))
    for language, names in zip(_WORDS[::2], _WORDS[1::2], strict=True)
    for sex, group in zip("fm", names.split("/"), strict=True)
    for name in filter(None, group.split(","))
}
SPOKEN = frozenset(tag.lower() for tag in (*_SAY.split(), *_WORDS[::2]))
_POLLY_NAME = re.compile(r"Polly\.(\w+)(-(Neural|Generative|Long-Form))?")
_GOOGLE_NAME = re.compile(r"Google\.([a-z]{2,3}-[A-Za-z]{2,4})(-[A-Za-z0-9]+)+")
_ELEVENLABS_NAME = re.compile(r"ElevenLabs[.\-]\S+")


def is_language(tag: str) -> bool:
    """Whether there is a voice for it."""
    return tag.strip().lower() in SPOKEN


def cloud(voice: str) -> tuple[str, tuple[str, ...]] | None:
    """Sex and languages of a cloud's voice, none where it speaks all; None for what is no such voice."""
    if (found := _POLLY_NAME.fullmatch(voice)) and (name := _plain(found[1])) in POLLY:
        return POLLY[name]
    if (found := _GOOGLE_NAME.fullmatch(voice)) and is_language(found[1]):
        return "f", (found[1],)
    return ("f", ()) if _ELEVENLABS_NAME.fullmatch(voice) else None


def fault(voice: str, language: str) -> tuple[int, str] | None:
    """(code, sentence) where there is no such voice, or it does not speak this language; None where it does.

    The default language is that of every voice, for nobody need have asked for it.
    """
    own = cloud(voice)
    if own is None and voice not in BASIC:
        return NO_VOICE, f"there is no voice {voice!r}"
    if not is_language(language):
        return NO_LANGUAGE, f"there is no language {language!r}"
    if own and own[1] and language.lower() not in map(str.lower, (*own[1], DEFAULT_LANGUAGE)):
        return NO_LANGUAGE, f"voice {voice!r} speaks {' and '.join(own[1])}, not {language}"
    return None


def _plain(name: str) -> str:
    """`Céline` -> `celine`: both are written."""
    return normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
