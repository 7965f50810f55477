"""What is inside `<Say>` as what to speak: words with how they are spoken, and silence (twiml-voice.md §5; SSML 1.1).

Pure: who speaks, and what an engine makes of it, is not known here. What is not in the tables is warned of, its text is
spoken all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from twiml import voices
from twiml.attributes import Reader, warning
from twiml.errors import Warning
from twiml.tree import Element

INVALID = 13520  # Say: invalid text
LONGEST_BREAK = 10.0  # seconds
BREAKS = {"none": 0.0, "x-weak": 0.0, "weak": 0.25, "medium": 0.25, "strong": 0.5, "x-strong": 1.0}
SENTENCE, PARAGRAPH = BREAKS["strong"], BREAKS["x-strong"]
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "fast": 1.35, "x-fast": 1.8, "default": 1.0}
PITCHES = {"x-low": 0.7, "low": 0.85, "medium": 1.0, "high": 1.15, "x-high": 1.3, "default": 1.0}
SILENT = -96.0  # dB
VOLUMES = {
    "silent": SILENT, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "loud": 6.0, "x-loud": 9.0, "default": 0.0,
}  # fmt: skip
EMPHASES = {"strong": (0.85, 3.0), "moderate": (0.9, 0.0), "reduced": (1.1, -3.0), "none": (1.0, 0.0)}  # rate, dB
ALPHABETS = ("ipa", "x-sampa")
OTHER_ALPHABETS = ("x-amazon-jyutping", "x-amazon-pinyin", "x-amazon-pron-kana", "x-amazon-yomigana")
SAID_AS = (
    "characters", "spell-out", "cardinal", "number", "ordinal", "digits", "fraction", "unit", "date", "time", "address",
    "expletive", "telephone", "currency",
)  # fmt: skip
DATES = ("mdy", "dmy", "ymd", "md", "dm", "ym", "my", "d", "m", "y", "yyyymmdd")

_INLINE = frozenset({"break", "emphasis", "lang", "phoneme", "prosody", "say-as", "sub", "w", "amazon:effect"})
INSIDE: dict[str, frozenset[str]] = {
    "Say": _INLINE | {"p", "s", "amazon:domain"},
    "break": frozenset(),
    "emphasis": _INLINE,
    "lang": _INLINE | {"p", "s"},
    "p": _INLINE | {"s"},
    "s": _INLINE,
    "phoneme": frozenset(),
    "prosody": _INLINE | {"p", "s"},
    "say-as": frozenset(),
    "sub": frozenset(),
    "w": _INLINE - {"lang", "w"},
    "amazon:effect": _INLINE | {"p", "s"},
    "amazon:domain": _INLINE | {"p", "s"},
}


@dataclass(frozen=True, slots=True)
class Style:
    """How words are spoken. `rate` and `pitch` are factors, `volume` is in dB, `language` None: that of the voice."""

    rate: float = 1.0
    pitch: float = 1.0
    volume: float = 0.0
    language: str | None = None
    whispered: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Text. `said_as`: a word of SAID_AS, with its `form`at; `ph`: how it sounds, in `alphabet`."""

    text: str
    style: Style = Style()
    said_as: str = ""
    form: str = ""
    ph: str = ""
    alphabet: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds. One that is only `between` sentences or paragraphs is not added to another one beside it."""

    seconds: float
    between: bool = False


Part = Words | Silence


def read(element: Element, warnings: list[Warning]) -> tuple[str, tuple[Part, ...]]:
    """The text that `<Say>` speaks, and its parts in order; none where it is nothing but that text."""
    parts = tuple(_folded(_inside(element, Style(), warnings)))
    text = " ".join("".join(part.text for part in parts if isinstance(part, Words)).split())
    plain = len(parts) == 1 and parts[0] == Words(parts[0].text if isinstance(parts[0], Words) else "")
    return text, () if plain else parts


def _inside(element: Element, style: Style, warnings: list[Warning]) -> Iterator[Part]:
    yield Words(element.text, style)
    for child in element:
        if child.tag[:1].isupper():
            warnings.append(warning(child, 12200, f"<{child.tag}> is not allowed inside <Say>: skipped"))
        elif child.tag not in INSIDE:
            warnings.append(warning(child, 12200, f"<{child.tag}> is not SSML: its text is spoken plainly"))
            yield from _inside(child, style, warnings)
        else:
            if child.tag not in INSIDE.get(element.tag, _INLINE):
                where = f"<{child.tag}> is not allowed inside <{element.tag}>"
                warnings.append(warning(child, 12200, f"{where}: it is spoken as if it were"))
            yield from _element(child, style, warnings)
        yield Words(child.tail, style)


def _element(element: Element, style: Style, warnings: list[Warning]) -> Iterator[Part]:
    read = Reader(element, warnings, INVALID)
    match element.tag:
        case "break":
            yield Silence(_break(read))
            read.empty()
        case "say-as":
            yield _said_as(read, style)
            read.childless()
        case "sub":
            yield Words(_alias(read) or element.all_text(), style)
            read.childless()
        case "phoneme":
            yield _phoneme(read, style)
            read.childless()
        case "p" | "s":
            pause = Silence(PARAGRAPH if element.tag == "p" else SENTENCE, between=True)
            yield from (pause, *_inside(element, style, warnings), pause)
        case _:
            yield from _inside(element, _styled(read, style), warnings)
    read.rest()


def _styled(read: Reader, style: Style) -> Style:
    """The style inside an element that changes nothing else."""
    match read.element.tag:
        case "prosody":
            return replace(
                style,
                rate=_within(style.rate * _rate(read), 0.2, 4.0),
                pitch=_within(style.pitch * _pitch(read), 0.5, 2.0),
                volume=_volume(read, style.volume),
            )
        case "emphasis":
            rate, decibels = EMPHASES[read.word("level", EMPHASES, "moderate")]
            return replace(style, rate=style.rate * rate, volume=style.volume + decibels)
        case "lang":
            return replace(style, language=_language(read) or style.language)
        case "amazon:effect":
            return _effect(read, style)
        case "amazon:domain":
            read.later("name", code=INVALID)
        case "w":
            read.later("role", code=INVALID)
    return style


def _language(read: Reader) -> str | None:
    tag = read.text("xml:lang") or ""
    if voices.is_language(tag):
        return tag
    read.warn(INVALID, f"<lang> xml:lang={tag!r} is no language: its text is spoken in the one around it")
    return None


def _alias(read: Reader) -> str | None:
    alias = read.text("alias")
    if not alias:
        read.warn(INVALID, "<sub> has no alias: its text is spoken")
    return alias


def _break(read: Reader) -> float:
    """`time` wins over `strength`."""
    pause = BREAKS[read.word("strength", BREAKS, "medium")]
    text = read.text("time")
    if text is None:
        return pause
    found = re.fullmatch(r"\+?(\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})(ms|s)", text, re.ASCII)
    if found is None:
        read.warn(INVALID, f"<break> time={text!r} is not like 500ms or 2s: {pause:g} s are left")
        return pause
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
    if seconds > LONGEST_BREAK:
        read.warn(INVALID, f"<break> time={text!r} is more than {LONGEST_BREAK:g} s, which are left")
    return min(seconds, LONGEST_BREAK)


def _rate(read: Reader) -> float:
    """A word, or a percentage of the usual rate."""
    text = read.text("rate", "medium") or "medium"
    if text in RATES:
        return RATES[text]
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text, re.ASCII)
    if found and 20 <= float(found[1]) <= 200:
        return float(found[1]) / 100
    read.warn(INVALID, f"<prosody> rate={text!r} is neither one of {', '.join(RATES)} nor 20% to 200%: ignored")
    return 1.0


def _pitch(read: Reader) -> float:
    """A word, or by how many per cent it is higher or lower."""
    text = read.text("pitch", "medium") or "medium"
    if text in PITCHES:
        return PITCHES[text]
    found = re.fullmatch(r"([+-]\d{1,3}(?:\.\d+)?)%", text, re.ASCII)
    if found and -50 <= float(found[1]) <= 100:
        return 1 + float(found[1]) / 100
    read.warn(INVALID, f"<prosody> pitch={text!r} is neither one of {', '.join(PITCHES)} nor -50% to +100%: ignored")
    return 1.0


def _volume(read: Reader, outer: float) -> float:
    """dB. A word says what it is, a number by how much it changes."""
    text = read.text("volume")
    if text is None:
        return outer
    if text in VOLUMES:
        return VOLUMES[text]
    found = re.fullmatch(r"([+-]\d{1,2}(?:\.\d+)?)dB", text, re.ASCII)
    if found:
        return max(SILENT, outer + float(found[1]))
    read.warn(INVALID, f"<prosody> volume={text!r} is neither one of {', '.join(VOLUMES)} nor like +6dB: ignored")
    return outer


def _effect(read: Reader, style: Style) -> Style:
    name, phonation = read.text("name"), read.text("phonation")
    if name == "whispered":
        return replace(style, whispered=True)
    if phonation == "soft":
        return replace(style, volume=style.volume - 6.0)
    read.warn(INVALID, "<amazon:effect> is neither name='whispered' nor phonation='soft': its text is spoken plainly")
    return style


def _said_as(read: Reader, style: Style) -> Words:
    kind = read.word("interpret-as", SAID_AS, "")
    form = read.text("format", "") or ""
    if kind == "date" and form:
        form = read.word("format", DATES, "")
    elif form:
        read.warn(INVALID, f"<say-as> format={form!r} has an effect on dates only: ignored")
        form = ""
    return Words(read.element.all_text(), style, kind, form)


def _phoneme(read: Reader, style: Style) -> Words:
    ph, alphabet = read.text("ph") or "", read.word("alphabet", (*ALPHABETS, *OTHER_ALPHABETS), "ipa")
    if not ph:
        read.warn(INVALID, "<phoneme> has no ph: its text is spoken plainly")
    return Words(read.element.all_text(), style, ph=ph, alphabet=alphabet if ph else "")


def _folded(found: Iterator[Part]) -> list[Part]:
    """White space folded, and neighbours that are alike made one; no silence between where nothing is on one side."""
    folded: list[Part] = []
    for part in found:
        new = replace(part, text=_SPACE.sub(" ", part.text)) if isinstance(part, Words) else part
        if isinstance(new, Words) and not new.ph and not new.text.strip() and _begins(folded):
            continue
        if folded and (joined := _joined(folded[-1], new)) is not None:
            folded[-1] = joined
        elif new != Words("", new.style) if isinstance(new, Words) else True:
            folded.append(new)
    return [*_stripped(folded)]


def _begins(folded: list[Part]) -> bool:
    """Whether what comes next has no word right before it."""
    return not folded or isinstance(folded[-1], Silence)


def _stripped(folded: list[Part]) -> Iterator[Part]:
    """Without pauses at the ends that are there for the sake of what they are between."""
    for number, part in enumerate(folded):
        if isinstance(part, Silence) and part.between and number in (0, len(folded) - 1):
            continue
        yield part


_SPACE = re.compile(r"\s+")


def _joined(before: Part, part: Part) -> Part | None:
    """Two as one, None where they stay two."""
    if isinstance(before, Silence) and isinstance(part, Silence):
        if before.between or part.between:
            return Silence(max(before.seconds, part.seconds), before.between and part.between)
        return Silence(before.seconds + part.seconds)
    if isinstance(before, Words) and isinstance(part, Words):
        plain = not (before.said_as or before.ph or part.said_as or part.ph)
        if plain and before.style == part.style:
            return replace(before, text=_SPACE.sub(" ", before.text + part.text))
    return None


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
