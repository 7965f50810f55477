"""A customer against the machine that the gateway runs on: nothing that it can name reaches a port of the inside."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.interop.answering import answering
from tests.interop.conftest import NUMBER, GatewayProcess, serving, wait_for

FINAL = {"completed", "busy", "failed", "no-answer", "canceled"}
OPEN = "127.0.0.2"  # what the operator allows: the customer's app and phone are there

HOSTS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "localhost", "localhost.", "127.0.0.1.", "[::1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "0.0.0.0", "[::]",
    "127.0.0.2@127.0.0.1", "127.0.0.2:80@127.0.0.1", "１27.0.0.1", "127。0。0。1",
]  # fmt: skip
URIS = [
    *(f"sip:x@{host}:{{port}}" for host in HOSTS[:16]),
    "sip:x@127.0.0.1:{port};transport=tcp", "sips:x@127.0.0.1:{port}", "sip:x@{open};maddr=127.0.0.1:{port}",
    "sip:x@{open}:{port};maddr=127.0.0.1", "sip:x@{open}:{port};maddr=127.0.0.1;transport=tcp",
    "sip:x@{open}:{port};maddr=localhost", "sip:x%40{open}@127.0.0.1:{port}", "sip:x:{open}@127.0.0.1:{port}",
    "sip:x@127.0.0.1:{port}?Route=%3Csip:127.0.0.1:{port};lr%3E", "sip:127.0.0.1:{port}",
]  # fmt: skip


class Canary:
    """TCP and UDP on a port of loopback, both versions: who comes there has come inside."""

    def __init__(self) -> None:
        first = socket.create_server(("127.0.0.1", 0))
        self.port: int = first.getsockname()[1]
        six = socket.create_server(("::1", self.port), family=socket.AF_INET6)
        self._sockets = [first, six]
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.bind((host, self.port))
            self._sockets.append(udp)

    def visitors(self) -> int:
        """Sockets on which somebody came."""
        return len(select.select(self._sockets, [], [], 0)[0])

    def close(self) -> None:
        for one in self._sockets:
            one.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    one = Canary()
    yield one
    one.close()


@contextmanager
def guarded(folder: Path) -> Iterator[GatewayProcess]:
    """A gateway that has a public URL: loopback is nobody's, but for OPEN."""
    one = GatewayProcess(folder)
    one.config.write_text(f'[http]\npublic_url = "https://gateway.example"\n[webhooks]\nallow = ["{OPEN}/32"]\n')
    try:
        one.start()
        yield one
    finally:
        one.stop()


@pytest.mark.interop
def test_no_url_and_no_uri_of_a_customer_leads_inside(tmp_path: Path, canary: Canary) -> None:
    """As a document, a redirect's target, a sound, a callback, a `Sip`, a REST target."""
    with guarded(tmp_path) as gateway, serving(OPEN) as app, answering(OPEN) as bob:
        client, port = gateway.client(), canary.port
        client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
        inside = [f"http://{host}:{port}/" for host in HOSTS]
        uris = [uri.format(port=port, open=OPEN) for uri in URIS]
        sounds = "".join(f"<Play>{url}</Play>" for url in inside)
        dials = "".join(f"<Dial timeout='5'><Sip>{uri}</Sip></Dial>" for uri in uris if "?" not in uri)
        app.documents["/sounds"] = f"<Response>{sounds}<Hangup/></Response>"
        app.documents["/dials"] = f"<Response>{dials}<Hangup/></Response>"
        app.redirects = {f"/r{number}": url for number, url in enumerate(inside) if url.isascii()}
        urls = [*inside, *map(app.url, app.redirects), app.url("/sounds"), app.url("/dials")]
        sids = [client.calls.create(to=bob.uri, from_=NUMBER, url=url).sid for url in urls]
        told = [
            client.calls.create(to=bob.uri, from_=NUMBER, twiml="<Response/>", status_callback=url).sid
            for url in inside
        ]
        refused = 0
        for uri in uris:
            try:
                sids.append(client.calls.create(to=uri, from_=NUMBER, twiml="<Response/>").sid)
            except TwilioRestException:
                refused += 1
        for sid in [*sids, *told]:
            wait_for(lambda sid=sid: client.calls(sid).fetch().status in FINAL, 60, f"the end of {sid}")  # type: ignore[misc]
        assert canary.visitors() == 0
        answered = client.calls(sids[0]).fetch()
        assert answered.status == "completed"
        codes = {note.error_code for note in client.calls(sids[0]).notifications.list()}
        assert "11200" in codes
        socket.create_connection(("127.0.0.1", port)).close()
        assert canary.visitors() == 1  # it would have told
        print(f"{len(sids)} calls, {len(told)} with callbacks, {refused} refused at once")
