"""`<Say>`: text is spoken to the caller."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import Ran, ran
from twiml.prompts import Prompt, Speech
from twiml.ssml import SILENT, Part, Silence, Style, Words


def test_text_is_spoken_with_the_default_voice() -> None:
    assert ran("<Say>Hello</Say>").call.prompts == [Prompt(Speech("Hello", "man", "en-US"), 1)]


def test_white_space_is_folded() -> None:
    assert ran("<Say>\n  Hello,\n  world\t</Say>").call.prompts[0].what == Speech("Hello, world", "man", "en-US")


def test_voice_and_language_are_handed_on() -> None:
    done = ran("<Say voice='Polly.Vicki' language='de-DE'>Hallo</Say>")
    assert done.call.prompts[0].what == Speech("Hallo", "Polly.Vicki", "de-DE")


@pytest.mark.parametrize(("loop", "times"), [("3", 3), ("0", 1000)])
def test_it_is_repeated(loop: str, times: int) -> None:
    assert ran(f"<Say loop='{loop}'>Hello</Say>").call.prompts[0].loop == times


@pytest.mark.parametrize("loop", ["-1", "many", "1.5", ""])
def test_a_wrong_loop_is_one_with_a_warning(loop: str) -> None:
    done = ran(f"<Say loop='{loop}'>Hello</Say>")
    assert done.call.prompts[0].loop == 1
    assert (done.codes, done.warnings[0].line) == ([13510], 2)


def test_no_text_is_skipped_with_a_warning() -> None:
    done = ran("<Say/><Say>  </Say>")
    assert (done.codes, done.call.did) == ([13520, 13520], ["hangup"])


def test_more_than_4096_characters_are_skipped_with_a_warning() -> None:
    assert ran(f"<Say>{'a' * 4096}</Say>").codes == []
    done = ran(f"<Say>{'a' * 4097}</Say>")
    assert (done.codes, done.call.prompts) == ([13521], [])


@pytest.mark.parametrize("voice", ["Polly.Nobody", "Google.xx-XX-Standard-A", "robot", "polly.Joanna"])
def test_a_voice_that_there_is_not_is_skipped_with_a_warning(voice: str) -> None:
    """13511."""
    done = ran(f"<Say voice='{voice}'>Hello</Say><Pause/>")
    assert (done.codes, done.call.did) == ([13511], ["pause", "hangup"])


@pytest.mark.parametrize("attributes", ["language='xx-XX'", "voice='Polly.Hans' language='fr-FR'",
                                        "voice='Google.de-DE-Standard-A' language='es-ES'"])  # fmt: skip
def test_a_language_that_the_voice_does_not_speak_is_skipped_with_a_warning(attributes: str) -> None:
    """13512."""
    done = ran(f"<Say {attributes}>Hello</Say><Pause/>")
    assert (done.codes, done.call.did) == ([13512], ["pause", "hangup"])


@pytest.mark.parametrize("voice", ["Polly.Hans", "Polly.Hans-Neural", "Google.de-DE-Chirp3-HD-Leda",
                                   "ElevenLabs.abc", "Polly.C\u00e9line"])  # fmt: skip
def test_a_voice_of_a_cloud_needs_no_language(voice: str) -> None:
    assert ran(f"<Say voice='{voice}'>Hallo</Say>").codes == []


@pytest.mark.parametrize("language", ["en", "EN-gb", "es", "fr", "de", "zh-HK", "fil-PH"])
def test_the_basic_voices_speak_every_language(language: str) -> None:
    """man, woman and alice; the tag in whatever case."""
    assert ran(f"<Say voice='woman' language='{language}'>Hello</Say>").codes == []


@pytest.mark.parametrize("voice", ["man", "woman", "alice"])
def test_the_basic_voices_speak_ssml_plainly_with_a_warning(voice: str) -> None:
    done = ran(f"<Say voice='{voice}'>It is <emphasis>very</emphasis> <break time='2s'/> late</Say>")
    assert (done.call.prompts[0].what, done.codes) == (Speech("It is very late", voice, "en-US"), [13520])


def test_an_unknown_attribute_is_named() -> None:
    done = ran("<Say speed='9'>Hello</Say>")
    assert done.codes == [12200]
    assert "'speed'" in done.warnings[0].message


def said(inside: str) -> Ran:
    return ran(f"<Say voice='Polly.Joanna'>{inside}</Say>")


def parts(inside: str) -> tuple[Part, ...]:
    """What is spoken; nothing is warned of."""
    done = said(inside)
    assert done.codes == []
    what = done.call.prompts[0].what
    assert isinstance(what, Speech)
    return what.parts


def style(element: str) -> Style:
    (words,) = parts(f"<{element}>Hi</{element.split()[0]}>")
    assert isinstance(words, Words)
    return words.style


@pytest.mark.parametrize(
    ("element", "seconds"),
    [
        ("<break/>", 0.25), ("<break time='2s'/>", 2.0), ("<break time='500ms'/>", 0.5), ("<break time='1.5s'/>", 1.5),
        ("<break strength='x-strong'/>", 1.0), ("<break strength='strong' time='3s'/>", 3.0),
        ("<break time='1s'/> <break time='1s'/>", 2.0),
    ],
)  # fmt: skip
def test_break_is_silence(element: str, seconds: float) -> None:
    """`time` says how long, else `strength`; medium is the default."""
    assert parts(f"Wait {element} please")[1] == Silence(seconds)


@pytest.mark.parametrize("strength", ["none", "x-weak"])
def test_a_break_of_no_strength_is_none(strength: str) -> None:
    assert parts(f"a<break strength='{strength}'/>b")[1] == Silence(0.0)


def test_sentences_and_paragraphs_have_a_pause_between() -> None:
    """`p` is a paragraph, `s` a sentence; no pause is added at the ends."""
    a, b, c = Words("a"), Words("b"), Words("c")
    assert parts("<s>a</s> <s>b</s>") == (a, Silence(0.5, True), b)
    assert parts("<p><s>a</s><s>b</s></p> <p>c</p>") == (a, Silence(0.5, True), b, Silence(1.0, True), c)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("rate='slow'", Style(rate=0.75)), ("rate='150%'", Style(rate=1.5)), ("pitch='high'", Style(pitch=1.15)),
        ("pitch='-20%'", Style(pitch=0.8)), ("volume='loud'", Style(volume=6.0)),
        ("volume='-3dB'", Style(volume=-3.0)), ("volume='silent'", Style(volume=SILENT)),
        ("rate='medium' pitch='default' volume='medium'", Style()),
    ],
)  # fmt: skip
def test_prosody_sets_rate_pitch_and_volume(attributes: str, expected: Style) -> None:
    (words,) = parts(f"<prosody {attributes}>Hi</prosody>") or (Words("Hi"),)
    assert words == Words("Hi", expected)


def test_what_is_nested_adds_up() -> None:
    (words,) = parts("<prosody rate='50%' volume='+2dB'><prosody rate='150%' volume='+3dB'>Hi</prosody></prosody>")
    assert words == Words("Hi", Style(rate=0.75, volume=5.0))


def test_emphasis_is_slower_or_faster_and_louder_or_softer() -> None:
    """`level` is strong, moderate (the default) or reduced."""
    assert style("emphasis") == style("emphasis level='moderate'")
    strong, reduced = style("emphasis level='strong'"), style("emphasis level='reduced'")
    assert strong.rate < 1 < reduced.rate
    assert strong.volume > 0 > reduced.volume


@pytest.mark.parametrize("kind", ["characters", "spell-out", "cardinal", "number", "ordinal", "digits", "fraction",
                                  "unit", "date", "time", "address", "expletive", "telephone"])  # fmt: skip
def test_say_as_says_what_the_text_is(kind: str) -> None:
    assert parts(f"a <say-as interpret-as='{kind}'>123</say-as>")[1] == Words("123", said_as=kind)


def test_say_as_date_has_a_format() -> None:
    (words,) = parts("<say-as interpret-as='date' format='dmy'>3/4/2024</say-as>")
    assert words == Words("3/4/2024", said_as="date", form="dmy")


def test_sub_is_spoken_as_its_alias() -> None:
    assert parts("<sub alias='aluminum'>Al</sub> and <break/> more")[0] == Words("aluminum and ")


def test_phoneme_says_how_it_sounds() -> None:
    """`ph` in the `alphabet` ipa (the default) or x-sampa, or one of Amazon's."""
    assert parts("<phoneme alphabet='ipa' ph='pɪˈkɑːn'>pecan</phoneme>") == (
        Words("pecan", ph="pɪˈkɑːn", alphabet="ipa"),
    )
    assert parts("<phoneme ph='a'>b</phoneme>") == (Words("b", ph="a", alphabet="ipa"),)


