"""Twilio's Python library against the gateway: numbers, a call through a trunk that challenges, its recording."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from twilio.request_validator import RequestValidator

from tests.interop.conftest import App, GatewayProcess, need, wait_for
from tests.lib.ports import free_port

SCENARIOS = Path(__file__).parent / "sipp"


@pytest.mark.interop
def test_a_call_through_a_digest_trunk_is_recorded(gateway: GatewayProcess, app: App, tmp_path: Path) -> None:
    sipp, port = need("sipp"), free_port()
    app.documents["/voice"] = "<Response><Say>This call is recorded.</Say><Pause length='1'/></Response>"
    gateway.stop()
    gateway.config.write_text(
        f'[[trunks]]\nname = "acme"\nuris = ["sip:127.0.0.1:{port}"]\nusername = "acme"\npassword = "s3cret"\n'
        '[[routes]]\nprefix = "+1"\ntrunks = ["acme"]\n'
    )
    gateway.start()
    client = gateway.client()
    (offered,) = client.available_phone_numbers("US").local.list(limit=1)
    number = client.incoming_phone_numbers.create(phone_number=offered.phone_number)
    number.update(voice_url=app.url("/voice"))
    assert client.incoming_phone_numbers(number.sid).fetch().voice_url == app.url("/voice")
    carrier = subprocess.Popen(
        [
            sipp, "-sf", str(SCENARIOS / "uas_digest.xml"), "-p", str(port), "-i", "127.0.0.1", "-mp", "41000",
            "-m", "1", "-timeout", "40", "-nostdin",
        ],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        call = client.calls.create(
            to="+12125550123", from_=number.phone_number, url=app.url("/voice"), record=True, trim="do-not-trim",
            status_callback=app.url("/status"),
            status_callback_event=["initiated", "ringing", "answered", "completed"],
        )  # fmt: skip
        assert call.status == "queued"
        wait_for(lambda: client.calls(call.sid).fetch().status == "completed", 25, "the end of the call")
        done = client.calls(call.sid).fetch()
        assert carrier.wait(10) == 0
    finally:
        carrier.kill()
    wait_for(lambda: len(app.to("/status")) == 4, 5, "all callbacks")
    states = [one.params["CallStatus"] for one in app.to("/status")]
    assert states == ["initiated", "ringing", "in-progress", "completed"]
    assert [one.params["SequenceNumber"] for one in app.to("/status")] == ["0", "1", "2", "3"]
    assert 2 <= int(done.duration) <= 6
    wait_for(lambda: client.recordings.list(call_sid=call.sid)[0].status == "completed", 5, "the recording")
    (recording,) = client.recordings.list(call_sid=call.sid)
    assert abs(int(recording.duration) - int(done.duration)) <= 1
    wav = _get(gateway, recording.uri.replace(".json", ".wav"))
    pcm = np.frombuffer(wav[44:], "<i2")
    assert abs(len(pcm) / 8000 - int(recording.duration)) <= 0.6
    assert np.abs(pcm.astype(np.int32)).max() > 3000
    assert len(_get(gateway, recording.uri.replace(".json", ".mp3"))) > 5000
    validator = RequestValidator(gateway.credentials()["auth_token"])
    for one in app.asked:
        assert validator.validate(one.url, one.params, one.headers["X-Twilio-Signature"])
    client.recordings(recording.sid).delete()
    assert client.recordings.list(call_sid=call.sid) == []


def _get(gateway: GatewayProcess, path: str) -> bytes:
    made = gateway.credentials()
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, f"http://{gateway.http}", made["account_sid"], made["auth_token"])
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    with opener.open(f"http://{gateway.http}{path}") as answer:
        return bytes(answer.read())
