"""The composition root: settings become a running gateway, in one visible place."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random

from aiohttp import web

from gateway import listeners, pages, rooms
from gateway.accounts import credentials
from gateway.accounts.credentials import Credentials
from gateway.billing.guard import Guard as Spending
from gateway.calls.addresses import Addresses, joined
from gateway.calls.exchange import Exchange
from gateway.calls.limits import Limits
from gateway.calls.media import Fill, Workers
from gateway.calls.negotiation import MediaSettings
from gateway.calls.recovery import recover
from gateway.calls.services import Services
from gateway.chance import Chance
from gateway.clock import Clock, SystemClock
from gateway.config import Settings
from gateway.gauges import watch
from gateway.listeners import address_of
from gateway.metrics import Metrics
from gateway.numbers.inventory import DEFAULT
from gateway.payments.book import ConnectorBook
from gateway.payments.connectors import Payments
from gateway.phones.admission import DomainAdmission
from gateway.phones.directory import Directory
from gateway.phones.gruus import Gruus
from gateway.phones.logins import Logins
from gateway.phones.phones import Phones
from gateway.sids import Sids
from gateway.siprec.book import SiprecBook
from gateway.speech.cache import AudioCache
from gateway.speech.fetch import AudioFetcher
from gateway.speech.own import OwnRecordings
from gateway.store.keeper import Keeper
from gateway.store.secret import SecretKey
from gateway.trunks.admission import Admission
from gateway.trunks.book import TrunkBook, unknown
from gateway.trunks.carriers import Carriers
from gateway.trunks.certificates import Certificates
from gateway.trunks.gate import Gate
from gateway.trunks.stir import Verifier, load_roots, load_signer
from gateway.webhooks.client import Webhooks
from gateway.webhooks.guard import Guard
from gateway.webhooks.ledger import Ledger
from gateway.webhooks.names import Names
from gateway.webhooks.outbox import Outbox
from gateway.webhooks.transport import AiohttpTransport
from media.packets import best
from sip.challenge import Challenger

LOG = logging.getLogger(__name__)


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
        return address_of(self._site)

    @property
    def operator_address(self) -> str:
        """HOST:PORT of the operator's API, which may be the same."""
        return address_of((self._site, *self._others)[-1])

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
    rooms.make_folder(recordings)
    async with AsyncExitStack() as close:
        close.enter_context(rooms.alone(settings.data))
        secret = SecretKey.load(settings.data)
        store = await rooms.open_store(settings, clock, secret)
        close.push_async_callback(store.close)
        made = await credentials.ensure(store, settings.data, random, clock)
        if made is not None:
            await store.numbers.stock(DEFAULT)
        book = TrunkBook(store, settings.trunks, settings.routes, settings.declared_at, local=settings.loopback_only)
        await book.load()
        if book.local_by_name and not settings.loopback_only:
            LOG.warning("! the trunk `local` is enabled by name: every program of this machine may call in")
        recorders = SiprecBook(store, settings.siprec_connectors, settings.declared_at)
        await recorders.load()
        _warn_of_trunks(book, settings)
        sids, metrics = Sids(random), Metrics()
        exchange = Exchange(Limits(settings.limits.cps, settings.limits.concurrency, settings.limits.of_source))
        alone = settings.http.public_url is None and len(await store.accounts.all()) == 1
        names = Names()
        close.push_async_callback(names.close)
        guard = Guard(settings.webhooks.allow, loopback=alone, lookup=names.lookup)
        transport = AiohttpTransport(edges=settings.webhooks.edges)
        close.push_async_callback(transport.close)
        ledger = Ledger(store.requests, settings.webhooks.kept_requests)
        webhooks = Webhooks(transport, guard, store, sids, clock, ledger)
        connectors = ConnectorBook(store, settings.payment_connectors, settings.declared_at)
        await connectors.load()
        strict = Guard(
            settings.webhooks.allow, lookup=names.lookup
        )  # for what strangers name: this machine is not theirs to look at
        signer = load_signer(settings.stir, settings.public_url, secret.token("origid"))
        own = {signer.url: signer.chain} if signer is not None else {}
        certificates = Certificates(transport, strict, clock, exchange.spawn, own)
        verifier = Verifier(certificates, load_roots(settings.stir), clock)
        cache = AudioCache(settings.data, settings.speech.cache_mb)
        inside = OwnRecordings(store.recordings, recordings, lambda: services.public_url, clock)
        workers = Workers(
            rooms.start_worker(settings),
            settings.media.workers,
            Fill(settings.media.full_busy, settings.media.full_late_ms),
        )
        await workers.open()
        close.push_async_callback(workers.close)
        directory = Directory(store.sip, clock)
        gate = Gate(
            book.belongs, lambda: settings.sip.strangers == "delay" or book.asks_anyone or directory.asks_anyone
        )
        endpoint = await rooms.open_sip(settings, random, exchange, gate)
        close.push_async_callback(endpoint.close)
        endpoint.guard = guard.refuses
        addresses = Addresses(
            endpoint.addresses["udp"], settings.media.rtp_range[0], settings.sip.public_address,
            settings.media.public_address,
        )  # fmt: skip
        carriers = Carriers(book, endpoint, secret.token, clock, addresses.sip_host)
        challenger = Challenger(settings.sip.realm, random, settings.sip.digest)
        admission = Admission(book, carriers, challenger, gate, clock)
        logins = Logins(directory, partial(_challenger, settings, random), admission.gate)
        phones = Phones(
            directory, logins, store.registrations, endpoint, clock, strict, admission, settings.phones.rules,
            Gruus(secret.key("temporary GRUUs"), random), exchange.spawn,
        )  # fmt: skip
        services = Services(
            clock=clock, store=store, webhooks=webhooks, ledger=ledger,
            outbox=Outbox(store, webhooks.deliver, clock, sids), speaker=rooms.speaker(settings, cache, clock),
            audio=AudioFetcher(webhooks, cache, clock, inside), workers=workers, sip=endpoint, trunks=book,
            carriers=carriers, admission=admission, phones=phones,
            payments=Payments(connectors, webhooks, sids),
            domains=DomainAdmission(directory, logins, gate), spending=Spending(store, clock),
            guard=guard, sids=sids, random=random, metrics=metrics,
            media=MediaSettings(settings.media.rtp_range[0], settings.media.codecs),
            recordings_dir=recordings, public_url=settings.public_url, addresses=addresses,
            fallback_twiml=settings.webhooks.fallback_twiml,
            inside_token=sids.token(), spawn=exchange.spawn, drive=exchange.drive, verifier=verifier, signer=signer,
            recorders=recorders,
        )  # fmt: skip
        exchange.services = services
        site, *others = await listeners.open_http(settings, services, exchange, book, endpoint, close)
        gateway = Gateway(settings, services, exchange, site, *others)
        gateway.made = made
        for listener in (site, *others):
            for one in (guard, strict):
                one.add_own((listener.addresses[0][0], listener.addresses[0][1]))
        if settings.http.public_url is None:
            services.public_url = f"{settings.scheme}://{gateway.http_address}"
        watch(metrics, services, exchange, endpoint)
        async with asyncio.TaskGroup() as tasks:
            await phones.load()
            exchange.open(tasks)
            keeper_of_days = Keeper(store, clock, recordings, settings.store.keep_days)
            work = (
                workers.run(),
                workers.watch(),
                services.outbox.run(),
                ledger.run(),
                keeper_of_days.run(),
                carriers.run(),
                phones.run(),
            )
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
                store.hurry()
                for keeper in keepers:
                    keeper.cancel()


