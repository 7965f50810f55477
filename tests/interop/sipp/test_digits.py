"""Digits: RFC 4733 packets and INFO that come in, INFO that goes out."""

from __future__ import annotations

import pytest

from tests.interop import pcap
from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import Stage

pytestmark = pytest.mark.interop

MENU = "<Response><Gather numDigits='{}' timeout='8' action='/choice'/></Response>"
CHOICE = "<Response><Hangup/></Response>"
RELAY = "application/dtmf-relay"


def test_telephone_events(stage: Stage, carrier: Carrier) -> None:
    stage.runs(MENU.format(1), choice=CHOICE)
    (carrier.folder / "seven.pcap").write_bytes(pcap.digit("7"))
    carrier.call(stage.sip, s.invite(), *s.ANSWERED, s.pause(100), s.digit("seven.pcap"), *s.ENDED)
    assert [one.params["Digits"] for one in stage.app.to("/choice")] == ["7"]


def test_info(stage: Stage, carrier: Carrier) -> None:
    stage.runs(MENU.format(3), choice=CHOICE)
    infos = (
        s.request("INFO", 2, body="Signal=4\nDuration=160\n", kind=RELAY), s.expect(200),
        s.request("INFO", 3, body="Signal= 2\n", kind=RELAY), s.expect(200),
        s.request("INFO", 4, body="9", kind="application/dtmf"), s.expect(200),
    )  # fmt: skip
    carrier.call(stage.sip, s.invite(), *s.ANSWERED, s.pause(100), *infos, *s.ENDED)
    assert [one.params["Digits"] for one in stage.app.to("/choice")] == ["429"]


def test_info_about_something_else_is_no_digit(stage: Stage, carrier: Carrier) -> None:
    stage.runs(MENU.format(1), choice=CHOICE)
    infos = (
        s.request("INFO", 2, body="<media_control/>", kind="application/media_control+xml"), s.expect(200),
        s.request("INFO", 3), s.expect(200), s.request("INFO", 4, body="Signal=8\n", kind=RELAY), s.expect(200),
    )  # fmt: skip
    carrier.call(stage.sip, s.invite(), *s.ANSWERED, s.pause(100), *infos, *s.ENDED)
    assert [one.params["Digits"] for one in stage.app.to("/choice")] == ["8"]


def test_digits_of_ours_as_info(stage: Stage, carrier: Carrier) -> None:
    """A trunk with dtmf = "info"."""
    stage.trunk(carrier.uri, dtmf="info")
    steps = (
        s.asked("INVITE", without=("X-None",)), s.TAKES, s.asked("ACK"),
        s.asked("INFO", Content_Type=RELAY, body="Signal=1.*Duration=160"), s.OK, s.asked("INFO", body="Signal=#"),
        s.OK,
        *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = stage.places("<Response><Play digits='1#'/></Response>")
    stage.ended("completed", sid)
    assert "telephone-event" not in carrier.received("INVITE")[0]
