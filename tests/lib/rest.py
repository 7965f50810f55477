"""The REST API on a real port, with Twilio's own library in front of it and a fake call engine behind it.

Everything that was answered is in `answers`, to be held against Twilio's description of its API.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import requests
from aiohttp import web
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from gateway.accounts import credentials
from gateway.accounts.credentials import Credentials
from gateway.accounts.keys import Keys
from gateway.api.core import declared
from gateway.api.core.accounts import Accounts
from gateway.api.core.call_events import CallEvents
from gateway.api.core.call_messages import CallMessages
from gateway.api.core.call_payments import CallPayments
from gateway.api.core.caller_ids import CallerIds
from gateway.api.core.calls import Calls
from gateway.api.core.later import Later
from gateway.api.core.notifications import Notifications
from gateway.api.core.numbers import Numbers
from gateway.api.core.recordings import Recordings
from gateway.api.core.siprecs import Siprecs
from gateway.api.core.unmade import Unmade
from gateway.api.dialect import CORE
from gateway.api.engine import ChangeCall, ChangePayment, CreateCall, CreateRecording, StartPayment, Validate
from gateway.api.http import Reply, Request, Route, Router
from gateway.api.operator.accounts import AccountCeilings
from gateway.api.operator.connectors import Connectors
from gateway.api.operator.numbers import Inventory
from gateway.api.operator.recordings import RecordingFiles
from gateway.api.operator.refusals import Refusals
from gateway.api.operator.resources import Operator
from gateway.api.products import products
from gateway.api.resource import Serving
from gateway.api.server import Site
from gateway.billing.guard import Guard
from gateway.clock import SystemClock
from gateway.errors import ApiError
from gateway.sids import Sids
from gateway.siprec.book import SiprecBook
from gateway.store import Store
from gateway.store.rows import Account, Call, Conference, Recording
from gateway.store.secret import SecretKey
from gateway.store.voice_rows import Siprec
from gateway.trunks.admission import Admission
from gateway.trunks.book import TrunkBook
from gateway.trunks.gate import Gate
from gateway.webhooks.ledger import Ledger
from sip.challenge import Challenger
from twiml.plans import StartSiprec

T = TypeVar("T")

SECOND = Credentials("AC" + "2" * 32, "second" * 4, "")


class FakeEngine:
    """`gateway.api.engine.Calls`, `LiveCalls` and `Validations`: writes rows, and remembers what it was asked."""

    def __init__(self, store: Store, sids: Sids, clock: SystemClock) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.refusal: ApiError | None = None
        self._store, self._sids, self._clock = store, sids, clock
        self.siprecs = FakeSiprecs(store, sids, clock, self.asked)
        self.recorders = FakeRecorders(store, sids, clock, self.asked)

    async def create(self, account_sid: str, wanted: CreateCall) -> Call:
        """A queued row."""
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(("create", wanted))
        now = self._clock.wall()
        call = Call(self._sids.new("CA"), account_sid, wanted.shown, wanted.to, "outbound-api", "queued", now, now)
        await self._store.calls.insert(call)
        return call

    async def change(self, sid: str, wanted: ChangeCall) -> None:
        self.asked.append(("change", sid, wanted))

    async def send(self, sid: str, content: str, message_sid: str, key: str) -> str:
        self.asked.append(("send", sid, content, key))
        return message_sid

    async def begin(self, account_sid: str, wanted: Validate) -> tuple[str, str]:
        """A call that never is; the code is 123456."""
        self.asked.append(("validate", wanted))
        return self._sids.new("CA"), "123456"

    async def complete(self, sid: str) -> None:
        self.asked.append(("complete", sid))
        await self._store.calls.update(sid, {"status": "completed"})

    async def cancel(self, sid: str) -> None:
        self.asked.append(("cancel", sid))
        await self._store.calls.update(sid, {"status": "canceled"})


class FakePayments:
    """`gateway.api.engine.Payments`: remembers what it was asked, and knows one session."""

    def __init__(self, sids: Sids, clock: SystemClock, asked: list[tuple[Any, ...]]) -> None:
        self._sids, self._clock, self._asked = sids, clock, asked
        self._known = ""

    async def start(self, call_sid: str, wanted: StartPayment) -> tuple[str, datetime]:
        self._asked.append(("start payment", call_sid, wanted))
        self._known = self._sids.new("PK")
        return self._known, self._clock.wall()

    async def change(self, call_sid: str, sid: str, wanted: ChangePayment) -> datetime | None:
        self._asked.append(("change payment", sid, wanted))
        return self._clock.wall() if sid == self._known else None


class FakeRecorders:
    """`gateway.api.engine.Recorders`: every call is up, its recordings are those in progress or paused."""

    def __init__(self, store: Store, sids: Sids, clock: SystemClock, asked: list[tuple[Any, ...]]) -> None:
        self._store, self._sids, self._clock, self._asked = store, sids, clock, asked

    async def start(self, call: Call, wanted: CreateRecording) -> Recording:
        self._asked.append(("record", call.sid, wanted))
        now, sid = self._clock.wall(), self._sids.new("RE")
        channels = 2 if wanted.channels == "dual" else 1
        row = Recording(
            sid, call.account_sid, call.sid, "in-progress", "StartCallRecordingAPI", channels, wanted.track,
            now, now, now, f"{sid}.wav",
        )  # fmt: skip
        await self._store.recordings.insert(row)
        return row

    async def change_in(self, conference: Conference, sid: str, status: str, *, skip: bool) -> Recording | None:
        raise AssertionError("conferences live in whole gateways only")

    async def change(self, call: Call, sid: str, status: str, *, skip: bool) -> Recording | None:
        self._asked.append(("change", sid, status, skip))
        found = await self._store.recordings.fetch(call.account_sid, sid)
        if found is None or found.status not in ("in-progress", "paused"):
            return None
        await self._store.recordings.update(sid, {"status": status})
        return replace(found, status=status)


class FakeSiprecs:
    """`gateway.api.engine.Siprecs`: every call is up, and everything runs until it is stopped."""

    def __init__(self, store: Store, sids: Sids, clock: SystemClock, asked: list[tuple[Any, ...]]) -> None:
        self._store, self._sids, self._clock, self._asked = store, sids, clock, asked

    async def start(self, call: Call, plan: StartSiprec) -> Siprec:
        self._asked.append(("siprec", call.sid, plan))
        now = self._clock.wall()
        row = Siprec(
            sid=self._sids.new("SR"), account_sid=call.account_sid, date_created=now, date_updated=now,
            call_sid=call.sid, name=plan.name or None, connector_name=plan.connector, track=plan.track,
        )  # fmt: skip
        await self._store.siprecs.insert(row)
        return row

    async def stop(self, call: Call, name: str) -> Siprec | None:
        siprecs = self._store.siprecs
        found = await siprecs.fetch(call.account_sid, name) or await siprecs.of_call(call.account_sid, call.sid, name)
        if found is None or found.status != "in-progress":
            return None
        await siprecs.change(found.sid, {"status": "stopped"})
        return replace(found, status="stopped")


@dataclass
class Answered:
    """An answer of the API, as Twilio's library saw it."""

    method: str
    path: str
    status: int
    body: str


