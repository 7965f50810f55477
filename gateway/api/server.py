"""The aiohttp adaptor: the only file of the API that knows the web framework. It also says who may ask."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import chain
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.accounts.keys import Keys
from gateway.api import bodies, formats
from gateway.api.http import Reply, Request, Router
from gateway.errors import ApiError, not_found
from gateway.metrics import CONTENT_TYPE
from gateway.store.rows import Account
from sip.transport.websocket import WebSockets

LOG = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20
VERSION = "/2010-04-01"
PREFIXES = (f"/api{VERSION}", VERSION)
NUL = "\0"  # that no database takes in a text
CODES = {405: 20004, 413: 20413}  # Twilio's for what the web framework refuses

Answer = Callable[[web.Request], Awaitable[Reply]]


class Site:
    """The HTTP side of the gateway; `products` are those beside the core, by the first part of their paths."""

    def __init__(
        self,
        core: Router,
        products: Mapping[str, Router],
        operator: Router,
        keys: Keys,
        health: Callable[[], tuple[int, dict[str, Any]]],
        metrics: Callable[[], bytes],
        sip: WebSockets | None = None,
        public: Mapping[str, Reply] | None = None,
    ) -> None:
        self._core = core
        self._products = products
        self._operator = operator
        self._keys = keys
        self._health = health
        self._metrics = metrics
        self._sip = sip
        self._public = public or {}

    def application(self, *, core: bool = True, operator: bool = True) -> web.Application:
        """What one listener serves: the core API, the operator's API with the metrics, or all of it."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_get("/health", self._serve_health)
        if operator:
            app.router.add_get("/metrics", self._serve_metrics)
            app.router.add_route("*", "/operator/v1/{path:.*}", _serving(self._operator_answer))
        if core:
            if self._sip is not None:
                app.router.add_get("/sip", self._sip.serve)
                app.on_shutdown.append(self._sip.shutdown)
            for path, reply in self._public.items():
                app.router.add_get(path, _serving(partial(_given, reply)))
            for prefix in PREFIXES:
                app.router.add_route("*", f"{prefix}/{{path:.*}}", _serving(self._core_answer, prefix))
            for name in self._products:
                app.router.add_route("*", f"/{name}{{path:/.*}}", _serving(partial(self._product_answer, name)))
            app.router.add_route("*", r"/{version:v\d+}/{rest:.*}", _serving(self._by_host))
        app.router.add_route("*", "/{path:.*}", _serving(_nowhere))
        return app

    async def _serve_health(self, request: web.Request) -> web.Response:
        status, body = self._health()
        return web.json_response(body, status=status)

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def _operator_answer(self, request: web.Request) -> Reply:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not await self._keys.operator(key):
            raise ApiError(401, 20003, "Authenticate with the operator key as bearer token")
        path = request.rel_url.raw_path
        serve, variables = self._operator.find(request.method, path)
        return await serve(await _read(request, path, variables, None))

    async def _core_answer(self, request: web.Request) -> Reply:
        account = await self._who(request)
        path = request.rel_url.raw_path.partition(VERSION)[2]
        bare = path.removesuffix(formats.ending_of(path)).rstrip("/")
        serve, variables = self._core.find(request.method, bare, request.path)
        if variables.get("account", account.account_sid) != account.account_sid:
            raise not_found(request.path)
        return await serve(await _read(request, f"{VERSION}{path}", variables, account))

    async def _product_answer(self, name: str, request: web.Request) -> Reply:
        return await self._of_product(name, request.rel_url.raw_path.removeprefix(f"/{name}"), request)

    async def _by_host(self, request: web.Request) -> Reply:
        """`trunking.gateway.example/v1/…` is `/trunking/v1/…`."""
        name = request.host.partition(".")[0].lower()
        if name not in self._products:
            raise not_found(request.path)
        return await self._of_product(name, request.rel_url.raw_path, request)

    async def _of_product(self, name: str, path: str, request: web.Request) -> Reply:
        account = await self._who(request)
        serve, variables = self._products[name].find(request.method, path.rstrip("/"))
        return await serve(await _read(request, f"/{name}{path}", variables, account))

    async def _who(self, request: web.Request) -> Account:
        user, password = _basic(request.headers.get("Authorization", ""))
        account = await self._keys.account(user, password)
        if account is None:
            raise ApiError(401, 20003, "Authenticate")
        return account


def _basic(header: str) -> tuple[str, str]:
    """User and password of HTTP Basic (RFC 7617); both empty, which is nobody, where there are none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = b64decode(encoded.encode(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (user, password) if NUL not in user else ("", "")


async def _given(reply: Reply, request: web.Request) -> Reply:
    return reply


async def _nowhere(request: web.Request) -> Reply:
    raise not_found(request.path)


def _serving(answer: Answer, prefix: str = "") -> Callable[[web.Request], Awaitable[web.Response]]:
    """`answer` with every failure as an answer, in the format that the path asks for."""

    async def serve(request: web.Request) -> web.Response:
        try:
            reply = await answer(request)
        except ApiError as error:
            reply = _refused(error)
        except web.HTTPException as error:
            reply = _refused(ApiError(error.status, CODES.get(error.status, 20001), error.reason))
        except Exception:
            LOG.exception("! %s %s failed", request.method, request.path)
            reply = _refused(ApiError(500, 20500, "Internal server error"))
        return _response(reply, formats.ending_of(request.path) if prefix else ".json")

    return serve


def _refused(error: ApiError) -> Reply:
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if error.status == 401 else {}
    return Reply(error.status, error.body(), "RestException", headers={**headers, **error.headers})


async def _read(request: web.Request, path: str, variables: dict[str, str], account: Account | None) -> Request:
    fields: dict[str, list[str]] = {}
    for name, value in request.query.items():
        fields.setdefault(name, []).append(value)
    body = None
    if request.method in ("POST", "PUT"):
        try:
            posted, body = bodies.parsed(await request.read(), request.headers.get("Content-Type", ""))
        except (*bodies.UNREADABLE, HttpProcessingError, web.RequestPayloadError):
            raise ApiError(400, 20001, f"the body is not {request.content_type}") from None
        for name, value in posted:
            fields.setdefault(name, []).append(value)
    if any(NUL in text for text in chain(variables.values(), *fields.values())):
        raise ApiError(400, 20001, "a parameter has a NUL character")
    return Request(request.method, path, variables, fields, body, account, request.headers)


def _response(reply: Reply, ending: str) -> web.Response:
    if reply.status == 204:
        return web.Response(status=204)
    body, content_type = reply.body, reply.content_type
    if reply.json is not None:
        body, content_type = formats.written(reply.json, reply.name, ending)
    return web.Response(status=reply.status, body=body, content_type=content_type, headers=reply.headers)
