"""`<Sms>` and `<Message>` in a call: a text message beside it."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran
from twiml.plans import MessagePlan


@pytest.mark.parametrize("verb", ["Sms", "Message"])
def test_a_message_to_the_caller_from_the_number_that_was_called(verb: str) -> None:
    """The next verb runs at once."""
    done = ran(f"<{verb}> Your order\n is on its way </{verb}><Say>Hi</Say>")
    assert done.call.asked[0] == ("send_message", MessagePlan("Your order\n is on its way"))
    assert (done.call.did, done.codes) == (["send_message", "play", "hangup"], [])


def test_its_lines_stay_lines() -> None:
    """White space around it is left out."""
    assert ran("<Sms>\n Your code:\n\n  123 \n</Sms>").call.asked[0] == (
        "send_message",
        MessagePlan("Your code:\n\n  123"),
    )


def test_everything_can_be_chosen() -> None:
    verb = "<Sms to='+12125550123' from='+15555550100' statusCallback='/s' action='/a' method='GET'>Hi</Sms>"
    done = ran(verb)
    assert done.call.asked == [("send_message", MessagePlan("Hi", "+12125550123", "+15555550100", "/s"))]
    assert (done.redirect.url, done.redirect.method) == ("/a", "GET")
    assert done.redirect.params == {"SmsSid": "SM1", "SmsStatus": "queued"}


@pytest.mark.parametrize(("verb", "most"), [("Sms", 160), ("Message", 1600)])
def test_more_characters_than_fit_are_invalid(verb: str, most: int) -> None:
    """160 in an Sms, 1600 in a Message."""
    assert ran(f"<{verb}>{'x' * most}</{verb}>").codes == []
    done = ran(f"<{verb} action='/a'>{'x' * (most + 1)}</{verb}>")
    assert (done.codes, done.redirect.params, done.call.did) == (
        [14103],
        {"SmsStatus": "invalid", "MessageStatus": "invalid"},
        [],
    )


def test_no_text_is_invalid() -> None:
    assert ran("<Sms/>").codes == [14103]


def test_a_wrong_method_is_post_with_a_warning() -> None:
    done = ran("<Sms action='/a' method='PUT'>Hi</Sms>")
    assert (done.redirect.method, done.codes) == ("POST", [14104])
