"""A captured call as tshark reads it: the call flow, RTP streams without loss, and no packet that is malformed."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.interop.conftest import NUMBER, App, GatewayProcess, need, wait_for
from tests.interop.test_crashes import buy, call, up

JOINED = f"<Response><Dial>{NUMBER}</Dial></Response>"  # the inner call runs the number's own document


def download(gateway: GatewayProcess, sid: str, path: Path) -> Path:
    """GET."""
    request = urllib.request.Request(f"http://{gateway.http}/operator/v1/calls/{sid}/pcap")
    request.add_header("Authorization", f"Bearer {gateway.credentials()['operator_key']}")
    with urllib.request.urlopen(request) as answer:
        path.write_bytes(answer.read())
    return path


def tshark(file: Path, *arguments: str) -> list[str]:
    """The lines that it prints."""
    run = subprocess.run(
        [need("tshark"), "-r", str(file), *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return run.stdout.splitlines()


@pytest.mark.interop
def test_tshark_shows_the_call_flow_and_the_streams(gateway: GatewayProcess, app: App, tmp_path: Path) -> None:
    need("tshark")
    buy(gateway, app)
    with call(gateway, "--seconds", "60") as phone:
        try:
            wait_for(lambda: up(gateway), 30, "the answer")
            (found,) = gateway.client().calls.list(limit=1)
            shown = gateway.operator("POST", f"calls/{found.sid}/pcap", {})
            assert shown["call_sid"] == found.sid
            found.update(twiml=JOINED)
            wait_for(lambda: len(gateway.client().calls.list(status="in-progress")) == 3, 10, "the inner call")
            file = tmp_path / "call.pcap"

            def has_two_seconds() -> bool:
                return len(tshark(download(gateway, found.sid, file), "-Y", "rtp")) > 400

            wait_for(has_two_seconds, 15, "two seconds of media")
            found.update(status="completed")
            wait_for(lambda: not up(gateway), 5, "the end")
        finally:
            phone.kill()
    download(gateway, found.sid, file)
    gateway.operator("DELETE", f"calls/{found.sid}/pcap")
    flow = tshark(file, "-Y", "sip", "-T", "fields", "-e", "sip.Call-ID", "-e", "sip.Method", "-e", "sip.Status-Code")
    words = ["".join(line.split("\t")[1:]) for line in flow]
    steps = list(dict.fromkeys(words))  # the gateway called itself: each message was sent, and received
    assert steps == ["INVITE", "100", "180", "200", "ACK", "BYE"]
    assert len({line.split("\t")[0] for line in flow}) == 2  # the call, and the one that it dialled
    assert tshark(file, "-Y", "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0") == []
    listed = tshark(file, "-q", "-z", "rtp,streams")
    streams = [line for line in listed if "g711U" in line]
    assert len(streams) == 4, listed  # both ways of the call and of the one that it dialled, known by their SDP
    assert all(" 0 (0.0%)" in line for line in streams), streams
    text = "\n".join(tshark(file, "-q", "-z", "sip,stat"))
    assert "Number of SIP messages" in text
