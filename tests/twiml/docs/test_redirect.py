"""`<Redirect>`: another document takes over."""

from __future__ import annotations

from tests.lib.callcontrol import ran


def test_it_leads_to_another_document() -> None:
    """Control never returns."""
    done = ran("<Redirect method='GET'> /menu?a=1&amp;b=2 </Redirect><Say>Never</Say>")
    assert (done.redirect.url, done.redirect.method) == ("/menu?a=1&b=2", "GET")
    assert done.call.did == []


def test_an_empty_one_asks_the_same_document_again() -> None:
    assert ran("<Redirect/>").redirect.url is None


def test_a_wrong_method_is_post_with_a_warning() -> None:
    done = ran("<Redirect method='PUT'>/a</Redirect>")
    assert (done.redirect.method, done.codes) == ("POST", [13710])
