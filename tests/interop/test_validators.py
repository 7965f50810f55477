"""Twilio's validators, Python's and Node's, on what the gateway signs: every kind of URL, form, body and handshake."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from twilio.request_validator import RequestValidator

from gateway.webhooks.client import Webhooks
from gateway.webhooks.request import Body, WebhookRequest
from tests.gateway.webhooks.test_client import SID, TOKEN, using
from tests.interop.conftest import need
from tests.interop.test_browsers import MODULES
from tests.lib.loop import VirtualClock
from tests.lib.web import FakeWeb, Reply, Seen

URLS = [
    "http://app.example.com/voice", "http://app.example.com", "http://app.example.com/?", "https://app.example.com/voice/",
    "http://app.example.com:8080/voice?x=1&y=%20a+b&z", "https://app.example.com:8443/v?call=a%2Fb", "http://[2600::1]:81/v",
    "https://user:p%40ss@App.Example.com/Voice?Q=1#rc=2&rp=all", "https://bücher.example/ä?q=ö", "http://app.example.com:80/v",
    "https://app.example.com:443/v?bodySHA256=given", "http://app.example.com/a//b/../c;d=1?e=[f]&g={h}|i",
]  # fmt: skip
PARAMS = {
    "CallSid": "CA" + "1" * 32, "From": "+15005550006", "To": "sip:bob@example.com;transport=tcp", "CallerCity": "",
    "SpeechResult": "çà et là & ‘so’ = 100%\n", "Digits": "*1#", "SipHeader_X-Tab": "\ta b ", "a": "lower", "Z": "1",
}  # fmt: skip
BODY = Body('{"event":"ping","é":"ü","n":1}'.encode())
SOCKETS = ["wss://app.example.com/stream", "wss://app.example.com:8443/s?a=1", "ws://app.example.com:8080/stream"]

Case = tuple[str, dict[str, str] | str, str]


def requests() -> list[Case]:
    """What reaches the app, as its framework would have it, with the signature."""
    web, cases = FakeWeb(), list[Case]()

    async def work(hooks: Webhooks, _: VirtualClock) -> None:
        for url in URLS:
            for one in (
                WebhookRequest(SID, url, "POST", PARAMS), WebhookRequest(SID, url, "GET", PARAMS),
                WebhookRequest(SID, url, "POST", {}, body=BODY),
            ):  # fmt: skip
                await hooks.fetch(one)
        web.route(
            "http://old.example.com/v", Reply(status=307, headers={"Location": "https://new.example.com:444/w?n=é"})
        )
        await hooks.fetch(WebhookRequest(SID, "http://old.example.com/v", "POST", PARAMS))
        for url in SOCKETS:
            opened = await hooks.handshake(SID, url)
            cases.append((opened.url, {}, opened.headers["X-Twilio-Signature"]))

    web.otherwise = Reply("<Response/>")
    using(web, work)
    return [*map(case, web.requests), *cases]


def case(seen: Seen) -> Case:
    sent: dict[str, str] | str = {}
    if seen.body and seen.headers["Content-Type"].startswith("application/json"):
        sent = seen.body.decode()
    elif seen.body:
        found = parse_qs(seen.body.decode(), keep_blank_values=True)
        assert all(len(values) == 1 for values in found.values())
        sent = {name: value for name, (value,) in found.items()}
    return seen.url, sent, seen.headers["X-Twilio-Signature"]


def forged(one: Case) -> Case:
    """The same with another path."""
    url, sent, signature = one
    return urlsplit(url)._replace(path="/other").geturl(), sent, signature


def test_pythons_validator_takes_everything_and_nothing_forged() -> None:
    validator, cases = RequestValidator(TOKEN), requests()
    assert len(cases) == 3 * len(URLS) + 2 + len(SOCKETS)
    for one in cases:
        assert validator.validate(*one), one[0]
        assert not validator.validate(*forged(one)), one[0]


@pytest.mark.interop
def test_nodes_validator_takes_everything_and_nothing_forged() -> None:
    node = need("node")
    cases = requests()
    done = subprocess.run(
        [node, Path(__file__).parent / "voice" / "validate.cjs"], input=json.dumps([*cases, *map(forged, cases)]),
        env=os.environ | {"TOKEN": TOKEN, "NODE_PATH": str(MODULES)}, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    wrong = [one[0] for one, valid in zip(cases, found[: len(cases)], strict=True) if not valid]
    assert wrong == []
    assert not any(found[len(cases) :])
