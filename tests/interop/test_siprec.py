"""A recording server on real sockets gets a call's two streams: the caller's tone in one, the app's in the other."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media.codecs.g711 import ULAW_TO_PCM
from media.tones import tone
from sip.outputs import Address
from tests.interop.conftest import NUMBER, ROOT, App, GatewayProcess, wait_for
from tests.lib.ports import free_port
from tests.lib.recording_server import RecordingServer

DOCUMENT = """<Response>
<Start><Siprec connectorName="srs" name="mine" statusCallback="/told">
<Parameter name="Agent" value="Bob"/></Siprec></Start>
<Play loop="0">/tone.wav</Play></Response>"""
CONNECTOR = '[[siprec_connectors]]\nname = "srs"\nuris = ["sip:srs@127.0.0.1:{port}"]\n'


class Server:
    """A recording server, and what came to its RTP sockets: the payloads of each stream."""

    def __init__(self) -> None:
        self._sip, *self._rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3))
        self.port, *ports = (free_port() for _ in range(3))
        for one, port in zip((self._sip, *self._rtp), (self.port, *ports), strict=True):
            one.bind(("127.0.0.1", port))
            one.settimeout(0.1)
        self.srs = RecordingServer("127.0.0.1", self.port, tuple(ports), self._send)
        self.heard: list[list[bytes]] = [[], []]
        self._ends, self._failed = threading.Event(), list[Exception]()
        works = [(self._sip, self.srs.receive)]
        works += [(one, self._hears(number)) for number, one in enumerate(self._rtp)]
        self._threads = [threading.Thread(target=self._serve, args=work, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Its threads, then its sockets; what went wrong in them is this test's failure, no later one's."""
        self._ends.set()
        for thread in self._threads:
            thread.join()
        for one in (self._sip, *self._rtp):
            one.close()
        if self._failed:
            raise ExceptionGroup("in the recording server", self._failed)

    def hertz(self, stream: int) -> float:
        """The loudest frequency of the last second."""
        wire = np.frombuffer(b"".join(self.heard[stream][-50:]), np.uint8)
        return float(np.abs(np.fft.rfft(ULAW_TO_PCM[wire].astype(np.float64))).argmax() * 8000 / len(wire))

    def _send(self, data: bytes, to: Address) -> None:
        self._sip.sendto(data, to)

    def _hears(self, stream: int) -> Any:
        return lambda data, source: self.heard[stream].append(data[12:])

    def _serve(self, one: socket.socket, receive: Any) -> None:
        while not self._ends.is_set():
            try:
                receive(*one.recvfrom(65536))
            except TimeoutError:
                continue
            except Exception as error:
                self._failed.append(error)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def recorded(tmp_path: Path, app: App, server: Server) -> Iterator[GatewayProcess]:
    """A gateway with a number and a connector, and its app, which plays 1000 Hz."""
    one = GatewayProcess(tmp_path)
    one.config.write_text(CONNECTOR.format(port=server.port))
    app.documents = {"/voice": DOCUMENT}
    app.files["/tone.wav"] = ("audio/wav", wav(1000.0))
    try:
        one.start()
        one.client().incoming_phone_numbers.create(
            phone_number=NUMBER, voice_url=app.url("/voice"), voice_method="POST"
        )
        yield one
    finally:
        one.stop()


def wav(hz: float) -> bytes:
    """Four seconds of a tone."""
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(tone(hz, 0.0, on_ms=4000, level=-15.0).astype("<i2").tobytes())
    return file.getvalue()


@contextlib.contextmanager
def phone(gateway: GatewayProcess) -> Iterator[subprocess.Popen[str]]:
    """A caller who says 440 Hz until its input ends."""
    one = subprocess.Popen(
        [sys.executable, "-m", "tests.interop.raw_phone", gateway.sip, NUMBER], cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert one.stdout is not None
        assert one.stdout.readline().startswith("up")
        yield one
    finally:
        one.kill()
        one.communicate()


def told(app: App) -> list[str]:
    return [one.params["SiprecEvent"] for one in app.to("/told")]


@pytest.mark.interop
def test_each_stream_has_its_tone_and_the_end_is_a_bye(recorded: GatewayProcess, app: App, server: Server) -> None:
    srs = server.srs
    with phone(recorded) as caller:
        wait_for(lambda: told(app) == ["siprec-started"], 20, "the session")
        assert (srs.offers[0].count("m=audio"), srs.invites[0].headers.get("Require")) == (2, "siprec")
        assert srs.metadata[0].parameters == {"Agent": "Bob"}
        caller_aor, ours = srs.metadata[0].present
        assert [srs.metadata[0].label(who) for who in (caller_aor, ours)] == [["1"], ["2"]]
        assert NUMBER in ours
        wait_for(lambda: all(len(one) > 150 for one in server.heard), 20, "three seconds of audio")
        assert server.hertz(0) == pytest.approx(440, abs=3)
        assert server.hertz(1) == pytest.approx(1000, abs=3)
        srs.reoffer("inactive")
        wait_for(lambda: bool(srs.answers), 5, "the answer to a hold")
        assert srs.answers[0].body.count(b"a=inactive") == 2
        caller.communicate(timeout=20)
    wait_for(lambda: told(app) == ["siprec-started", "siprec-stopped"], 10, "the end")
    wait_for(lambda: srs.byes == 1, 5, "the BYE")


@pytest.mark.interop
def test_twilio_s_library_begins_and_ends_one(recorded: GatewayProcess, app: App, server: Server) -> None:
    app.documents["/voice"] = "<Response><Play loop='0'>/tone.wav</Play></Response>"
    client = recorded.client()
    with phone(recorded):
        wait_for(lambda: bool(client.calls.list(status="in-progress")), 10, "the call")
        (call,) = client.calls.list(status="in-progress")
        made = client.calls(call.sid).siprec.create(
            connector_name="srs", name="mine", track="outbound_track", status_callback=app.url("/told")
        )
        assert (made.status, made.name) == ("in-progress", "mine")
        wait_for(lambda: len(server.heard[0]) > 80, 20, "audio")
        assert server.hertz(0) == pytest.approx(1000, abs=3)
        assert "a=label:2" in server.srs.offers[0]
        assert client.calls(call.sid).siprec("mine").update(status="stopped").sid == made.sid
        wait_for(lambda: server.srs.byes == 1, 5, "the BYE")
        assert client.calls(call.sid).fetch().status == "in-progress"
