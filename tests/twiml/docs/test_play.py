"""`<Play>`: an audio file, or digits, to the caller."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran
from twiml.prompts import AudioUrl, Prompt


def test_a_url_is_played() -> None:
    assert ran("<Play> http://a.example/x.mp3 </Play>").call.prompts == [Prompt(AudioUrl("http://a.example/x.mp3"), 1)]


@pytest.mark.parametrize(("loop", "times"), [("2", 2), ("0", 1000)])
def test_it_is_repeated(loop: str, times: int) -> None:
    assert ran(f"<Play loop='{loop}'>x.mp3</Play>").call.prompts[0].loop == times


def test_a_wrong_loop_is_one_with_a_warning() -> None:
    done = ran("<Play loop='x'>x.mp3</Play>")
    assert (done.call.prompts[0].loop, done.codes) == (1, [13410])


def test_digits_are_sent_instead() -> None:
    assert ran("<Play digits='ww12#'/>").call.asked[0] == ("send_digits", "ww12#")


def test_wrong_digits_are_skipped_with_a_warning() -> None:
    done = ran("<Play digits='12x'/>")
    assert (done.codes, done.call.did) == ([13430], ["hangup"])


def test_nothing_to_play_is_skipped_with_a_warning() -> None:
    assert ran("<Play/>").codes == [13410]


def test_digits_are_sent_once_and_without_the_url() -> None:
    """Which is warned of."""
    done = ran("<Play digits='1'>x.mp3</Play>")
    assert (done.call.did, done.codes) == (["send_digits", "hangup"], [13410])
    assert ran("<Play digits='1' loop='3'/>").codes == [13410]
