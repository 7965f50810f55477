"""Calls that are refused or sent elsewhere: statuses, and 3xx that are followed as often as the trunk allows."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import Stage

pytestmark = pytest.mark.interop


def moved(user: str, *others: str) -> str:
    """302 to another user of the same far end."""
    contacts = ", ".join(f"<sip:{one}@{s.ME}>" for one in (user, *others))
    return s.reply("302 Moved Temporarily", contact=f"Contact: {contacts}")


@pytest.mark.parametrize(
    ("line", "status"),
    [("486 Busy Here", "busy"), ("600 Busy Everywhere", "busy"), ("480 Temporarily Unavailable", "no-answer"),
     ("404 Not Found", "failed"), ("603 Decline", "failed"), ("503 Service Unavailable", "failed"),
     ("488 Not Acceptable Here", "failed")],
)  # fmt: skip
def test_a_refusal_is_a_status(dialled: Stage, carrier: Carrier, line: str, status: str) -> None:
    with carrier.answering(s.asked("INVITE"), s.reply(line), s.asked("ACK", CSeq="1 ACK", To="tag=")):
        sid = dialled.places()
    dialled.ended(status, sid)


def test_a_redirect_is_followed(stage: Stage, carrier: Carrier) -> None:
    stage.trunk(carrier.uri, redirects=3)
    steps = (
        s.asked("INVITE", CSeq="1 INVITE"), moved("first", "second"), s.asked("ACK"),
        s.asked("INVITE", CSeq="2 INVITE", To=r"\+12125550123"), s.reply("486 Busy Here"), s.asked("ACK"),
        s.asked("INVITE", CSeq="3 INVITE"), s.TAKES, s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = stage.places()
    stage.ended("completed", sid)
    assert [one.split()[1].split("@")[0] for one in carrier.received("INVITE")] == [
        "sip:+12125550123",
        "sip:first",
        "sip:second",
    ]
    assert len({header(one, "Call-ID") for one in carrier.received("INVITE")}) == 1


def test_no_more_redirects_than_allowed(stage: Stage, carrier: Carrier) -> None:
    stage.trunk(carrier.uri, redirects=1)
    steps = (
        s.asked("INVITE"), moved("first"), s.asked("ACK"), s.asked("INVITE"), moved("second"), s.asked("ACK"), *s.QUIET,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = stage.places()
    stage.ended("failed", sid)


def test_a_redirect_in_a_circle_ends_the_call(stage: Stage, carrier: Carrier) -> None:
    stage.trunk(carrier.uri, redirects=5)
    steps = (
        s.asked("INVITE"),
        moved("first"),
        s.asked("ACK"),
        s.asked("INVITE"),
        moved("first", "+12125550123"),
        s.asked("ACK"),
        *s.QUIET,
    )
    with carrier.answering(*steps):
        sid = stage.places()
    stage.ended("failed", sid)


def test_a_redirect_that_the_trunk_does_not_allow_fails_with_its_status(stage: Stage, carrier: Carrier) -> None:
    stage.trunk(carrier.uri)
    with carrier.answering(s.asked("INVITE"), moved("first"), s.asked("ACK"), *s.QUIET):
        sid = stage.places(status_callback=stage.app.url("/status"))
    stage.ended("failed", sid)
    assert stage.app.wait_for("/status").params["SipResponseCode"] == "302"
