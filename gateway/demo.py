"""`trunkline demo`: one whole call on this machine over real UDP, printed as a timeline.

The gateway, an app behind its webhooks and a softphone run side by side; every step is taken from what the gateway
itself logs and tells its app. Exit status 0 only if each expected step was seen.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from aiohttp import BasicAuth, ClientSession, web

from gateway.accounts.credentials import Credentials
from gateway.app import running
from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.phone import Wish, open_phone, target_uri
from media import files

NUMBER = "+15555550100"

MENU = """<Response>
  <Gather numDigits="1" action="/choice" timeout="10"><Say>Welcome to Trunkline. Press 1.</Say></Gather>
</Response>"""
CHOICE = """<Response><Say>You pressed one. Speak after the tone.</Say>
  <Record maxLength="2" timeout="0" action="/recorded" trim="do-not-trim"/></Response>"""
RECORDED = "<Response><Say>Thank you. Goodbye.</Say><Hangup/></Response>"


@dataclass(slots=True)
class Timeline:
    """What happened, when (seconds since the start), in which room."""

    clock: SystemClock = field(default_factory=SystemClock)
    start: float = 0.0
    lines: list[tuple[float, str, str]] = field(default_factory=list)

    def add(self, room: str, text: str) -> None:
        """One line, printed at once."""
        at = self.clock.now() - self.start
        self.lines.append((at, room, text))
        print(f"{at:8.3f} s  {room:8} {text}", flush=True)

    def has(self, room: str, part: str) -> bool:
        """Whether a line of the room holds `part`."""
        return any(room == one and part in text for _, one, text in self.lines)


class Watch(logging.Handler):
    """The gateway's and the phone's log records as lines of the timeline."""

    ROOMS = {"gateway.calls.leg": "audio", "gateway.calls.script": "webhook", "gateway.calls.call": "call",
             "gateway.phone": "phone", "gateway.calls.recordings.recording": "audio",
             "gateway.webhooks.outbox": "callback", "gateway.calls.exchange": "call",
             "gateway.calls.reception": "call"}  # fmt: skip

    def __init__(self, timeline: Timeline) -> None:
        super().__init__(logging.INFO)
        self._timeline = timeline

    def emit(self, record: logging.LogRecord) -> None:
        room = self.ROOMS.get(record.name)
        if room is not None:
            self._timeline.add(room, record.getMessage())


class App:
    """The customer's app: three documents and a status callback."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.completed = asyncio.Event()
        self.params: dict[str, dict[str, str]] = {}

    def site(self) -> web.Application:
        """Its routes."""
        app = web.Application()
        app.router.add_post("/voice", self._document(MENU))
        app.router.add_post("/choice", self._document(CHOICE))
        app.router.add_post("/recorded", self._document(RECORDED))
        app.router.add_post("/status", self._status)
        return app

    def _document(self, twiml: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            form = {name: str(value) for name, value in (await request.post()).items()}
            self.params[request.path] = form
            digits = f", Digits={form['Digits']}" if form.get("Digits") else ""
            self._timeline.add("app", f"POST {request.path} CallStatus={form['CallStatus']}{digits}")
            return web.Response(text=twiml, content_type="text/xml")

        return answer

    async def _status(self, request: web.Request) -> web.Response:
        form = await request.post()
        self._timeline.add("app", f"status callback: {form['CallStatus']!s}, {form['CallDuration']!s} s")
        if form["CallStatus"] == "completed":
            self.completed.set()
        return web.Response(status=204)


async def run() -> int:
    """Runs the demo; the exit status."""
    timeline = Timeline()
    timeline.start = timeline.clock.now()
    logging.getLogger().handlers = [Watch(timeline)]
    with tempfile.TemporaryDirectory() as folder:
        missing = await _demo(timeline, Path(folder))
    for what in missing:
        print(f"MISSING: {what}")
    print("every step was seen" if not missing else f"{len(missing)} steps are missing")
    return 1 if missing else 0


async def _demo(timeline: Timeline, folder: Path) -> list[str]:
    app = App(timeline)
    runner = web.AppRunner(app.site())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    heard = folder / "heard.wav"
    try:
        async with running(_settings(folder)) as gateway:
            assert gateway.made is not None
            await _buy(gateway.http_address, gateway.made, url)
            async with open_phone(folder / "phone") as phone:
                wish = Wish(target_uri(NUMBER, gateway.sip_address), "wwwwww1", record=heard, seconds=30)
                result = await phone.call(wish)
            timeline.add("phone", f"the call is over; {result.seconds:.1f} s were recorded")
            async with asyncio.timeout(5):
                await app.completed.wait()
        return _missing(timeline, app, heard, result.seconds)
    finally:
        await runner.cleanup()


def _settings(folder: Path) -> Settings:
    return load(None, {"data": folder, "http.listen": "127.0.0.1:0", "sip.listen": "127.0.0.1:0"})


async def _buy(address: str, made: Credentials, url: str) -> None:
    account_sid, token = made.account_sid, made.auth_token
    fields = {"PhoneNumber": NUMBER, "VoiceUrl": f"{url}/voice", "StatusCallback": f"{url}/status"}
    async with ClientSession(auth=BasicAuth(account_sid, token)) as session:
        path = f"http://{address}/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers.json"
        async with session.post(path, data=fields) as response:
            assert response.status == 201, await response.text()


def _missing(timeline: Timeline, app: App, heard: Path, seconds: float) -> list[str]:
    """The steps that were not seen."""
    expected = {
        "the app is asked for /voice while it rings": app.params.get("/voice", {}).get("CallStatus") == "ringing",
        "the call is answered": timeline.has("call", "answered"),
        "the digit arrives at the app": app.params.get("/choice", {}).get("Digits") == "1",
        "the message is recorded": app.params.get("/recorded", {}).get("RecordingDuration") == "2",
        "the caller hears speech": _loudest(heard) > 1000 and seconds > 3,
        "the app is told that the call is completed": app.completed.is_set(),
    }
    return [what for what, seen in expected.items() if not seen]


def _loudest(path: Path) -> int:
    if not path.exists():
        return 0
    pcm = np.frombuffer(path.read_bytes()[files.HEADER_SIZE :], "<i2")
    return int(np.abs(pcm.astype(np.int32)).max(initial=0))