class _Listening(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own client, which also tells what it hears."""

    def __init__(self, answers: list[Answered]) -> None:
        super().__init__()
        self._answers = answers

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        answer = super().request(method, url, *args, **options)
        path = "/" + url.split("/", 3)[3].partition("?")[0]
        self._answers.append(Answered(method.lower(), path, answer.status_code, answer.text))
        return answer


class NoCarriers:
    """Nobody is registered anywhere."""

    def registered_as(self, user: str) -> None:
        return None


@dataclass
class Rest:
    """The API under test; `store` and `engine` live in the loop of its thread, `do` runs a coroutine there."""

    url: str
    made: Credentials
    store: Store
    engine: FakeEngine
    admission: Admission
    folder: Path
    loop: asyncio.AbstractEventLoop
    answers: list[Answered] = field(default_factory=list)

    def client(self, user: str = "", password: str = "", account: str | None = None) -> Client:
        """Twilio's library, as the first account unless told otherwise."""
        client = Client(
            user or self.made.account_sid, password or self.made.auth_token, account,
            http_client=_Listening(self.answers),
        )  # fmt: skip
        client.api.base_url = self.url
        client.trunking.base_url = f"{self.url}/trunking"
        client.monitor.base_url = f"{self.url}/monitor"
        client.voice.base_url = f"{self.url}/voice"
        return client

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def ask(self, method: str, path: str, *, auth: tuple[str, str] | None = None, **options: Any) -> requests.Response:
        """A request without the library; `path` without the account's part where it starts with no version."""
        if not path.startswith(("/2010", "/api", "/operator", "/metrics", "/health", "/trunking", "/voice", "/v1")):
            path = f"/2010-04-01/Accounts/{self.made.account_sid}{path}"
        auth = auth or (self.made.account_sid, self.made.auth_token)
        return requests.request(method, self.url + path, auth=auth, timeout=20, **options)

    def operator(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request with the operator's key."""
        headers = {"Authorization": f"Bearer {self.made.operator_key}"}
        return requests.request(method, self.url + path, headers=headers, timeout=20, **options)


@contextmanager
def rest(folder: Path) -> Iterator[Rest]:
    """Serves until the block ends; the second account exists too."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        one, close = asyncio.run_coroutine_threadsafe(_start(folder, loop), loop).result(20)
        try:
            yield one
        finally:
            asyncio.run_coroutine_threadsafe(close(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(folder: Path, loop: asyncio.AbstractEventLoop) -> tuple[Rest, Any]:
    clock, random = SystemClock(), Random(7)
    store = await Store.open(f"sqlite+aiosqlite:///{folder}/api.db", clock, SecretKey(b"test"))
    made = await credentials.ensure(store, folder, random, clock)
    assert made is not None
    now = clock.wall()
    await store.accounts.create(Account(SECOND.account_sid, SECOND.auth_token, "Second", "active", now, now))
    sids = Sids(random)
    engine = FakeEngine(store, sids, clock)
    book = TrunkBook(store, [{"name": "fixed"}], [], {"trunks/fixed": 3}, local=True)
    await book.load()
    fixed = {"name": "fixed", "uris": ["sip:srs@x"]}
    recorders = SiprecBook(store, [fixed], {"siprec_connectors/fixed": 7})
    await recorders.load()
    ledger = Ledger(store.requests, 1000)
    routes = [
        *Accounts(store, clock).routes(),
        *CallerIds(store, Serving(CORE, sids, clock), engine).routes(),
        *CallEvents(store, ledger).routes(),
        *Notifications(store).routes(),
        *Unmade(store).routes(),
        *Numbers(store, sids, clock).routes(),
        *CallMessages(store, engine, sids, clock).routes(),
        *Calls(store, engine, engine).routes(),
        *CallPayments(store, FakePayments(sids, clock, engine.asked), clock).routes(),
        *Siprecs(store, engine.siprecs).routes(),
        *Later(store).routes(),
        *Recordings(store, engine.recorders, clock, folder, lambda: "https://gateway.example").routes(),
        *declared.routes(store, sids, clock),
        Route("/Accounts/{account}/Broken", {"GET": _broken}),
    ]
    admission = Admission(book, NoCarriers(), Challenger("trunkline", random), Gate(book.belongs), clock)
    operator = [
        *Inventory(store).routes(),
        *Connectors(recorders).routes(),
        *Operator(store, book, lambda trunk: {"name": trunk.name}).routes(),
        *Refusals(admission, book).routes(),
        *AccountCeilings(store, Guard(store, clock)).routes(),
        *RecordingFiles(store, folder).routes(),
    ]
    origins: list[str] = []
    site = Site(
        Router(routes), products(store, sids, clock, lambda: origins[0]), Router(operator), Keys(store),
        lambda: (200, {"status": "ok"}), lambda: b"trunkline_calls 0\n",
    )  # fmt: skip
    runner = web.AppRunner(site.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origins.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
    one = Rest(origins[0], made, store, engine, admission, folder, loop)

    async def close() -> None:
        await runner.cleanup()
        await store.close()

    return one, close


async def _broken(request: Request) -> Reply:
    raise RuntimeError("a defect")


def refusal(work: Callable[[], object]) -> tuple[int, int]:
    """HTTP status and Twilio code that the library raises for `work`, which must fail."""
    try:
        work()
    except TwilioRestException as error:
        return error.status, error.code
    except TwilioException as error:  # what it makes of a list that was refused
        answer = error.args[1]
        return answer.status_code, json.loads(answer.text)["code"]
    raise AssertionError("it was not refused")
