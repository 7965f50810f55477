"""`<Gather>`: digits from the caller."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import NotedCall, ran
from twiml.plans import Collect, Collected
from twiml.prompts import AudioUrl, Quiet, Speech


def test_the_defaults() -> None:
    assert ran("<Gather/>").call.how == Collect(timeout=5, finish_on_key="#", num_digits=None)


def test_what_ends_it_can_be_chosen() -> None:
    done = ran("<Gather timeout='9' finishOnKey='*' numDigits='4'/>")
    assert done.call.how == Collect(timeout=9, finish_on_key="*", num_digits=4)


def test_no_finish_key_makes_every_key_data() -> None:
    done = ran("<Gather finishOnKey=''/>")
    assert done.call.how == Collect(timeout=5, finish_on_key="", num_digits=None)


def test_digits_go_to_the_action() -> None:
    done = ran("<Gather action='/next' method='get'/>", NotedCall(Collected("123", "#")))
    assert (done.redirect.url, done.redirect.method) == ("/next", "GET")
    assert (done.redirect.params["Digits"], done.redirect.params["FinishedOnKey"]) == ("123", "#")


def test_without_action_they_go_to_the_document_itself() -> None:
    assert ran("<Gather/>", NotedCall(Collected("1", ""))).redirect.url is None


def test_nothing_pressed_falls_through_to_the_next_verb() -> None:
    assert ran("<Gather/><Say>Too late</Say>").call.did == ["collect", "play", "hangup"]


def test_the_finish_key_alone_is_nothing() -> None:
    done = ran("<Gather/><Reject/>", NotedCall(Collected("", "#")))
    assert done.call.did == ["collect", "reject"]


def test_action_on_empty_result_asks_the_action_with_no_digits() -> None:
    done = ran("<Gather actionOnEmptyResult='true' action='/a'/><Say>Never</Say>")
    assert (done.redirect.url, done.redirect.params["Digits"]) == ("/a", "")


def test_say_play_and_pause_are_played_meanwhile() -> None:
    done = ran("<Gather><Say>A</Say><Play loop='2'>b.wav</Play><Pause length='3'/></Gather>")
    assert [prompt.what for prompt in done.call.prompts] == [Speech("A", "man", "en-US"), AudioUrl("b.wav"), Quiet(3)]
    assert done.call.prompts[1].loop == 2


@pytest.mark.parametrize("child", ["<Dial>+1</Dial>", "<Play digits='1'/>", "<Gather/>", "<Number>1</Number>"])
def test_other_children_are_skipped_with_a_warning(child: str) -> None:
    done = ran(f"<Gather>{child}<Say>A</Say></Gather>")
    assert done.codes == [13320]
    assert len(done.call.prompts) == 1


@pytest.mark.parametrize(
    ("attribute", "how"),
    [
        ("timeout='0'", Collect(5, "#", None)),
        ("timeout='soon'", Collect(5, "#", None)),
        ("numDigits='0'", Collect(5, "#", None)),
        ("finishOnKey='12'", Collect(5, "#", None)),
        ("finishOnKey='a'", Collect(5, "#", None)),
    ],
)
def test_a_wrong_value_is_the_default_with_a_warning(attribute: str, how: Collect) -> None:
    done = ran(f"<Gather {attribute}/>")
    assert (done.call.how, done.codes) == (how, [13310])


def test_speech_is_refused_by_name_and_digits_are_still_heard() -> None:
    done = ran("<Gather input='dtmf speech' hints='yes, no' speechTimeout='auto'/>")
    assert done.codes == [13310, 13310]
    assert "speech" in done.warnings[0].message
    assert "speechTimeout, hints are not supported" in done.warnings[1].message
    assert done.call.did[0] == "collect"


def test_a_timeout_of_auto_goes_with_speech() -> None:
    """Digits have the default then."""
    done = ran("<Gather input='dtmf speech' timeout='auto'/>")
    assert (done.call.how, done.codes) == (Collect(5, "#", None), [13310])
    assert ran("<Gather timeout='auto'/>").codes == [13310]
