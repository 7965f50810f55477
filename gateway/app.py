"""The composition root: settings become a running gateway, in one visible place."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random, SystemRandom
from typing import Any

from aiohttp import web

from gateway.accounts import credentials
from gateway.accounts.credentials import Credentials, Keys
from gateway.api.core.accounts import Accounts
from gateway.api.core.calls import Calls
from gateway.api.core.numbers import Numbers
from gateway.api.core.recordings import Recordings
from gateway.api.http import Router
from gateway.api.operator.resources import Operator
from gateway.api.server import Site
from gateway.calls.exchange import Exchange
from gateway.calls.leg import MediaSettings
from gateway.calls.media import Link, Workers
from gateway.calls.recovery import recover
from gateway.calls.services import Services
from gateway.clock import Clock, SystemClock
from gateway.config import SIP_TRANSPORTS, ConfigError, Settings, host_port
from gateway.metrics import Metrics, open_fds
from gateway.numbers.inventory import DEFAULT
from gateway.sids import Sids
from gateway.speech.cache import AudioCache
from gateway.speech.errors import SpeechError
from gateway.speech.fetch import AudioFetcher
from gateway.speech.own import OwnRecordings
from gateway.speech.speaker import Speaker, engine
from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.book import TrunkBook
from gateway.webhooks.client import Webhooks
from gateway.webhooks.guard import Guard
from gateway.webhooks.outbox import Outbox
from gateway.webhooks.transport import AiohttpTransport
from media.events import Event as MediaEvent
from media.link import WorkerLink
from media.worker import WorkerSettings
from sip.agent import Agent
from sip.transport.endpoint import Endpoint
from sip.transport.tls import TlsFiles

LOG = logging.getLogger(__name__)


class Gateway:
    """A running gateway, as its owner sees it."""

    def __init__(self, settings: Settings, services: Services, exchange: Exchange, site: web.AppRunner) -> None:
        self.settings = settings
        self.services = services
        self.exchange = exchange
        self.made: Credentials | None = None  # at the first start only
        self._site = site

    @property
    def http_address(self) -> str:
        """HOST:PORT of the REST API."""
        host, port = self._site.addresses[0][:2]
        return f"{host}:{port}"

    @property
    def sip_address(self) -> str:
        """HOST:PORT of SIP."""
        return self.services.sip_host


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    """Opens all rooms in order, recovers, and closes in reverse; ConfigError for what cannot be opened."""
    clock = clock or SystemClock()
    random = SystemRandom()
    settings.data.mkdir(parents=True, exist_ok=True)
    recordings = settings.data / "recordings"
    recordings.mkdir(exist_ok=True)
    async with AsyncExitStack() as close:
        store = await Store.open(settings.database_url, clock, SecretKey.load(settings.data), settings.store.durability)
        close.push_async_callback(store.close)
        made = await credentials.ensure(store, settings.data, random, clock)
        await store.numbers.stock(DEFAULT)
        book = TrunkBook(store, settings.trunks, settings.routes, settings.declared_at, local=settings.loopback_only)
        await book.load()
        sids, metrics, exchange = Sids(random), Metrics(), Exchange()
        guard = Guard(settings.webhooks.allow, loopback=settings.http.public_url is None)
        transport = AiohttpTransport()
        close.push_async_callback(transport.close)
        webhooks = Webhooks(transport, guard, store, sids)
        cache = AudioCache(settings.data, settings.speech.cache_mb)
        inside = OwnRecordings(store.recordings, recordings, lambda: services.public_url, clock)
        workers = Workers(_start_worker(settings), settings.media.workers)
        await workers.open()
        close.push_async_callback(workers.close)
        endpoint = await _open_sip(settings, random, exchange)
        close.push_async_callback(endpoint.close)
        host, port = endpoint.addresses["udp"]
        services = Services(
            clock=clock, store=store, webhooks=webhooks, outbox=Outbox(store, webhooks.deliver, clock),
            speaker=_speaker(settings, cache, clock),
            audio=AudioFetcher(webhooks, cache, clock, inside), workers=workers, sip=endpoint, trunks=book, guard=guard,
            sids=sids, random=random, metrics=metrics,
            media=MediaSettings(settings.media.public_address or settings.media.rtp_range[0], settings.media.codecs),
            recordings_dir=recordings, public_url=settings.public_url, sip_host=f"{host}:{port}",
            inside_token=sids.token(), spawn=exchange.spawn,
        )  # fmt: skip
        exchange.services = services
        site = await _open_http(settings, services, exchange, book, endpoint, close)
        gateway = Gateway(settings, services, exchange, site)
        gateway.made = made
        guard.add_own((site.addresses[0][0], site.addresses[0][1]))
        if settings.http.public_url is None:
            services.public_url = f"http://{gateway.http_address}"
        _watch(metrics, services, exchange, endpoint)
        async with asyncio.TaskGroup() as tasks:
            exchange.open(tasks)
            keepers = [tasks.create_task(workers.run()), tasks.create_task(services.outbox.run())]
            await recover(services)
            exchange.ready = True
            try:
                yield gateway
            finally:
                exchange.ready = False
                await exchange.drain(0.0)
                for keeper in keepers:
                    keeper.cancel()


def _speaker(settings: Settings, cache: AudioCache, clock: Clock) -> Speaker:
    try:
        return Speaker(cache, clock, engine(settings.speech.engine))
    except SpeechError as error:
        raise ConfigError(f"speech.engine: {error}") from error


def _start_worker(settings: Settings) -> Callable[..., Any]:
    """How the pool starts worker number n: each has its share of the RTP ports."""
    host, first, last = settings.media.rtp_range
    share = (last - first + 1) // settings.media.workers

    async def start(number: int, on_events: Callable[[list[MediaEvent]], None], on_lost: Callable[[str], None]) -> Link:
        start_port = first + number * share
        worker = WorkerSettings(
            str(settings.data.absolute()), host, start_port, start_port + share - 1, settings.media.idle_seconds
        )
        return await WorkerLink.start(worker, on_events, on_lost)

    return start


async def _open_sip(settings: Settings, random: Random, exchange: Exchange) -> Endpoint:
    sip = settings.sip
    advertised = dict.fromkeys(SIP_TRANSPORTS, (sip.public_address, 0)) if sip.public_address else {}
    agent = Agent(random, advertised=advertised)
    files = TlsFiles(sip.tls_cert, sip.tls_key, sip.tls_ca)
    try:
        return await Endpoint.open(agent, sip.listeners, exchange.hear, files, sip.nameservers)
    except OSError as error:
        raise ConfigError(f"sip: cannot listen on {sip.listen} and the other listeners: {error}") from error


async def _open_http(
    settings: Settings,
    services: Services,
    exchange: Exchange,
    book: TrunkBook,
    endpoint: Endpoint,
    close: AsyncExitStack,
) -> web.AppRunner:
    store, clock = services.store, services.clock
    core = [
        *Accounts(store, clock).routes(),
        *Numbers(store, services.sids, clock).routes(),
        *Calls(store, exchange).routes(),
        *Recordings(store, clock, services.recordings_dir, settings.public_url).routes(),
    ]
    site = Site(
        Router(core),
        Router(Operator(store, book).routes()),
        Keys(store),
        lambda: (200, {"status": "ok"}) if exchange.ready and not exchange.draining else (503, {"status": "draining"}),
        services.metrics.text,
        endpoint.websockets,
    )
    runner = web.AppRunner(site.application(), access_log=None)
    await runner.setup()
    close.push_async_callback(runner.cleanup)
    host, port = host_port(settings.http.listen)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigError(f"http.listen {settings.http.listen}: {error.strerror}") from error
    return runner


def _watch(metrics: Metrics, services: Services, exchange: Exchange, endpoint: Endpoint) -> None:
    agent = endpoint.agent
    metrics.watch(
        {
            "calls": ("Living calls", lambda: len(exchange.calls)),
            "ports_in_use": ("Media ports taken", lambda: services.workers.ports_in_use),
            "dialogs": ("SIP dialogs", lambda: agent.dialogs),
            "transactions": ("SIP transactions", lambda: agent.transactions),
            "sip_connections": ("SIP connections (TCP, TLS, WebSocket)", lambda: len(endpoint.connections)),
            "tasks": ("Tasks of the event loop", lambda: len(asyncio.all_tasks())),
            "outbox_pending": ("Callbacks to deliver", lambda: services.outbox.pending),
            "open_fds": ("Open files of the control process", open_fds),
            "worker_restarts": ("Media workers that were replaced", lambda: services.workers.restarts),
        }
    )


async def serve(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT; the first drains, the second ends at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as gateway:
        _greet(gateway)
        await stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, gateway.exchange.end_all, "the gateway stops at once")
        LOG.info("- draining: %d calls", len(gateway.exchange.calls))
        await gateway.exchange.drain(settings.drain_seconds)
    return 0


def _greet(gateway: Gateway) -> None:
    LOG.info("- ready: HTTP on %s, SIP on %s (UDP and TCP)", gateway.http_address, gateway.sip_address)
    if gateway.made is not None and sys.stdout.isatty():
        made = gateway.made
        print(f"account_sid   {made.account_sid}\nauth_token    {made.auth_token}\noperator_key  {made.operator_key}")
        print(f"kept in {os.path.join(gateway.settings.data, 'credentials.json')}", flush=True)
