"""sipp as a carrier."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop import pcap
from tests.interop.conftest import NUMBER, App, GatewayProcess, need, wait_for
from tests.lib.ports import free_port

SCENARIOS = Path(__file__).parent / "sipp"
IDLE = ("calls", "ports_in_use", "dialogs", "transactions", "tasks", "outbox_pending")

MENU = """<Response><Gather numDigits="1" action="/choice" timeout="8"><Say>Press one.</Say></Gather></Response>"""


@pytest.mark.interop
def test_two_hundred_calls_through_an_ivr_leave_nothing_behind(
    gateway: GatewayProcess, app: App, tmp_path: Path
) -> None:
    sipp = need("sipp")
    app.documents = {
        "/voice": MENU,
        "/choice": "<Response><Redirect>/bye</Redirect></Response>",
        "/bye": "<Response><Say>Goodbye.</Say><Hangup/></Response>",
    }
    gateway.client().incoming_phone_numbers.create(
        phone_number=NUMBER, voice_url=app.url("/voice"), status_callback=app.url("/status")
    )
    before = {name: gateway.metric(name) for name in (*IDLE, "open_fds")}
    (tmp_path / "digit1.pcap").write_bytes(pcap.digit("1"))
    shutil.copy(SCENARIOS / "ivr.xml", tmp_path)
    result = subprocess.run(
        [
            sipp, gateway.sip, "-sf", "ivr.xml", "-s", NUMBER, "-m", "200", "-r", "20", "-i", "127.0.0.1",
            "-p", str(free_port()), "-mp", "40000", "-timeout", "90", "-nostdin", "-trace_err", "-error_file", "errors",
        ],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    errors = (tmp_path / "errors").read_text()[:3000] if (tmp_path / "errors").exists() else ""
    assert result.returncode == 0, f"{errors}\n{(tmp_path / 'log').read_text()[-3000:]}"
    assert len(app.to("/choice")) == 200
    assert {one.params["Digits"] for one in app.to("/choice")} == {"1"}
    assert all(one.params["CallStatus"] == "completed" for one in app.to("/status"))

    def left() -> dict[str, float]:
        return {name: now for name in before if (now := gateway.metric(name)) > before[name]}

    with contextlib.suppress(AssertionError):
        wait_for(lambda: not left(), 36, "idle metrics")
    assert left() == {}, f"before the calls: {before}"
    assert len(app.to("/status")) == 200
