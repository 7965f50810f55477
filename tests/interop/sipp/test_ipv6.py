"""Calls over IPv6, both directions and over UDP and TCP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, App, GatewayProcess
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import ENDS, Stage

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory, web: App) -> Iterator[GatewayProcess]:
    """A gateway whose SIP and media are on ::1."""
    one = GatewayProcess(tmp_path_factory.mktemp("six"), "[::1]")
    one.start()
    one.client().incoming_phone_numbers.create(phone_number=NUMBER, voice_url=web.url("/voice"))
    yield one
    one.stop()


@pytest.fixture
def stage(six: GatewayProcess, web: App) -> Stage:
    """That gateway, whose number answers and hangs up."""
    one = Stage(six, web)
    one.runs(ENDS)
    return one


@pytest.fixture
def carrier(tmp_path: Path) -> Carrier:
    """A far end on ::1."""
    return Carrier(tmp_path, "::1")


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_call_in(stage: Stage, carrier: Carrier, transport: str) -> None:
    carrier.call(
        stage.sip, s.invite(), *s.RING, s.expect(200, Contact=r"sip:\[::1\]:", body="c=IN IP6 ::1"), s.ack(),
        s.asked("BYE", Via=r"\[::1\]:"), s.OK, options=("-t", transport),
    )  # fmt: skip
    stage.ended("completed")
    assert stage.app.to("/voice")[0].params["SipSourceIp"] == "::1"


@pytest.mark.parametrize(("transport", "more"), [("u1", ""), ("t1", ";transport=tcp")])
def test_a_call_out(stage: Stage, carrier: Carrier, transport: str, more: str) -> None:
    stage.trunk(f"sip:[::1]:{carrier.port}{more}")
    steps = (
        s.asked("INVITE", Via=r"\[::1\]:", Contact=r"sip:\[::1\]:", body="c=IN IP6 ::1"), s.reply("180 Ringing"),
        s.TAKES,
        s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps, options=("-t", transport)):
        sid = stage.places()
    stage.ended("completed", sid)
