"""The composition root: settings become a running gateway, in one visible place."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from gateway.accounts import credentials
from gateway.accounts.credentials import Credentials
from gateway.accounts.keys import Keys
from gateway.api.core import sip
from gateway.api.core.accounts import Accounts
from gateway.api.core.calls import Calls
from gateway.api.core.numbers import Numbers
from gateway.api.core.recordings import Recordings
from gateway.api.http import Reply, Router
from gateway.api.operator.accounts import AccountCeilings
from gateway.api.operator.refusals import Refusals
from gateway.api.operator.registrations import Registrations
from gateway.api.operator.resources import Operator
from gateway.api.products import products
from gateway.api.server import Site
from gateway.billing.guard import Guard as Spending
from gateway.calls.addresses import Addresses, joined
from gateway.calls.exchange import Exchange
from gateway.calls.limits import Limits
from gateway.calls.media import Link, Workers
from gateway.calls.negotiation import MediaSettings
from gateway.calls.recovery import recover
from gateway.calls.services import Services
from gateway.chance import Chance
from gateway.clock import Clock, SystemClock
from gateway.config import SIP_TRANSPORTS, ConfigError, Settings, host_port
from gateway.metrics import Metrics, open_fds
from gateway.numbers.inventory import DEFAULT
from gateway.phones.admission import DomainAdmission
from gateway.phones.directory import Directory
from gateway.phones.logins import Logins
from gateway.phones.phones import Phones
from gateway.sids import Sids
from gateway.speech.cache import AudioCache
from gateway.speech.errors import SpeechError
from gateway.speech.fetch import AudioFetcher
from gateway.speech.own import OwnRecordings
from gateway.speech.speaker import Speaker, engine
from gateway.store import Store
from gateway.store.keeper import Keeper
from gateway.store.secret import SecretKey
from gateway.trunks.admission import Admission
from gateway.trunks.book import TrunkBook
from gateway.trunks.carriers import Carriers
from gateway.trunks.certificates import Certificates
from gateway.trunks.gate import Gate
from gateway.trunks.stir import CONTENT_TYPE, Verifier, load_roots, load_signer
from gateway.webhooks.client import Webhooks
from gateway.webhooks.guard import Guard
from gateway.webhooks.outbox import Outbox
from gateway.webhooks.transport import AiohttpTransport
from media.events import Event as MediaEvent
from media.link import WorkerLink
from media.worker import WorkerSettings
from sip.agent import Agent
from sip.challenge import Challenger
from sip.transport.endpoint import Endpoint
from sip.transport.tls import TlsFiles

LOG = logging.getLogger(__name__)

GATHERING = 0.005  # seconds that a write waits for others, to be committed with them


class Gateway:
    """A running gateway, as its owner sees it."""

    def __init__(
        self, settings: Settings, services: Services, exchange: Exchange, site: web.AppRunner, *others: web.AppRunner
    ) -> None:
        self.settings = settings
        self.services = services
        self.exchange = exchange
        self.made: Credentials | None = None  # at the first start only
        self._site = site
        self._others = others

    @property
    def http_address(self) -> str:
        """HOST:PORT of the REST API."""
        return _address(self._site)

    @property
    def operator_address(self) -> str:
        """HOST:PORT of the operator's API, which may be the same."""
        return _address((self._site, *self._others)[-1])

    @property
    def sip_address(self) -> str:
        """HOST:PORT of SIP."""
        return joined(*self.services.addresses.sip)


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    """Opens all rooms in order, recovers, and closes in reverse; ConfigError for what cannot be opened."""
    clock = clock or SystemClock()
    random = Chance()
    recordings = settings.data / "recordings"
    _make(recordings)
    async with AsyncExitStack() as close:
        secret = SecretKey.load(settings.data)
        store = await _open_store(settings, clock, secret)
        close.push_async_callback(store.close)
        made = await credentials.ensure(store, settings.data, random, clock)
        await store.numbers.stock(DEFAULT)
        book = TrunkBook(store, settings.trunks, settings.routes, settings.declared_at, local=settings.loopback_only)
        await book.load()
        if book.local_by_name and not settings.loopback_only:
            LOG.warning("! the trunk `local` is enabled by name: every program of this machine may call in")
        _warn_of_identity(book, settings)
        sids, metrics = Sids(random), Metrics()
        exchange = Exchange(Limits(settings.limits.cps, settings.limits.concurrency))
        alone = settings.http.public_url is None and len(await store.accounts.all()) == 1
        guard = Guard(settings.webhooks.allow, loopback=alone)
        transport = AiohttpTransport()
        close.push_async_callback(transport.close)
        webhooks = Webhooks(transport, guard, store, sids)
        strict = Guard(settings.webhooks.allow)  # for what strangers name: this machine is not theirs to look at
        signer = load_signer(settings.stir, settings.public_url, secret.token("origid"))
        own = {signer.url: signer.chain} if signer is not None else {}
        certificates = Certificates(transport, strict, clock, exchange.spawn, own)
        verifier = Verifier(certificates, load_roots(settings.stir), clock)
        cache = AudioCache(settings.data, settings.speech.cache_mb)
        inside = OwnRecordings(store.recordings, recordings, lambda: services.public_url, clock)
        workers = Workers(_start_worker(settings), settings.media.workers)
        await workers.open()
        close.push_async_callback(workers.close)
        directory = Directory(store.sip, clock)
        gate = Gate(
            book.belongs, lambda: settings.sip.strangers == "delay" or book.asks_anyone or directory.asks_anyone
        )
        endpoint = await _open_sip(settings, random, exchange, gate)
        close.push_async_callback(endpoint.close)
        addresses = Addresses(
            endpoint.addresses["udp"], settings.media.rtp_range[0], settings.sip.public_address,
            settings.media.public_address,
        )  # fmt: skip
        carriers = Carriers(book, endpoint, secret.token, clock, addresses.sip_host)
        challenger = Challenger(settings.sip.realm, random, settings.sip.digest)
        admission = Admission(book, carriers, challenger, gate, clock)
        logins = Logins(directory, partial(_challenger, settings, random))
        phones = Phones(
            directory, logins, store.registrations, endpoint, clock, strict, admission, settings.phones.rules,
            exchange.spawn,
        )  # fmt: skip
        services = Services(
            clock=clock, store=store, webhooks=webhooks, outbox=Outbox(store, webhooks.deliver, clock),
            speaker=_speaker(settings, cache, clock),
            audio=AudioFetcher(webhooks, cache, clock, inside), workers=workers, sip=endpoint, trunks=book,
            carriers=carriers, admission=admission, phones=phones,
            domains=DomainAdmission(directory, logins, gate), spending=Spending(store, clock),
            guard=guard, sids=sids, random=random, metrics=metrics,
            media=MediaSettings(settings.media.rtp_range[0], settings.media.codecs),
            recordings_dir=recordings, public_url=settings.public_url, addresses=addresses,
            inside_token=sids.token(), spawn=exchange.spawn, drive=exchange.drive, verifier=verifier, signer=signer,
        )  # fmt: skip
        exchange.services = services
        site, *others = await _open_http(settings, services, exchange, book, endpoint, close)
        gateway = Gateway(settings, services, exchange, site, *others)
        gateway.made = made
        for listener in (site, *others):
            for one in (guard, strict):
                one.add_own((listener.addresses[0][0], listener.addresses[0][1]))
        if settings.http.public_url is None:
            services.public_url = f"{settings.scheme}://{gateway.http_address}"
        _watch(metrics, services, exchange, endpoint)
        async with asyncio.TaskGroup() as tasks:
            await phones.load()
            exchange.open(tasks)
            keeper_of_days = Keeper(store, clock, recordings, settings.store.keep_days)
            work = (workers.run(), services.outbox.run(), keeper_of_days.run(), carriers.run(), phones.run())
            keepers = [tasks.create_task(one) for one in work]
            if settings.sip.strangers == "silence":
                keepers.append(tasks.create_task(directory.watch()))
            await recover(services)
            exchange.ready = True
            try:
                yield gateway
            finally:
                exchange.ready = False
                await asyncio.gather(carriers.retire(), exchange.drain(0.0))
                for keeper in keepers:
                    keeper.cancel()


