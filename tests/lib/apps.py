"""An app of a customer's, as Flask runs it, and the people who call it and whom it calls: all of it in virtual time.

The app's code runs in a thread, as its own server would run it, and its Twilio client asks the REST API of the gateway
under test; the loop's clock stands still meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module, reload
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode, urlsplit

from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from gateway.api.core.calls import Calls
from gateway.api.core.conferences import Conferences
from gateway.api.core.participants import Participants
from gateway.api.http import Request, Router
from gateway.calls.conferences.moderation import Moderation
from gateway.errors import ApiError
from media import negotiate
from media.frames import TICK
from sip.commands import Accept, Hangup, Provisional, Refuse
from sip.events import Ended, Event, Invited
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import trunk
from tests.lib.voices import pitch, say
from tests.lib.web import Reply, Seen
from tests.lib.whole import HOST, NUMBER, EngineLink, SimulatedEndpoint, Sounds, Whole, whole

LOG = logging.getLogger(__name__)
SECOND = "+15555550101"  # another number of the account


class InProcess(HttpClient):  # type: ignore[misc]
    """Twilio's library on the API of the gateway under test, from another thread than its loop's."""

    def __init__(self, one: Whole[Any], steps: asyncio.AbstractEventLoop) -> None:
        super().__init__(LOG, False)
        store, moderation = one.services.store, Moderation(one.services, one.exchange)
        resources = (
            Calls(store, one.exchange, one.steering),
            Conferences(store, moderation),
            Participants(store, moderation),
        )
        self._router = Router([route for one in resources for route in one.routes()])
        self._store, self._loop = store, steps

    def request(self, method: str, url: str, params: Any = None, data: Any = None, *_: Any, **__: Any) -> Response:
        """`HttpClient`."""
        work = self._ask(method, urlsplit(url).path, {**(params or {}), **(data or {})})
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _ask(self, method: str, path: str, given: Mapping[str, Any]) -> Response:
        where = path.removeprefix("/2010-04-01").removesuffix(".json")
        fields = {
            name: [str(one) for one in (value if isinstance(value, list) else [value])] for name, value in given.items()
        }
        (account,) = await self._store.accounts.all()
        try:
            serve, variables = self._router.find(method, where)
            reply = await serve(Request(method, path, variables, fields, account=account))
        except ApiError as error:
            return Response(error.status, json.dumps(error.body()))
        return Response(reply.status, "" if reply.json is None else json.dumps(reply.json))


class Phones:
    """The phones that the carrier reaches: each rings, and does what the test says."""

    def __init__(self, one: Whole[Any]) -> None:
        self._events: list[Event] = []
        self._endpoint = SimulatedEndpoint(one.wire, ("127.0.0.4", 5060), self._hear)

    def rings(self, number: str) -> Invited | None:
        """The last call to a number, where it is not over."""
        calls = [one for one in self._events if isinstance(one, Invited) and one.request.uri.user == number]
        over = {one.session for one in self._events if isinstance(one, Ended)}
        return calls[-1] if calls and calls[-1].session not in over else None

    def picks_up(self, number: str) -> None:
        """200."""
        call = self._call(number)
        sdp, _ = negotiate.answer(call.sdp or b"", "127.0.0.4", 5000, ("PCMU",), session_id=2, version=1)
        self._endpoint.apply(Accept(call.session, sdp))

    def refuses(self, number: str, status: int) -> None:
        """A final failure."""
        self._endpoint.apply(Refuse(self._call(number).session, status))

    def hangs_up(self, number: str) -> None:
        """BYE."""
        self._endpoint.apply(Hangup(self._call(number).session))

    def _call(self, number: str) -> Invited:
        call = self.rings(number)
        assert call is not None, f"{number} is not called"
        return call

    def _hear(self, event: Event) -> None:
        self._events.append(event)
        if isinstance(event, Invited):
            self._endpoint.apply(Provisional(event.session))


class Played:
    """The app, the gateway, and everybody."""

    def __init__(self, one: Whole[EngineLink], app: Any, clock: VirtualClock) -> None:
        self.one, self.app, self.clock = one, app, clock
        self.phones = Phones(one)
        self._callers = 0
        self._threads = ThreadPoolExecutor(1)
        self._heard = 0
        one.web.host(HOST, self._serve)

    async def call(self, from_: str = "+15555550123", to: str = NUMBER) -> Caller:
        """Somebody calls the app; a second passes."""
        self._callers += 1
        caller = Caller(self.one, f"127.0.1.{self._callers}", from_, to)
        caller.call()
        await passes(1)
        return caller

    async def press(self, number: str, keys: str) -> None:
        """Who calls from this number, or was called at it, presses keys; a second passes after each."""
        for key in keys:
            self.one.link.press(await self.row(number), key)
            await passes(1)

    async def speak(self, number: str, seconds: float) -> None:
        """Who calls from this number, or was called at it, says something for a while."""
        row, loop = await self.row(number), asyncio.get_running_loop()
        for _ in range(round(seconds / TICK)):
            say(self.one.link, row, pitch(1), loop.time())
            await passes(TICK)

    async def row(self, number: str) -> int:
        """The port of a living leg."""
        for leg in self.one.services.legs.values():
            if leg.calls and leg.port is not None and not leg.over:
                row = await self.one.services.store.calls.fetch(await self.one.account_sid(), leg.calls[0])
                if row is not None and number == (row.from_ if row.came_in else row.to):
                    return leg.row
        raise AssertionError(f"{number} is in no call")

    async def talk(self, *numbers: str) -> bool:
        """Whether these two hear each other."""
        one, other = [await self.row(number) for number in numbers]
        peers = self.one.link.engine.ports.peer
        return bool(peers[one] == other and peers[other] == one)

    async def calls_to(self, number: str) -> int:
        """How many calls were made to a number."""
        return len(await self.one.calls(to=number))

    def heard(self) -> str:
        """What was said since this was last asked."""
        speaker = self.one.services.speaker
        assert isinstance(speaker, Sounds)
        said, self._heard = speaker.said[self._heard :], len(speaker.said)
        return " | ".join(said)

    async def ask(self, method: str, path: str, **form: str) -> Any:
        """A request that the app gets from its own people: the JSON of its answer, None where it is empty."""
        body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        reply = await self._serve(Seen(method, HOST + path, {"Content-Type": kind}, body, 0.0, ()))
        await passes(1)
        return json.loads(reply.body) if reply.body else None

    async def _serve(self, seen: Seen) -> Reply:
        with self.clock.working():
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._open, seen)

    def _open(self, seen: Seen) -> Reply:
        path, kind = seen.url.removeprefix(HOST), "application/x-www-form-urlencoded"
        answer = self.app.test_client().open(path, method=seen.method, data=seen.body, content_type=kind, base_url=HOST)
        return Reply(answer.data, answer.status_code, answer.content_type or "")


def play(tmp_path: Path, name: str, test: Callable[[Played, Any], Awaitable[None]], second: str = "") -> None:
    """Runs `test` on an example and its module; `second` is the path that SECOND asks. Nothing may be left behind."""

    async def main(clock: VirtualClock) -> None:
        with patch.dict(os.environ, TWILIO_ACCOUNT_SID="AC", TWILIO_AUTH_TOKEN="token"):
            module: Any = reload(import_module(f"examples.{name}"))  # its state is this test's
        async with whole(clock, tmp_path, {}) as one:
            played = Played(one, module.app, clock)
            account_sid = await one.account_sid()
            module.client = Client(account_sid, "token", http_client=InProcess(one, asyncio.get_running_loop()))
            await _connect(one, account_sid, second)
            await test(played, module)
            one.exchange.end_all("the test is over")
            await passes(5)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


async def _connect(one: Whole[Any], account_sid: str, second: str) -> None:
    """The account's second number, and the carrier that reaches everybody else."""
    store = one.services.store
    await store.numbers.stock([SECOND])
    assert await store.numbers.buy(account_sid, SECOND, "PN" + "1" * 32, voice_url=f"{HOST}{second}")
    await trunk(one, "acme", uris=["sip:127.0.0.4"])
    await store.operator.put("route", "+", {"prefix": "+", "trunks": ["acme"]})
    await one.services.trunks.load()