def _warn_of_trunks(book: TrunkBook, settings: Settings) -> None:
    """Routes to nowhere, and what trunks want of STIR and cannot have."""
    for prefix, name in unknown(book.trunks, book.routes):
        LOG.warning("! the route %s leads to the trunk %s, which there is not", prefix, name)
    for trunk in book.trunks.values():
        if trunk.verify_identity and settings.stir.roots is None:
            LOG.warning("! trunk %s has verify_identity, but stir.roots is not set: nobody is believed", trunk.name)
        if trunk.attestation is not None and settings.stir.certificate is None:
            LOG.warning("! trunk %s has attestation, but stir.certificate is not set: nothing is signed", trunk.name)


def _challenger(settings: Settings, random: Random, realm: str) -> Challenger:
    """Challenges in the name of a SIP domain."""
    return Challenger(realm, random, settings.phones.digest)


async def serve(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT; the first drains, the second ends at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as gateway:
        _greet(gateway)
        _settle_down()
        await stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, gateway.exchange.end_all, "the gateway stops at once")
        LOG.info("- draining: %d calls", len(gateway.exchange.calls))
        await asyncio.gather(gateway.services.carriers.retire(), gateway.exchange.drain(settings.drain_seconds))
    return 0


def _settle_down() -> None:
    """What is there at the start stays: the collector need not look at it, and it is worth huge pages.

    New things are looked at less often: a call that is over is freed without it (tests/calls hold that).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    pages.for_the_heap()


def _greet(gateway: Gateway) -> None:
    LOG.info(
        "- ready: HTTP on %s, SIP on %s (UDP and TCP), packet I/O %s",
        gateway.http_address, gateway.sip_address, best().name,
    )  # fmt: skip
    if gateway.made is not None and sys.stdout.isatty():
        made = gateway.made
        print(f"account_sid   {made.account_sid}\nauth_token    {made.auth_token}\noperator_key  {made.operator_key}")
        print(f"kept in {os.path.join(gateway.settings.data, 'credentials.json')}", flush=True)
