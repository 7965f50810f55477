"""`<Refer>`: the caller is asked to call somebody else."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import NotedCall, ran
from twiml.plans import Referred

CAROL = "<Sip>sip:carol@example.com</Sip>"


def test_the_caller_is_asked_to_call_a_sip_uri() -> None:
    done = ran(f"<Refer>{CAROL}</Refer>")
    assert done.call.asked[0] == ("refer", "sip:carol@example.com")
    assert done.codes == []


def test_headers_of_the_uri_go_with_it() -> None:
    verb = "<Refer><Sip> sip:carol@example.com?X-One=1&amp;X-Two=a%20b </Sip></Refer>"
    assert ran(verb).call.asked[0] == ("refer", "sip:carol@example.com?X-One=1&X-Two=a%20b")


def test_the_action_is_told_what_became_of_it() -> None:
    told = {"ReferCallStatus": "busy", "ReferSipResponseCode": "202", "NotifySipResponseCode": "486"}
    done = ran(
        f"<Refer action='/a' method='GET'>{CAROL}</Refer><Say>Never</Say>", NotedCall(referred=Referred(told, False))
    )
    assert (done.redirect.url, done.redirect.method, done.redirect.params) == ("/a", "GET", told)


def test_an_empty_action_is_the_document_itself() -> None:
    assert ran(f"<Refer action=''>{CAROL}</Refer>").redirect.url is None


def test_without_action_the_next_verb_follows() -> None:
    assert ran(f"<Refer>{CAROL}</Refer><Say>Bye</Say>").call.did == ["refer", "play", "hangup"]


def test_the_last_verb_ends_the_call() -> None:
    assert ran(f"<Refer>{CAROL}</Refer>").call.did == ["refer", "hangup"]


@pytest.mark.parametrize("inside", ["", CAROL * 2, "<Sip/>"])
def test_without_exactly_one_sip_it_fails(inside: str) -> None:
    done = ran(f"<Refer action='/a'>{inside}</Refer>")
    assert done.codes == [13801]
    assert done.redirect.params == {"ReferCallStatus": "failed"}
    assert done.call.did == []


def test_anything_else_inside_is_ignored_with_a_warning() -> None:
    done = ran(f"<Refer><Number>+1</Number>{CAROL}</Refer>")
    assert (done.codes, done.call.did[0]) == ([12200], "refer")


def test_a_wrong_method_is_post_with_a_warning() -> None:
    done = ran(f"<Refer action='/a' method='PUT'>{CAROL}</Refer>")
    assert (done.redirect.method, done.codes) == ("POST", [13801])
