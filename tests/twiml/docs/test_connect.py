"""`<Connect>`: known by name, as its nouns are; the document goes on as after a connection that failed."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran
from twiml.verbs.connect import NOUNS


@pytest.mark.parametrize(("noun", "code"), NOUNS.items())
def test_its_nouns_are_named_and_nothing_is_connected(noun: str, code: int) -> None:
    """31900 for a Stream, 64102 for a ConversationRelay, else 14300."""
    done = ran(f"<Connect><{noun} url='wss://a.example/'/></Connect><Say>Hello</Say>")
    assert (done.codes, done.call.did) == ([code], ["play", "hangup"])
    assert f"<{noun}> is not supported" in done.warnings[0].message


def test_the_action_is_asked_at_once() -> None:
    done = ran("<Connect action='/a' method='GET'><Stream url='wss://a.example/'/></Connect><Say>Never</Say>")
    assert (done.redirect.url, done.redirect.method, done.redirect.params) == ("/a", "GET", {})


def test_the_action_of_a_conversation_relay_is_told_that_it_failed() -> None:
    done = ran("<Connect action='/a'><ConversationRelay url='wss://a.example/'/></Connect>")
    assert done.redirect.params["SessionStatus"] == "failed"
    assert done.redirect.params["ErrorCode"] == "64102"


@pytest.mark.parametrize(
    ("inside", "codes"), [("", [14300]), ("<Say>x</Say>", [12200]), ("x<Room>r</Room>", [14300, 12200])]
)
def test_anything_else_inside_is_warned_of(inside: str, codes: list[int]) -> None:
    assert ran(f"<Connect>{inside}</Connect>").codes == codes


def test_a_wrong_method_is_post_with_a_warning() -> None:
    done = ran("<Connect action='/a' method='PUT'><Room>r</Room></Connect>")
    assert (done.redirect.method, done.codes) == ("POST", [14300, 14300])