def test_lang_is_another_language() -> None:
    assert parts("Say <lang xml:lang='fr-FR'>bonjour</lang>")[1] == Words("bonjour", Style(language="fr-FR"))


def test_amazon_effect_whispers() -> None:
    assert style('amazon:effect name="whispered"') == Style(whispered=True)


def test_the_role_of_a_word_has_no_effect_and_a_warning() -> None:
    """`w` says which of a word's readings is meant."""
    done = said("They <w role='amazon:VBD'>read</w> it")
    assert (done.call.prompts[0].what, done.codes) == (Speech("They read it", "Polly.Joanna", "en-US"), [13520])


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<break time='2'/>", ""), ("<break strength='huge'/>", ""), ("<break time='11s'/>", ""),
        ("<prosody rate='fastest'>a</prosody>", "a"), ("<prosody rate='500%'>a</prosody>", "a"),
        ("<prosody pitch='5'>a</prosody>", "a"), ("<prosody volume='6'>a</prosody>", "a"),
        ("<emphasis level='some'>a</emphasis>", "a"), ("<say-as interpret-as='poem'>a</say-as>", "a"),
        ("<say-as interpret-as='date' format='xyz'>1/2</say-as>", "1/2"), ("<phoneme>a</phoneme>", "a"),
        ("<sub>a</sub>", "a"), ("<lang>a</lang>", "a"), ("<lang xml:lang='xx-XX'>a</lang>", "a"),
        ("<say-as interpret-as='time' format='hms12'>9:00</say-as>", "9:00"),
        ("<amazon:effect name='shouted'>a</amazon:effect>", "a"),
    ],
)  # fmt: skip
def test_a_wrong_value_of_ssml_is_the_default_with_a_warning(inside: str, text: str) -> None:
    done = said(f"x {inside} y")
    assert done.codes == [13520]
    what = done.call.prompts[0].what
    assert isinstance(what, Speech)
    assert what.text.split() == ["x", *text.split(), "y"]


def test_what_is_no_ssml_is_spoken_plainly_and_verbs_are_skipped() -> None:
    done = said("a <b>bold</b> <Play>http://x/y.mp3</Play> word")
    assert (done.call.prompts[0].what, done.codes) == (Speech("a bold word", "Polly.Joanna", "en-US"), [12200, 12200])


def test_misplaced_ssml_is_spoken_all_the_same() -> None:
    done = said("<s>a <p>b</p></s>")
    assert done.codes == [12200]
    assert "<p> is not allowed inside <s>" in done.warnings[0].message


def test_a_pause_alone_is_something_to_say() -> None:
    assert parts("<break time='1s'/>") == (Silence(1.0),)
