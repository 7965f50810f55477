"""What is to be spoken as the runs of an engine, the silence between them, and bleeps.

A run is what one engine says in one breath: its spans differ in rate, pitch and sound only. Volume is ours to make, for
engines do not agree on what a decibel is, and so is silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.speech import phonemes, say_as, voices
from gateway.speech.errors import SpeechError
from gateway.speech.voices import EngineVoice, Warnings
from twiml.ssml import INVALID, Part, Silence, Style, Words

MOST_RUNS = 100  # an engine is started for each
MOST_SILENCE = 600.0  # seconds
WHISPER = -6.0  # dB
BLEEP = 0.12  # seconds a letter that must not be heard


@dataclass(frozen=True, slots=True)
class Span:
    """Text, or `phonemes` of espeak-ng instead; `rate` and `pitch` are factors."""

    text: str
    rate: float = 1.0
    pitch: float = 1.0
    phonemes: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Spoken by one voice; `volume` in dB."""

    voice: EngineVoice
    spans: tuple[Span, ...]
    volume: float = 0.0

    @property
    def text(self) -> str:
        """What is said."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Bleep:
    """A tone instead of what must not be heard, in seconds and dB."""

    seconds: float
    volume: float


Step = Run | Silence | Bleep


@dataclass(frozen=True, slots=True)
class Saying:
    """Whose voice it is: TwiML's words, and what there is to speak with."""

    voice: str
    language: str
    flite: bool = False
    prefer_flite: bool = False

    def chosen(self) -> tuple[EngineVoice, Warnings]:
        """The engine's voice."""
        return voices.choose(self.voice, self.language, self.flite, self.prefer_flite)

    def of(self, style: Style, usual: EngineVoice) -> tuple[EngineVoice, Warnings]:
        """The engine's voice in a style, `usual` where that asks for no other."""
        voice, warnings = usual, Warnings()
        if style.language is not None:
            voice, warnings = voices.abroad(self.voice, style.language, self.flite, self.prefer_flite)
        return (voices.whispering(voice) if style.whispered else voice), warnings


def plan(saying: Saying, text: str, parts: Sequence[Part]) -> tuple[tuple[Step, ...], Warnings]:
    """The steps in order, and what is replaced or approximated; SpeechError for what is too much."""
    usual, warnings = saying.chosen()
    steps: list[Step] = []
    for part in parts or (Words(text),):
        step: Step = part if isinstance(part, Silence) else _step(saying, usual, part, warnings)
        joined = _joined(steps[-1], step) if steps else None
        if joined is None:
            steps.append(step)
        else:
            steps[-1] = joined
    if sum(isinstance(step, Run) for step in steps) > MOST_RUNS:
        raise SpeechError(f"voice, volume or pauses change more than {MOST_RUNS} times", 13521)
    if sum(step.seconds for step in steps if not isinstance(step, Run)) > MOST_SILENCE:
        raise SpeechError(f"its pauses are longer than {MOST_SILENCE:g} s", 13521)
    return tuple(steps), list(dict.fromkeys(warnings))


def _step(saying: Saying, usual: EngineVoice, words: Words, warnings: Warnings) -> Run | Bleep:
    style = words.style
    if words.said_as == "expletive":
        return Bleep(min(max(BLEEP * len(words.text), 0.3), 2.0), style.volume)
    voice, odd = saying.of(style, usual)
    warnings += odd
    span = Span(_written(saying, words, warnings), style.rate, style.pitch)
    if words.ph:
        span = replace(span, phonemes=_phonemes(voice, words, warnings))
    return Run(voice, (span,), style.volume + (WHISPER if style.whispered else 0.0))


def _written(saying: Saying, words: Words, warnings: Warnings) -> str:
    """The text as an engine reads it right."""
    if not words.said_as:
        return words.text
    language = words.style.language or voices.language_of(saying.voice, saying.language)
    written = say_as.read(words.text, words.said_as, words.form, language)
    if written is None:
        how = f"<say-as interpret-as={words.said_as!r}> {words.text!r}"
        warnings.append((INVALID, f"{how} is read as the engine reads it in {language}"))
    return words.text if written is None else written


def _phonemes(voice: EngineVoice, words: Words, warnings: Warnings) -> str:
    """Nothing where the text has to do."""
    found = None if voice.flite else phonemes.espeak(words.ph, words.alphabet)
    if found is None:
        why = "flite takes no phonemes" if voice.flite else f"{words.alphabet} {words.ph!r} is not known here"
        warnings.append((INVALID, f"<phoneme> {words.text!r}: {why}, its text is spoken plainly"))
    return found or ""


def _joined(before: Step, step: Step) -> Step | None:
    """Two as one, None where they stay two."""
    if not (isinstance(before, Run) and isinstance(step, Run)):
        return None
    if (before.voice, before.volume) != (step.voice, step.volume):
        return None
    last, span = before.spans[-1], step.spans[0]
    if not (last.phonemes or span.phonemes) and (last.rate, last.pitch) == (span.rate, span.pitch):
        return replace(before, spans=(*before.spans[:-1], replace(last, text=last.text + span.text)))
    return None if before.voice.flite else replace(before, spans=(*before.spans, span))
