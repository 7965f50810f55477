"""A card that a phone presses, with a connector's real endpoint: it is in no file of the gateway, nor to be heard."""

from __future__ import annotations

import contextlib
import json
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from gateway.webhooks.signature import sign, with_body_hash
from media import files
from tests.interop.conftest import NUMBER, App, GatewayProcess, wait_for
from tests.interop.test_crashes import call
from tests.lib.ports import free_port
from tests.media.test_withholding import keys_in, pressed

CARD, CODE = "5555555555554444", "738"
VOICE = """<Response><Start><Recording channels="dual" trim="do-not-trim"/></Start>
<Pay action="/paid" statusCallback="/told" chargeAmount="12.50" paymentConnector="Own"/></Response>"""
KEYS = f"WWW{CARD}WWWW1234WWWW94105#WWWW{CODE}"


@contextlib.contextmanager
def connector(asked: list[tuple[dict[str, str], bytes]]) -> Iterator[str]:
    """An endpoint that takes cards; its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            said = json.dumps({"charge_id": "ch_7", "card": CARD}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", free_port()), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/cards"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tones(path: Path) -> Path:
    """The card as a phone's audio may have it beside the events: over and over."""
    pcm = np.tile(pressed(CARD + CODE), 12)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())
    return path


def test_a_card_is_paid_with_and_is_in_no_file_of_the_gateway(
    gateway: GatewayProcess, app: App, tmp_path_factory: Any
) -> None:
    asked: list[tuple[dict[str, str], bytes]] = []
    elsewhere = tmp_path_factory.mktemp("phone")
    app.documents |= {"/voice": VOICE, "/paid": "<Response><Hangup/></Response>"}
    client = gateway.client()
    client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    with connector(asked) as url:
        made = gateway.operator("POST", "payment_connectors", {"name": "Own", "url": url, "password": "quiet"})
        assert made["mode"] == "live"
        phone = call(gateway, "--digits", KEYS, "--say", str(tones(elsewhere / "tones.wav")), "--seconds", "60")
        try:
            wait_for(lambda: bool(app.to("/paid")), 60, "the payment")
            wait_for(lambda: client.calls.list(limit=1)[0].status == "completed", 15, "the end")
        finally:
            phone.kill()
            phone.communicate()
    told = app.to("/paid")[0].params
    assert (told["Result"], told["PaymentConfirmationCode"]) == ("success", "ch_7")
    assert told["PaymentCardNumber"] == "xxxxxxxxxxxx4444"
    ((headers, body),) = asked
    assert headers["X-Twilio-Signature"] == sign("quiet", with_body_hash(url, body))
    assert (json.loads(body)["card"]["number"], json.loads(body)["card"]["security_code"]) == (CARD, CODE)
    wait_for(lambda: client.recordings.list()[0].status == "completed", 10, "the recording")
    gateway.stop()  # what it knows is written
    found = [path for path in gateway.folder.rglob("*") if path.is_file()]
    assert [path for path in found if CARD.encode() in path.read_bytes()] == []
    assert any(b"xxxxxxxxxxxx4444" in path.read_bytes() for path in found)
    (recording,) = (gateway.folder / "var" / "recordings").glob("*.wav")
    pcm = np.frombuffer(recording.read_bytes()[files.HEADER_SIZE :], np.int16).reshape(-1, 2)
    assert len(pcm) > 8000 * 15
    assert len(keys_in(pcm[:, 0])) <= 3  # of the moments before and after the payment
    assert not pcm[8000:-8000, 0].any()
