"""The aiohttp adaptor: the only file of the API that knows the web framework. It also says who may ask."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import BasicAuth, web

from gateway.accounts.credentials import Keys
from gateway.api.http import Reply, Request, Router
from gateway.errors import ApiError, not_found
from gateway.store.rows import Account
from sip.transport.websocket import WebSockets

LOG = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20
PREFIXES = ("/api/2010-04-01", "/2010-04-01")


class Site:
    """The HTTP side of the gateway."""

    def __init__(
        self,
        core: Router,
        operator: Router,
        keys: Keys,
        health: Callable[[], tuple[int, dict[str, Any]]],
        metrics: Callable[[], bytes],
        sip: WebSockets | None = None,
    ) -> None:
        self._core = core
        self._operator = operator
        self._keys = keys
        self._health = health
        self._metrics = metrics
        self._sip = sip

    def application(self) -> web.Application:
        """All of it."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_get("/health", self._serve_health)
        app.router.add_get("/metrics", self._serve_metrics)
        if self._sip is not None:
            app.router.add_get("/sip", self._sip.serve)
            app.on_shutdown.append(self._sip.shutdown)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve_health(self, request: web.Request) -> web.Response:
        status, body = self._health()
        return web.json_response(body, status=status)

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), content_type="text/plain", charset="utf-8")

    async def _serve(self, request: web.Request) -> web.Response:
        try:
            reply = await self._answer(request)
        except ApiError as error:
            headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if error.status == 401 else {}
            reply = Reply(error.status, error.body(), headers=headers)
        except web.HTTPException as error:
            reply = Reply(error.status, ApiError(error.status, 20001, error.reason).body())
        except Exception:
            LOG.exception("! %s %s failed", request.method, request.path)
            reply = Reply(500, ApiError(500, 20500, "Internal server error").body())
        return _response(reply)

    async def _answer(self, request: web.Request) -> Reply:
        path = request.path
        if path.startswith("/operator/v1/"):
            scheme, _, key = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not await self._keys.operator(key):
                raise ApiError(401, 20003, "Authenticate with the operator key as bearer token")
            serve, variables = self._operator.find(request.method, path)
            return await serve(await _read(request, path, variables, None))
        for prefix in PREFIXES:
            if path.startswith(f"{prefix}/"):
                return await self._core_answer(request, path.removeprefix(prefix))
        raise not_found(path)

    async def _core_answer(self, request: web.Request, path: str) -> Reply:
        account = await self._who(request)
        if path.endswith(".xml"):
            raise ApiError(406, 20001, "XML answers are not supported by this version: ask for .json")
        serve, variables = self._core.find(request.method, path.removesuffix(".json").rstrip("/"))
        if variables.get("account", account.account_sid) != account.account_sid:
            raise not_found(request.path)
        return await serve(await _read(request, f"/2010-04-01{path}", variables, account))

    async def _who(self, request: web.Request) -> Account:
        try:
            basic = BasicAuth.decode(request.headers.get("Authorization", ""))
        except ValueError:
            raise ApiError(401, 20003, "Authenticate") from None
        account = await self._keys.account(basic.login, basic.password)
        if account is None:
            raise ApiError(401, 20003, "Authenticate")
        return account


async def _read(request: web.Request, path: str, variables: dict[str, str], account: Account | None) -> Request:
    fields: dict[str, list[str]] = {}
    for name, value in request.query.items():
        fields.setdefault(name, []).append(value)
    body = None
    if request.method in ("POST", "PUT"):
        if request.content_type == "application/json":
            try:
                body = json.loads(await request.read())
            except ValueError:
                raise ApiError(400, 20001, "the body is not JSON") from None
        else:
            for name, posted in (await request.post()).items():
                fields.setdefault(name, []).append(str(posted))
    return Request(request.method, path, variables, fields, body, account)


def _response(reply: Reply) -> web.Response:
    if reply.status == 204:
        return web.Response(status=204)
    body = reply.body or json.dumps(reply.json).encode()
    return web.Response(status=reply.status, body=body, content_type=reply.content_type, headers=reply.headers)
