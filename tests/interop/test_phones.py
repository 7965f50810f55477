"""Independent phones: pjsua2 and baresip call the gateway and hear it; pjsua2's tone is recorded as it was sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from media.tones import tone
from tests.interop.conftest import NUMBER, ROOT, App, GatewayProcess, wait_for

PHONE = Path(__file__).parent / "pjsua_phone.py"


def pjsua(*arguments: str) -> dict[str, object]:
    """Runs the foreign phone to its end; what it saw."""
    try:
        import pjsua2  # noqa: F401
    except ImportError as error:
        if os.environ.get("TRUNKLINE_REQUIRE_INTEROP") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    result = subprocess.run(
        [sys.executable, str(PHONE), *arguments], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    seen: dict[str, object] = json.loads(result.stdout.decode().splitlines()[-1])
    return seen


def write_wav(path: Path, pcm: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(pcm.astype("<i2").tobytes())


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
    say, heard = tmp_path / "say.wav", tmp_path / "heard.wav"
    write_wav(say, tone(440.0, 0.0, on_ms=20000, level=-12.0))
    seen = pjsua(f"sip:{NUMBER}@{gateway.sip}", str(say), str(heard), "159")
    assert seen["state"] == "DISCONNECTED"
    assert app.to("/digits")[0].params["Digits"] == "159"
    with wave.open(str(heard)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(pcm.astype(np.int32)).max() > 2000
    wait_for(lambda: client.recordings.list()[0].status == "completed", 5, "the recording")
    (recording,) = client.recordings.list()
    wav = (gateway.folder / "var" / "recordings" / f"{recording.sid}.wav").read_bytes()
    recorded = np.frombuffer(wav[44:], "<i2").astype(np.float64)
    assert abs(len(recorded) / 8000 - 3) <= 0.2
    level = 20 * np.log10(np.sqrt(np.square(recorded[4000:20000]).mean()) / 32768)
    assert abs(level - (-12.0 - 3.01)) <= 1.0  # RMS of a sine is 3 dB below its peak
    spectrum = np.abs(np.fft.rfft(recorded[4000:20000]))
    assert abs(int(spectrum.argmax()) * 8000 / 16000 - 440) <= 1
