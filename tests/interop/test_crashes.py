"""The promises about crashes: kill -9 of the media worker, of the gateway, and an app that is down for a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.interop.conftest import NUMBER, ROOT, App, GatewayProcess, serving, started, wait_for

pytestmark = pytest.mark.alone

LONG = "<Response><Say>Please wait.</Say><Pause length='60'/></Response>"


def call(gateway: GatewayProcess, *more: str) -> subprocess.Popen[bytes]:
    """Our own phone calls the gateway."""
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "phone", NUMBER, "--sip", gateway.sip, *more],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def buy(gateway: GatewayProcess, app: App) -> None:
    app.documents["/voice"] = LONG
    gateway.client().incoming_phone_numbers.create(
        phone_number=NUMBER, voice_url=app.url("/voice"), status_callback=app.url("/status")
    )


def up(gateway: GatewayProcess) -> bool:
    calls = gateway.client().calls.list(limit=1)
    return bool(calls) and calls[0].status == "in-progress"


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatewayProcess, App]]:
    """A gateway with its app: what is killed is there again at the end of each test."""
    with serving() as app, started(tmp_path_factory.mktemp("crashes")) as one:
        buy(one, app)
        yield one, app


@pytest.fixture
def crashed(bought: tuple[GatewayProcess, App]) -> tuple[GatewayProcess, App]:
    """The gateway and its app, which was asked for nothing yet."""
    gateway, app = bought
    app.asked.clear()
    app.documents["/voice"] = LONG
    return gateway, app


@pytest.mark.interop
def test_a_killed_media_worker_ends_its_calls_and_is_replaced(crashed: tuple[GatewayProcess, App]) -> None:
    gateway, app = crashed
    restarts = gateway.metric("worker_restarts")
    with call(gateway) as phone:
        wait_for(lambda: up(gateway), 30, "the answer")
        os.kill(gateway.worker_pid(), signal.SIGKILL)
        wait_for(lambda: bool(app.to("/status")), 3, "the callback")
        assert app.to("/status")[0].params["CallStatus"] == "failed"
        assert phone.wait(5) == 0  # it got the BYE
    wait_for(lambda: gateway.metric("worker_restarts") == restarts + 1, 2, "a new worker")
    with call(gateway, "--seconds", "1") as phone:
        assert phone.wait(15) == 0
    assert gateway.client().calls.list(limit=1)[0].status == "completed"


@pytest.mark.interop
def test_a_killed_gateway_ends_its_calls_at_the_next_start(crashed: tuple[GatewayProcess, App]) -> None:
    gateway, app = crashed
    with call(gateway) as phone:
        wait_for(lambda: up(gateway), 30, "the answer")
        gateway.kill()
        gateway.start()
        assert phone.wait(10) == 0  # the BYE of the new process ended it
        wait_for(lambda: bool(app.to("/status")), 5, "the callback")
    assert app.to("/status")[0].params["CallStatus"] == "failed"
    (row,) = gateway.client().calls.list(limit=1)
    assert row.status == "failed"


@pytest.mark.interop
def test_callbacks_wait_for_an_app_that_is_down_and_survive_kill(crashed: tuple[GatewayProcess, App]) -> None:
    gateway, app = crashed
    app.documents["/voice"] = "<Response><Hangup/></Response>"
    app.broken = True
    with call(gateway) as phone:
        assert phone.wait(15) == 0
    wait_for(lambda: len(app.to("/status")) >= 2, 8, "two attempts")
    assert gateway.metric("outbox_pending") == 1
    gateway.kill()
    app.broken = False
    seen = len(app.to("/status"))
    gateway.start()
    wait_for(lambda: len(app.to("/status")) == seen + 1, 2, "the delivery at once after the start")
    wait_for(lambda: gateway.metric("outbox_pending") == 0, 2, "an empty outbox")
    tokens = {one.headers["I-Twilio-Idempotency-Token"] for one in app.to("/status")}
    assert len(tokens) == 1
