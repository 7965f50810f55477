"""Twilio's Python and Node libraries drive every voice resource of a gateway; a second gateway is its carrier.

Each answer is as Twilio describes it, and no operation is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

from tests.interop.conftest import App, GatewayProcess, missing, need
from tests.interop.test_browsers import MODULES
from tests.interop.test_siprec import CONNECTOR, Server, server
from tests.interop.voice.walk import Walk
from tests.lib import formats, oai
from tests.lib.rest import Answered
from tests.lib.voice_operations import voice_paths

__all__ = ["server"]  # a fixture

DESK = "+15555550150"  # the carrier's
DESCRIBED = {operation for _, methods in voice_paths() for operation in methods.values()}
REFUSED = (400, 404)


class Watching(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's client; what it reads is asked for in the other formats, too."""

    def __init__(self, auth: tuple[str, str]) -> None:
        super().__init__()
        self.answers: list[Answered] = []
        self.compared: set[str] = set()  # operations
        self._auth = auth

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        answer = super().request(method, url, *args, **options)
        self.answers.append(Answered(method.lower(), urlsplit(url).path, answer.status_code, answer.text))
        if method == "GET" and answer.status_code == 200:
            self._ask_again(url, options.get("params") or {})
        return answer

    def _ask_again(self, url: str, params: dict[str, Any]) -> None:
        """What has changed before all formats were asked for says nothing of them."""

        def get(ending: str) -> requests.Response:
            return requests.get(url.replace(".json", ending, 1), params, auth=self._auth, timeout=10)

        for _ in range(5):
            body, xml, table = get(".json").text, get(".xml").content, get(".csv").text
            if get(".json").text == body:
                formats.check_xml(body, xml)
                formats.check_csv(body, table)
                self.compared.add(oai.operation(oai.CORE, "get", urlsplit(url).path)[0])
                return


class InXml(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's client against the XML of the API: the library gets the JSON that each answer was made of."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Answered] = []

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        answer = super().request(method, url.replace(".json", ".xml", 1), *args, **options)
        path = urlsplit(url).path.replace(".xml", ".json")
        shape = oai.shape(method.lower(), path, answer.status_code)
        text = formats.as_json(answer.text.encode(), shape) if answer.text else ""
        self.answers.append(Answered(method.lower(), path, answer.status_code, text))
        return Response(answer.status_code, text)


@dataclass
class World:
    """The customer's gateway and app; the number of the desk is at the carrier's."""

    gateway: GatewayProcess
    app: App


@pytest.fixture
def world(tmp_path: Path, app: App, server: Server) -> Iterator[World]:
    """Both gateways, a recording server, and the documents of the customer's app and of the desk."""
    for name in ("carrier", "customer"):
        (tmp_path / name).mkdir()
    carrier, customer = GatewayProcess(tmp_path / "carrier"), GatewayProcess(tmp_path / "customer")
    customer.config.write_text(
        f'[[trunks]]\nname = "carrier"\nuris = ["sip:{carrier.sip}"]\n[[routes]]\nprefix = "+1"\ntrunks = ["carrier"]\n'
        + '[[payment_connectors]]\nname = "Default"\nmode = "test"\n'
        + CONNECTOR.format(port=server.port)
    )
    app.documents = {
        "/agent": "<Response><Say>Hello.</Say><Pause length='60'/></Response>",
        "/odd": "<Response><Wave/><Pause length='60'/></Response>",
        "/bye": "<Response><Hangup/></Response>",
        "/desk": lambda _: f"<Response>{_entered(app) * 3}<Pause length='9'/></Response>",
    }
    try:
        carrier.start()
        customer.start()
        carrier.client().incoming_phone_numbers.create(phone_number=DESK, voice_url=app.url("/desk"))
        yield World(customer, app)
    finally:
        customer.stop()
        carrier.stop()


def _entered(app: App) -> str:
    """The desk hears the question, and enters what the customer reads out."""
    return f"<Play digits='{'w' * 16}{app.to('/code')[-1].params['Code']}'/>"


@pytest.mark.interop
def test_twilios_python_library_drives_every_voice_resource(world: World) -> None:
    client = world.gateway.client()
    watching = client.http_client = Watching(client.auth)
    Walk(client, world.app.url(""), DESK).run()
    check(watching.answers)
    read = {oai.operation(oai.CORE, one.method, one.path)[0] for one in watching.answers
            if one.method == "get" and one.status == 200}  # fmt: skip
    assert read == watching.compared
    assert len(read & DESCRIBED) > 20


@pytest.mark.interop
def test_every_voice_resource_can_be_driven_by_its_xml(world: World) -> None:
    client = world.gateway.client()
    in_xml = client.http_client = InXml()
    Walk(client, world.app.url(""), DESK).run()
    check(in_xml.answers)


@pytest.mark.interop
def test_twilios_node_library_drives_every_voice_resource(world: World) -> None:
    node, made = need("node"), world.gateway.credentials()
    if not (MODULES / "twilio").exists():
        missing(f"Twilio's library in {MODULES}")
    told = {
        "GATEWAY": f"http://{world.gateway.http}", "ACCOUNT": made["account_sid"], "TOKEN": made["auth_token"],
        "APP": world.app.url(""), "DESK": DESK, "NODE_PATH": str(MODULES),
    }  # fmt: skip
    script = Path(__file__).parent / "voice" / "walk.cjs"
    done = subprocess.run([node, script], env=os.environ | told, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    check([Answered(one["method"].lower(), one["path"], one["status"], one["body"]) for one in answers])


def check(answers: list[Answered]) -> None:
    """Every answer is as described, and every operation was asked."""
    asked = set()
    for one in answers:
        if one.status in REFUSED:
            asked.add(oai.operation(oai.CORE, one.method, one.path)[0])
        else:
            asked.add(oai.check(one.method, one.path, one.status, one.body))
    assert DESCRIBED - asked == set()