def _warn_of_identity(book: TrunkBook, settings: Settings) -> None:
    """What trunks want of STIR and cannot have."""
    for trunk in book.trunks.values():
        if trunk.verify_identity and settings.stir.roots is None:
            LOG.warning("! trunk %s has verify_identity, but stir.roots is not set: nobody is believed", trunk.name)
        if trunk.attestation is not None and settings.stir.certificate is None:
            LOG.warning("! trunk %s has attestation, but stir.certificate is not set: nothing is signed", trunk.name)


def _challenger(settings: Settings, random: Random, realm: str) -> Challenger:
    """Challenges in the name of a SIP domain."""
    return Challenger(realm, random, settings.phones.digest)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"data {folder}: {error.strerror}") from error


async def _open_store(settings: Settings, clock: Clock, secret: SecretKey) -> Store:
    try:
        return await Store.open(settings.database_url, clock, secret, settings.store.durability, GATHERING)
    except (SQLAlchemyError, OSError, ImportError) as error:
        first_line = str(error).partition("\n")[0]
        raise ConfigError(f"store.url: the database cannot be opened: {first_line}") from error


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


async def _open_sip(settings: Settings, random: Random, exchange: Exchange, gate: Gate) -> Endpoint:
    sip = settings.sip
    advertised = dict.fromkeys(SIP_TRANSPORTS, (sip.public_address, 0)) if sip.public_address else {}
    agent = Agent(random, advertised=advertised, registrar=True)
    files = TlsFiles(sip.tls_cert, sip.tls_key, sip.tls_ca)
    try:
        return await Endpoint.open(agent, sip.listeners, exchange.hear, files, sip.nameservers, screen=gate)
    except OSError as error:
        raise ConfigError(f"sip: cannot listen on {sip.listen} and the other listeners: {error}") from error


