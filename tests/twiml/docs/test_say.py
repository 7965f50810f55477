"""`<Say>`: text is spoken to the caller."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran
from twiml.control import Prompt, Speech


def test_text_is_spoken_with_the_default_voice() -> None:
    assert ran("<Say>Hello</Say>").call.prompts == [Prompt(Speech("Hello", "man", "en-US"), 1)]


def test_white_space_is_folded() -> None:
    assert ran("<Say>\n  Hello,\n  world\t</Say>").call.prompts[0].what == Speech("Hello, world", "man", "en-US")


def test_voice_and_language_are_handed_on() -> None:
    done = ran("<Say voice='Polly.Joanna' language='de-DE'>Hallo</Say>")
    assert done.call.prompts[0].what == Speech("Hallo", "Polly.Joanna", "de-DE")


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


def test_the_text_of_ssml_is_spoken_plainly_with_a_warning() -> None:
    done = ran("<Say>Wait <break time='1s'/><emphasis>here</emphasis> please</Say>")
    assert done.call.prompts[0].what == Speech("Wait here please", "man", "en-US")
    assert done.codes == [13520, 13520]


def test_an_unknown_attribute_is_named() -> None:
    done = ran("<Say speed='9'>Hello</Say>")
    assert done.codes == [12200]
    assert "'speed'" in done.warnings[0].message
