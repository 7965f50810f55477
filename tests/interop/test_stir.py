"""Two gateways: one signs, the other fetches the certificate over real HTTPS and tells its app."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.interop.conftest import App, GatewayProcess, wait_for
from tests.lib.certificates import Authority
from tests.lib.stir import Authority as TelephoneAuthority
from tests.lib.stir import Signer

CALLER, CALLED = "+15555550100", "+15555550101"
DOCUMENT = "<Response><Hangup/></Response>"


@contextmanager
def web_of(folder: Path, files: dict[str, bytes]) -> Iterator[str]:
    """An HTTPS server on 127.0.0.1, with a certificate of the web that is in `folder`."""
    made = Authority(folder, "web").issue("127.0.0.1", file="web-server")
    assert made.cert is not None

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.cert, made.key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def signing(folder: Path, signer: Signer, url: str, to: str) -> GatewayProcess:
    """A gateway whose calls to +1… are signed and go to another one."""
    folder.mkdir()
    (folder / "stir.pem").write_bytes(signer.pem)
    (folder / "stir.key").write_bytes(signer.key_pem)
    one = GatewayProcess(folder)
    one.config.write_text(
        f'[stir]\ncertificate = "{folder}/stir.pem"\nkey = "{folder}/stir.key"\nurl = "{url}"\n'
        f'[[trunks]]\nname = "far"\nuris = ["sip:{to}"]\nattestation = "A"\n'
        '[[routes]]\nprefix = "+1"\ntrunks = ["far"]\n'
    )
    return one


def verifying(folder: Path, roots: bytes, allow: str) -> GatewayProcess:
    """A gateway that has calls from this machine verified."""
    folder.mkdir()
    (folder / "roots.pem").write_bytes(roots)
    one = GatewayProcess(folder)
    one.config.write_text(
        f'[stir]\nroots = "{folder}/roots.pem"\n[webhooks]\nallow = {json.dumps([allow])}\n'
        '[[trunks]]\nname = "near"\naddresses = ["127.0.0.1"]\nverify_identity = true\n'
    )
    return one


@pytest.mark.interop
@pytest.mark.parametrize(
    ("case", "allow", "verstat"),
    [
        ("good", "127.0.0.0/8", "TN-Validation-Passed-A"),
        ("expired", "127.0.0.0/8", "TN-Validation-Failed-A"),
        ("guarded", "10.0.0.0/8", "TN-Validation-Failed-A"),  # loopback is an address of nobody's business
    ],
)
def test_one_signs_and_the_other_says_what_it_is_worth(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, allow: str, verstat: str
) -> None:
    now = datetime.now(UTC)
    authority = TelephoneAuthority(now)
    signer = authority.signer("709J", end=now - timedelta(hours=1) if case == "expired" else None)
    app.documents = {"/out": DOCUMENT, "/in": DOCUMENT}
    with web_of(tmp_path, {"/709J.pem": signer.pem}) as web:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "web.pem"))
        far = verifying(tmp_path / "far", authority.pem, allow)
        near = signing(tmp_path / "near", signer, f"{web}/709J.pem", far.sip)
        try:
            for one in (far, near):
                one.start()
            far.client().incoming_phone_numbers.create(phone_number=CALLED, voice_url=app.url("/in"))
            near.client().incoming_phone_numbers.create(phone_number=CALLER, voice_url=app.url("/in"))
            near.client().calls.create(to=CALLED, from_=CALLER, url=app.url("/out"), status_callback=app.url("/status"))
            seen = app.wait_for("/in").params
            assert (seen["From"], seen["StirVerstat"]) == (CALLER, verstat)
            assert seen["StirPassportToken"].count(".") == 2
            assert app.wait_for("/status").params["StirStatus"] == "A"
            if case == "good":
                name = hashlib.sha256(signer.pem).hexdigest()[:16]
                with urllib.request.urlopen(f"http://{near.http}/stir/{name}.pem") as answer:
                    assert answer.headers["Content-Type"] == "application/pem-certificate-chain"
                    assert answer.read() == signer.pem
            wait_for(lambda: near.metric("calls") == 0, 5, "the end of the call")
        finally:
            for one in (near, far):
                one.stop()
