"""`<Redirect>`, `<Hangup>`, `<Reject>`: how documents end."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran


def test_redirect_leads_to_another_document() -> None:
    done = ran("<Redirect method='GET'> /menu?a=1&amp;b=2 </Redirect><Say>Never</Say>")
    assert (done.redirect.url, done.redirect.method) == ("/menu?a=1&b=2", "GET")
    assert done.call.did == []


def test_an_empty_redirect_asks_the_same_document_again() -> None:
    assert ran("<Redirect/>").redirect.url is None


def test_a_wrong_method_is_post_with_a_warning() -> None:
    done = ran("<Redirect method='PUT'>/a</Redirect>")
    assert (done.redirect.method, done.codes) == ("POST", [13710])


def test_hangup_ends_the_call_and_what_follows_is_never_run() -> None:
    done = ran("<Hangup/><Say>Never</Say>")
    assert (done.call.did, done.ended) == (["hangup"], True)


@pytest.mark.parametrize("reason", ["rejected", "busy"])
def test_reject_refuses_the_call(reason: str) -> None:
    done = ran(f"<Reject reason='{reason}'/><Say>Never</Say>")
    assert (done.call.asked, done.ended) == ([("reject", reason)], True)


def test_reject_without_a_good_reason_is_rejected() -> None:
    assert ran("<Reject/>").call.asked == [("reject", "rejected")]
    done = ran("<Reject reason='bored'/>")
    assert (done.call.asked, done.codes) == ([("reject", "rejected")], [13810])


@pytest.mark.parametrize("verb", ["Hangup", "Reject"])
def test_parameters_are_named_as_not_supported(verb: str) -> None:
    assert ran(f"<{verb}><Parameter name='a' value='b'/></{verb}>").codes == [12200]


def test_the_end_of_the_document_hangs_up() -> None:
    assert ran("").call.did == ["hangup"]
    assert ran("<Say>Hi</Say>").call.did == ["play", "hangup"]
