"""JsSIP and SIP.js in headless Chromium: they register over secure WebSocket, are called over it, are gone with it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.conftest import App, GatewayProcess, need, wait_for
from tests.interop.test_registrations import DOMAIN, USERS, contacts, make_domain
from tests.lib.certificates import Authority
from tests.lib.ports import free_port

PAGES = Path(__file__).parent / "browser"
LIBRARIES = {"jssip": "jssip/lib/JsSIP.js", "sipjs": "sip.js/lib/index.js"}
GLOBALS = {"jssip": "JsSIP", "sipjs": "SIP"}
MODULES = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "trunkline-tests" / "node_modules"


def bundle(name: str, folder: Path) -> bytes:
    """A library as one script, made of what scripts/test-system installed by npm."""
    need("node")
    esbuild, out = MODULES / ".bin" / "esbuild", folder / f"{name}.js"
    if not (MODULES / LIBRARIES[name]).exists():
        reason = f"{name} is not installed in {MODULES}: scripts/test-system does it"
        if os.environ.get("TRUNKLINE_REQUIRE_INTEROP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    options = ["--bundle", "--format=iife", f"--global-name={GLOBALS[name]}", "--log-level=error"]
    subprocess.run([esbuild, str(MODULES / LIBRARIES[name]), *options, f"--outfile={out}"], check=True, timeout=60)
    return out.read_bytes()


@contextmanager
def browser(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Chromium with a page, which believes any certificate."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--no-first-run"]
    options += [f"--user-data-dir={folder / 'browser'}", "--disable-dev-shm-usage", "--disable-background-networking"]
    with (folder / "browser.log").open("wb") as log:
        one = subprocess.Popen([need("chromium"), *options, url], stdout=log, stderr=log)
    try:
        yield one
    finally:
        one.terminate()
        one.wait(15)


@pytest.mark.interop
@pytest.mark.parametrize("library", ["jssip", "sipjs"])
def test_a_browser_registers_over_secure_websocket_and_is_called_there(tmp_path: Path, app: App, library: str) -> None:
    gateway, port = GatewayProcess(tmp_path), free_port()
    files = Authority(tmp_path).issue("127.0.0.1")
    gateway.config.write_text(
        f'[sip]\nextra_listen = ["wss:127.0.0.1:{port}"]\ntls_cert = "{files.cert}"\ntls_key = "{files.key}"\n'
    )
    gateway.start()
    try:
        make_domain(gateway, app)
        for name, kind in ((f"{library}.html", "text/html"), (f"{library}.js", "text/javascript")):
            data = (PAGES / name).read_bytes() if kind == "text/html" else bundle(library, tmp_path)
            app.files[f"/{name}"] = (kind, data)

        def page(password: str) -> str:
            server, address = f"wss://127.0.0.1:{port}/sip", f"sip:bob@{DOMAIN}"
            wanted = json.dumps({"server": server, "address": address, "password": password})
            return f"{app.url(f'/{library}.html')}#{quote(wanted)}"

        def reports() -> list[tuple[str, str]]:
            return [(one.params["event"], one.params.get("status", "")) for one in app.to("/report")]

        with browser(tmp_path, page("wrong")):
            wait_for(lambda: ("refused", "401") in reports(), 60, "the refusal")  # a first start takes its time
        assert contacts(gateway) == []
        with browser(tmp_path, page(USERS["bob"])):
            wait_for(lambda: ("registered", "200") in reports(), 30, "the registration")
            (contact,) = contacts(gateway)
            assert contact["flow"].startswith("wss:127.0.0.1:")
            call = gateway.client().calls.create(
                to=f"sip:bob@{DOMAIN}", from_="sip:alice@phones.example", twiml="<Response/>"
            )
            wait_for(lambda: call.fetch().status == "busy", 10, "the browser's answer")
            (called,) = [one.params for one in app.to("/report") if one.params["event"] == "called"]
            assert called["from"] == "sip:alice@phones.example"
        wait_for(lambda: contacts(gateway) == [], 10, "the end of the registration")
    finally:
        gateway.stop()
