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

from gateway.config import ConfigError, Settings, load
from gateway.sections import Sip

ROOT = Path(__file__).parent.parent
IVR_PORT = os.environ.get("IVR_PORT", "5050")
NUMBER = "+15555550100"


def main() -> int:
    """Runs both programs until one ends or we are told to stop."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.chdir(ROOT)
    try:
        settings = load(None)
    except ConfigError as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 2
    if settings.http.tls_cert is not None:
        print("make run shows a sample over plain HTTP; with http.tls_cert: .venv/bin/trunkline serve", file=sys.stderr)
        return 2
    gateway = subprocess.Popen([sys.executable, "-m", "gateway", "serve"])
    ivr = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "examples/ivr", "run", "--port", IVR_PORT],
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        if not wait_until_ready(gateway, settings):
            return 1
        point_number_at_ivr(settings)
        print(welcome(settings), flush=True)
        if ivr.poll() is not None:
            print(
                f"The IVR has ended: is port {IVR_PORT} in use? IVR_PORT=5051 make run takes another.", file=sys.stderr
            )
        return gateway.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for process in (gateway, ivr):
            if process.poll() is None:
                process.terminate()
        for process in (gateway, ivr):
            process.wait()


def wait_until_ready(gateway: subprocess.Popen[bytes], settings: Settings) -> bool:
    """Waits for /health; False when the gateway ended instead."""
    while gateway.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://{settings.http.listen}/health", timeout=2).close()
            return True
        time.sleep(0.1)
    return False


def point_number_at_ivr(settings: Settings) -> None:
    """Buys the demo number, or finds it bought, and sets its voice URL: with Twilio's own library."""
    credentials = json.loads((settings.data / "credentials.json").read_text())
    client = Client(credentials["account_sid"], credentials["auth_token"])
    client.api.base_url = f"http://{settings.http.listen}"
    urls = {
        "voice_url": f"http://127.0.0.1:{IVR_PORT}/voice",
        "status_callback": f"http://127.0.0.1:{IVR_PORT}/status",
    }
    owned = client.incoming_phone_numbers.list(phone_number=NUMBER)
    if owned:
        owned[0].update(**urls)
    else:
        client.incoming_phone_numbers.create(phone_number=NUMBER, **urls)


def welcome(settings: Settings) -> str:
    """What runs where, and how to call it."""
    gateway = "" if settings.sip.listen == Sip().listen else f" --sip {settings.sip.listen}"
    return f"""
Trunkline is running.

  REST API     http://{settings.http.listen}     (credentials: {settings.data.absolute() / "credentials.json"})
  call         {NUMBER}, a sample IVR (examples/ivr.py on port {IVR_PORT})
  softphone    .venv/bin/trunkline phone {NUMBER}{gateway} --digits wwwwwwww1 --record heard.wav
  SIP phone    sip:{NUMBER}@{settings.sip.listen}     (UDP or TCP, no registration)

Ctrl-C stops it.
"""


if __name__ == "__main__":
    sys.exit(main())
