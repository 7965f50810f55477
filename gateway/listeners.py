"""The HTTP listeners: the REST API, and the operator's where it has one of its own."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack

from aiohttp import web

from gateway.accounts.keys import Keys
from gateway.api import misread
from gateway.api.http import Reply, Router
from gateway.api.operator.accounts import AccountCeilings
from gateway.api.operator.callbacks import Callbacks
from gateway.api.operator.captures import CallCaptures
from gateway.api.operator.connectors import Connectors
from gateway.api.operator.numbers import Inventory
from gateway.api.operator.recordings import RecordingFiles
from gateway.api.operator.refusals import Refusals
from gateway.api.operator.registrations import Registrations
from gateway.api.operator.requests import SentRequests
from gateway.api.operator.resources import Operator
from gateway.api.products import products
from gateway.api.server import Site
from gateway.calls.addresses import joined
from gateway.calls.captures.capture import Bounds, Captures
from gateway.calls.exchange import Exchange
from gateway.calls.services import Services
from gateway.config import ConfigError, Settings
from gateway.core_routes import core_routes
from gateway.sections import host_port
from gateway.trunks.book import TrunkBook
from gateway.trunks.stir import CONTENT_TYPE
from sip.transport.endpoint import Endpoint
from sip.transport.newcomers import Newcomers
from sip.transport.tls import Contexts, TlsFiles
from sip.transport.websocket import Site as GuardedSite


async def open_http(
    settings: Settings,
    services: Services,
    exchange: Exchange,
    book: TrunkBook,
    endpoint: Endpoint,
    close: AsyncExitStack,
) -> list[web.AppRunner]:
    """The listener of the REST API, and the operator's where it has one of its own."""
    store, clock = services.store, services.clock
    captures = open_captures(settings, services, exchange, endpoint)
    close.callback(captures.close)
    site = Site(
        Router(core_routes(services, exchange)),
        products(store, services.sids, clock, lambda: services.public_url),
        Router(
            [
                *Inventory(store).routes(),
                *Connectors(services.payments.book).routes(),
                *Operator(store, book, services.carriers.status).routes(),
                *Connectors(services.recorders).routes(),
                *Refusals(services.admission, book).routes(),
                *AccountCeilings(store, services.spending).routes(),
                *Registrations(services.phones, clock).routes(),
                *CallCaptures(captures).routes(),
                *Callbacks(store.outbox, services.outbox.kick).routes(),
                *SentRequests(store.requests, services.ledger).routes(),
                *RecordingFiles(store, services.recordings_dir).routes(),
            ]
        ),
        Keys(store),
        lambda: _health(exchange),
        services.metrics.text,
        endpoint.websockets,
        _public(services),
    )
    tls, newcomers = tls_context(settings), endpoint.connections.newcomers
    if settings.http.operator is None:
        return [await _listen("http.listen", settings.http.listen, site.application(), tls, newcomers, close)]
    return [
        await _listen("http.listen", settings.http.listen, site.application(operator=False), tls, newcomers, close),
        await _listen("http.operator", settings.http.operator, site.application(core=False), tls, newcomers, close),
    ]


def open_captures(settings: Settings, services: Services, exchange: Exchange, endpoint: Endpoint) -> Captures:
    """Nothing is captured yet."""
    wanted = settings.capture
    bounds = Bounds(wanted.seconds, wanted.leg_mb << 20, wanted.calls, wanted.keep_seconds, wanted.recent_mb << 20)
    folder = settings.data / "captures"
    try:
        return Captures(endpoint, services.legs, exchange.calls, services.clock, folder, bounds)
    except OSError as error:
        raise ConfigError(f"data {folder}: {error.strerror}") from error


def _health(exchange: Exchange) -> tuple[int, dict[str, str]]:
    """200 while calls are taken."""
    if exchange.ready and not exchange.draining:
        return 200, {"status": "ok"}
    return 503, {"status": "draining" if exchange.draining else "starting"}


def _public(services: Services) -> dict[str, Reply]:
    """What anybody may read: the certificate that our signatures name. Its path changes with it, so it may be kept."""
    if services.signer is None:
        return {}
    headers = {"Cache-Control": "public, max-age=86400"}
    reply = Reply(body=services.signer.pem, content_type=CONTENT_TYPE, headers=headers)
    return {services.signer.path: reply}


async def _listen(
    name: str, address: str, app: web.Application, tls: ssl.SSLContext | None, newcomers: Newcomers,
    close: AsyncExitStack,
) -> web.AppRunner:  # fmt: skip
    runner = web.AppRunner(app, access_log=None, logger=misread.logger())
    await runner.setup()
    close.push_async_callback(runner.cleanup)
    try:
        await GuardedSite(runner, newcomers, *host_port(address), tls).start()
    except OSError as error:
        raise ConfigError(f"{name} {address}: {error.strerror}") from error
    return runner


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The certificate of both listeners, where one is set; it is read again when its files change."""
    certificate, key = settings.http.tls_cert, settings.http.tls_key
    if certificate is None or key is None:
        return None
    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigError(f"http.{name} {path}: {error.strerror}") from error
    try:
        return Contexts(TlsFiles(certificate, key)).server(ask=False)
    except ssl.SSLError as error:
        raise ConfigError(f"http.tls_cert {certificate} and http.tls_key {key}: {error.reason or error}") from error


def address_of(listener: web.AppRunner) -> str:
    host, port = listener.addresses[0][:2]
    return joined(host, port)