async def _open_http(
    settings: Settings,
    services: Services,
    exchange: Exchange,
    book: TrunkBook,
    endpoint: Endpoint,
    close: AsyncExitStack,
) -> list[web.AppRunner]:
    """The listener of the REST API, and the operator's where it has one of its own."""
    store, clock = services.store, services.clock
    core = [
        *Accounts(store, clock).routes(),
        *Numbers(store, services.sids, clock).routes(),
        *Calls(store, exchange).routes(),
        *Recordings(store, clock, services.recordings_dir, lambda: services.public_url).routes(),
        *sip.routes(store, services.sids, clock),
    ]
    site = Site(
        Router(core),
        products(store, services.sids, clock, lambda: services.public_url),
        Router(
            [
                *Operator(store, book, services.carriers.status).routes(),
                *Refusals(services.admission, book).routes(),
                *AccountCeilings(store, services.spending).routes(),
                *Registrations(services.phones, clock).routes(),
            ]
        ),
        Keys(store),
        lambda: (200, {"status": "ok"}) if exchange.ready and not exchange.draining else (503, {"status": "draining"}),
        services.metrics.text,
        endpoint.websockets,
        _public(services),
    )
    tls = _tls(settings)
    if settings.http.operator is None:
        return [await _listen("http.listen", settings.http.listen, site.application(), tls, close)]
    return [
        await _listen("http.listen", settings.http.listen, site.application(operator=False), tls, close),
        await _listen("http.operator", settings.http.operator, site.application(core=False), tls, close),
    ]


def _public(services: Services) -> dict[str, Reply]:
    """What anybody may read: the certificate that our signatures name. Its path changes with it, so it may be kept."""
    if services.signer is None:
        return {}
    headers = {"Cache-Control": "public, max-age=86400"}
    reply = Reply(body=services.signer.pem, content_type=CONTENT_TYPE, headers=headers)
    return {services.signer.path: reply}


async def _listen(
    name: str, address: str, app: web.Application, tls: ssl.SSLContext | None, close: AsyncExitStack
) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    close.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, *host_port(address), ssl_context=tls).start()
    except OSError as error:
        raise ConfigError(f"{name} {address}: {error.strerror}") from error
    return runner


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """The certificate of both listeners, where one is set."""
    certificate, key = settings.http.tls_cert, settings.http.tls_key
    if certificate is None or key is None:
        return None
    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigError(f"http.{name} {path}: {error.strerror}") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")  # an encrypted key is an error, not a question
    except ssl.SSLError as error:
        raise ConfigError(f"http.tls_cert {certificate} and http.tls_key {key}: {error.reason or error}") from error
    return context


def _address(listener: web.AppRunner) -> str:
    host, port = listener.addresses[0][:2]
    return joined(host, port)


def _watch(metrics: Metrics, services: Services, exchange: Exchange, endpoint: Endpoint) -> None:
    agent = endpoint.agent
    metrics.watch(
        {
            "calls": ("Living calls", lambda: len(exchange.calls)),
            "ports_in_use": ("Media ports taken", lambda: services.workers.ports_in_use),
            "dialogs": ("SIP dialogs", lambda: agent.dialogs),
            "transactions": ("SIP transactions", lambda: agent.transactions),
            "sip_connections": ("SIP connections (TCP, TLS, WebSocket)", lambda: len(endpoint.connections)),
            "targets_down": ("Targets of trunks that do not answer", lambda: len(services.carriers.down)),
            "registrations_missing": ("Trunks that should be registered and are not", services.carriers.missing),
            "strangers_shut_out": ("Sources that are not read any more", services.admission.shut_out),
            "refusals": ("Requests that were refused since the start", lambda: services.admission.refusals.total),
            "registrations": ("Addresses of record that phones are registered for", lambda: len(services.phones)),
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
        _spare_collections()
        await stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, gateway.exchange.end_all, "the gateway stops at once")
        LOG.info("- draining: %d calls", len(gateway.exchange.calls))
        await asyncio.gather(gateway.services.carriers.retire(), gateway.exchange.drain(settings.drain_seconds))
    return 0


def _spare_collections() -> None:
    """What is there at the start stays, so the collector need not look at it; new things it looks at less often.

    Not much less: an ended session is a cycle, and one that lasted waits for the collection of the oldest.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 5, 5)


def _greet(gateway: Gateway) -> None:
    LOG.info("- ready: HTTP on %s, SIP on %s (UDP and TCP)", gateway.http_address, gateway.sip_address)
    if gateway.made is not None and sys.stdout.isatty():
        made = gateway.made
        print(f"account_sid   {made.account_sid}\nauth_token    {made.auth_token}\noperator_key  {made.operator_key}")
        print(f"kept in {os.path.join(gateway.settings.data, 'credentials.json')}", flush=True)
