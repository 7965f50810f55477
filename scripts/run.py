"""`make run`: the gateway with the sample IVR behind +15555550100, and how to call it. Ctrl-C ends both."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from twilio.rest import Client

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("TRUNKLINE_DATA", ROOT / "var"))
HTTP = os.environ.get("TRUNKLINE_HTTP__LISTEN", "127.0.0.1:8080")
SIP = os.environ.get("TRUNKLINE_SIP__LISTEN", "127.0.0.1:5060")
IVR_PORT = os.environ.get("IVR_PORT", "5050")
NUMBER = "+15555550100"


def main() -> int:
    """Runs both programs until one ends or we are told to stop."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    python = sys.executable
    gateway = subprocess.Popen([python, "-m", "gateway", "serve", "--data", str(DATA)], cwd=ROOT)
    ivr = subprocess.Popen(
        [python, "-m", "flask", "--app", "examples/ivr", "run", "--port", IVR_PORT],
        cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        if not wait_until_ready(gateway):
            return 1
        point_number_at_ivr()
        print(WELCOME, flush=True)
        return gateway.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for process in (gateway, ivr):
            if process.poll() is None:
                process.terminate()
        for process in (gateway, ivr):
            process.wait()


def wait_until_ready(gateway: subprocess.Popen[bytes]) -> bool:
    """Waits for /health; False when the gateway ended instead."""
    while gateway.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://{HTTP}/health", timeout=2).close()
            return True
        time.sleep(0.1)
    return False


def point_number_at_ivr() -> None:
    """Buys the demo number, or finds it bought, and sets its voice URL: with Twilio's own library."""
    credentials = json.loads((DATA / "credentials.json").read_text())
    client = Client(credentials["account_sid"], credentials["auth_token"])
    client.api.base_url = f"http://{HTTP}"
    urls = {
        "voice_url": f"http://127.0.0.1:{IVR_PORT}/voice",
        "status_callback": f"http://127.0.0.1:{IVR_PORT}/status",
    }
    owned = client.incoming_phone_numbers.list(phone_number=NUMBER)
    if owned:
        owned[0].update(**urls)
    else:
        client.incoming_phone_numbers.create(phone_number=NUMBER, **urls)


WELCOME = f"""
Trunkline is running.

  REST API     http://{HTTP}     (credentials: {DATA / "credentials.json"})
  call         {NUMBER}, a sample IVR (examples/ivr.py on port {IVR_PORT})
  softphone    .venv/bin/trunkline phone {NUMBER} --digits wwwwwwww1 --record heard.wav
  SIP phone    sip:{NUMBER}@{SIP}     (UDP or TCP, no registration)

Ctrl-C stops it.
"""

if __name__ == "__main__":
    sys.exit(main())
