"""Chaos over real sockets: apps that behave badly, and a gateway that is killed with a hundred calls up."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from gateway.webhooks.signature import digest
from tests.interop.answering import answering
from tests.interop.conftest import NUMBER, App, Asked, GatewayProcess, wait_for

pytestmark = pytest.mark.alone

FINAL = {"completed", "busy", "failed", "no-answer", "canceled"}
EVENTS = ["initiated", "ringing", "answered", "completed"]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
TEN_MB = 10 << 20


# an app that behaves badly


def stall(one: socket.socket) -> None:
    """Nothing is said."""
    time.sleep(20)


def drip(one: socket.socket) -> None:
    """A byte now and then, for ever."""
    one.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
    for _ in range(100):
        one.sendall(b" ")
        time.sleep(0.2)


def flood(one: socket.socket) -> None:
    """Ten megabytes of document."""
    one.sendall(HEAD + b"Content-Length: %d\r\n\r\n<Response>" % TEN_MB)
    for _ in range(TEN_MB // 4096):
        one.sendall(b" " * 4096)


def circle(one: socket.socket) -> None:
    """To itself, for ever."""
    one.sendall(b"HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def reset(one: socket.socket) -> None:
    """RST in place of an answer."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half(one: socket.socket) -> None:
    """The end comes before the end."""
    one.sendall(HEAD + b"Content-Length: 1000\r\n\r\n<Resp")


def noise(one: socket.socket) -> None:
    """What is no HTTP."""
    one.sendall(bytes(range(256)) * 8)


# path -> what it does, the fragment of its URL, the error
BAD: dict[str, tuple[Callable[[socket.socket], None], str, int]] = {
    "/stall": (stall, "#rt=1000&rc=0", 11203), "/drip": (drip, "#tt=2000", 11203), "/flood": (flood, "", 11750),
    "/circle": (circle, "", 11215), "/reset": (reset, "", 11205), "/half": (half, "", 11206),
    "/noise": (noise, "", 11206),
}  # fmt: skip


class Bad(socketserver.BaseRequestHandler):
    """Reads a request and behaves as its path says."""

    def handle(self) -> None:
        with suppress(OSError):
            head = self.request.recv(65536)
            path = head.split()[1].decode()
            BAD[path][0](self.request)


@contextmanager
def bad_app() -> Iterator[str]:
    """Its URL."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 50

    with Server(("127.0.0.1", 0), Bad) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.interop
def test_an_app_that_behaves_badly_harms_its_own_calls_only(gateway: GatewayProcess, app: App) -> None:
    """Each of its calls ends with its cause; a call of another app is answered meanwhile as if nothing were."""
    client, key = gateway.client(), gateway.credentials()["auth_token"]
    client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    app.documents["/good"] = "<Response><Hangup/></Response>"
    with answering() as bob, bad_app() as bad:
        calls = {
            path: client.calls.create(to=bob.uri, from_=NUMBER, url=bad + path + fragment).sid
            for path, (_, fragment, _) in BAD.items()
        }
        began = time.monotonic()
        good = client.calls.create(to=bob.uri, from_=NUMBER, url=app.url("/good")).sid
        wait_for(lambda: client.calls(good).fetch().status == "completed", 5, "the end of the good call")
        good_took = time.monotonic() - began
        for path, sid in calls.items():
            wait_for(lambda sid=sid: client.calls(sid).fetch().status in FINAL, 20, f"the end of the call to {path}")  # type: ignore[misc]
            errors = [note.error_code for note in client.calls(sid).notifications.list() if note.log == "0"]
            assert errors == [str(BAD[path][2])], path
            first = gateway.operator("GET", f"requests?CallSid={sid}")["requests"][0]
            assert first["headers"]["X-Twilio-Signature"] == digest(key, first["signed"])
    print(f"good call {good_took:.2f} s, the last bad one {time.monotonic() - began:.2f} s")
    assert gateway.metric("calls") == 0


# a gateway that is killed


def check(asked: list[Asked], sids: list[str]) -> tuple[int, int]:
    """Every callback of every call, in order, repeats with the same token; the requests, and how many were repeats."""
    told: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        told[one.params["CallSid"]].append(one)
    for sid in sids:
        tokens: dict[str, set[str]] = defaultdict(set)
        for one in told[sid]:
            tokens[one.params["SequenceNumber"]].add(one.headers["I-Twilio-Idempotency-Token"])
        first = list(tokens)
        assert first == sorted(first), f"{sid} heard {first}"
        assert first == [str(number) for number in range(len(EVENTS))], f"{sid} heard {first}"
        assert all(len(found) == 1 for found in tokens.values()), f"{sid} had {tokens}"
        statuses = {one.params["SequenceNumber"]: one.params["CallStatus"] for one in told[sid]}
        assert statuses["3"] in FINAL
    heard = sum(len(told[sid]) for sid in sids)
    return heard, heard - len(EVENTS) * len(sids)


@pytest.mark.interop
def test_a_gateway_that_is_killed_twice_with_a_hundred_calls_tells_all_of_them(
    gateway: GatewayProcess, app: App
) -> None:
    """Killed while callbacks wait for an app that is down, and again while it catches up."""
    client, hundred = gateway.client(), 100
    client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    app.documents["/long"] = "<Response><Pause length='120'/></Response>"
    with answering() as bob:
        sids = []
        for number in range(hundred):
            app.broken = number >= 30  # the first ones have their first callbacks
            made = client.calls.create(
                to=bob.uri, from_=NUMBER, url=app.url("/long"), status_callback=app.url("/status"),
                status_callback_event=EVENTS,
            )  # fmt: skip
            sids.append(made.sid)
        wait_for(lambda: len(app.to("/long")) == hundred, 30, "a hundred answered calls")
        wait_for(lambda: gateway.metric("outbox_pending") >= 200, 10, "callbacks that wait")
        waiting = gateway.metric("outbox_pending")
        gateway.kill()
        app.broken = False
        seen = len(app.to("/status"))
        gateway.start()
        wait_for(lambda: len(app.to("/status")) >= seen + 100, 20, "some of the backlog")
        gateway.kill()
        gateway.start()
        began = time.monotonic()
        wait_for(lambda: gateway.metric("outbox_pending") == 0, 30, "the rest of the backlog")
        took = time.monotonic() - began
        wait_for(lambda: len(set(bob.ended)) == hundred, 40, "the end of every call at the far end")
        requests, repeats = check(app.to("/status"), sids)
    found = {call.sid: call.status for call in client.calls.list(limit=1000)}
    assert {found[sid] for sid in sids} <= FINAL
    assert gateway.operator("GET", "callbacks") == {"callbacks": [], "next": None}
    print(
        f"{waiting:.0f} callbacks waited at the first kill; {requests} requests for {len(EVENTS) * hundred} callbacks, "
        f"{repeats} of them repeats (refused ones included); the last start was empty after {took:.1f} s"
    )
    assert gateway.metric("calls") == 0
