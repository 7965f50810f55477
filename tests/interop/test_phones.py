"""Independent phones: pjsua2 and baresip call the gateway, are called by it, and hear what they should."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.interop.conftest import NUMBER, App, GatewayProcess, need, wait_for
from tests.interop.pjsua import ended, loudest_hertz, read_wav, start_pjsua, write_tone
from tests.lib.namespace import ALIAS
from tests.lib.ports import free_port

BARESIP = """module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
audio_source aufile,{say}
audio_player aubridge,nil
audio_alert aubridge,nil
audio_srate 8000
audio_channels 1
ausrc_srate 8000
auplay_srate 8000
sip_listen {host}:0
net_interface lo
snd_path {folder}
"""


@pytest.mark.interop
def test_pjsua2_hears_the_prompt_presses_digits_and_is_recorded(
    gateway: GatewayProcess, app: App, tmp_path: Path
) -> None:
    app.documents = {
        "/voice": "<Response><Gather numDigits='3' action='/digits' timeout='8'><Say>Hello.</Say></Gather></Response>",
        "/digits": "<Response><Record maxLength='3' timeout='0' playBeep='false' trim='do-not-trim' action='/end'/>"
        "</Response>",
        "/end": "<Response><Hangup/></Response>",
    }
    client = gateway.client()
    client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    uri = f"sip:{NUMBER}@{gateway.sip}"
    assert ended(start_pjsua(tmp_path, "heard", 440.0, "--call", uri, "--digits", "159")) == "DISCONNECTED"
    assert app.to("/digits")[0].params["Digits"] == "159"
    assert np.abs(read_wav(tmp_path / "heard.wav").astype(np.int32)).max() > 2000
    wait_for(lambda: client.recordings.list()[0].status == "completed", 5, "the recording")
    (recording,) = client.recordings.list()
    recorded = read_wav(gateway.folder / "var" / "recordings" / f"{recording.sid}.wav")
    assert abs(len(recorded) / 8000 - 3) <= 0.2
    middle = recorded[4000:20000].astype(np.float64)
    level = 20 * np.log10(np.sqrt(np.square(middle).mean()) / 32768)
    assert abs(level - (-12.0 - 3.01)) <= 1.0  # RMS of a sine is 3 dB below its peak
    assert abs(loudest_hertz(recorded[4000:20000]) - 440) <= 1


@pytest.mark.interop
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_pjsua2_is_called_by_dial_and_both_hear_each_other(
    gateway: GatewayProcess, app: App, tmp_path: Path, transport: str
) -> None:
    port = free_port()
    app.documents = {
        "/voice": "<Response><Gather numDigits='1' action='/choice' timeout='8'/></Response>",
        "/choice": f"<Response><Dial action='/after'><Sip>sip:bob@127.0.0.1:{port};transport={transport}</Sip></Dial>"
        "</Response>",
        "/after": "<Response><Hangup/></Response>",
    }
    gateway.client().incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    bob = start_pjsua(tmp_path, "bob", 620.0, "--port", str(port), "--hangup-after", "4")
    uri = f"sip:{NUMBER}@{gateway.sip};transport={transport}"
    alice = start_pjsua(tmp_path, "alice", 440.0, "--call", uri, "--digits", "1")
    assert (ended(bob), ended(alice)) == ("DISCONNECTED", "DISCONNECTED")
    (after,) = app.to("/after")
    assert (after.params["DialCallStatus"], after.params["DialBridged"]) == ("completed", "true")
    assert abs(int(after.params["DialCallDuration"]) - 4) <= 1
    assert abs(loudest_hertz(read_wav(tmp_path / "bob.wav")[8000:24000]) - 440) <= 1
    assert abs(loudest_hertz(read_wav(tmp_path / "alice.wav")[-20000:-4000]) - 620) <= 1


@pytest.mark.interop
@pytest.mark.usefixtures("namespace")
def test_baresip_calls_in_hears_the_prompt_and_is_hung_up(tmp_path: Path, app: App) -> None:
    baresip = need("baresip")
    gateway = GatewayProcess(tmp_path, ALIAS)
    gateway.config.write_text(f'[[trunks]]\nname = "phones"\naddresses = ["{ALIAS}"]\n')
    gateway.start()
    try:
        app.documents["/voice"] = "<Response><Say>Hello baresip, this is the gateway.</Say><Hangup/></Response>"
        gateway.client().incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
        folder = tmp_path / "baresip"
        folder.mkdir()
        modules = next(path.parent for path in Path("/usr/lib").rglob("aufile.so"))
        say = write_tone(folder, 440.0)
        (folder / "config").write_text(BARESIP.format(modules=modules, host=ALIAS, folder=folder, say=say))
        (folder / "accounts").write_text(f"<sip:+15555550123@{ALIAS}>;regint=0\n")
        (folder / "contacts").write_text("")
        dial = f"/dial sip:{NUMBER}@{gateway.sip}"
        phone = subprocess.run(
            [baresip, "-f", str(folder), "-e", dial, "-t", "8"], capture_output=True, timeout=30, check=False
        )
        assert b"Call established" in phone.stdout + phone.stderr
        (call,) = gateway.client().calls.list()
        assert (call.status, call.direction) == ("completed", "inbound")
    finally:
        gateway.stop()
    heard = next(folder.glob("*dec.wav"))
    assert np.abs(read_wav(heard).astype(np.int32)).max() > 2000
    assert len(read_wav(heard)) > 8000
