"""SIP over WebSocket (RFC 7118): each connection is a flow, each message a SIP message."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import Protocol

from aiohttp import WSMsgType, web

from sip.message import LIMITS
from sip.outputs import Address, Flow
from sip.transport.listening import listen
from sip.transport.newcomers import Newcomer, Newcomers
from sip.transport.stream import Bounds, Connection, Keeper

PROTOCOL = "sip"  # RFC 7118 §4
HEARTBEAT = 30.0  # seconds between pings; a peer that does not answer is gone
PINGS = ("\r\n\r\n", b"\r\n\r\n")  # RFC 5626 §3.5.1, as RFC 7118 §6 allows them
PONG = b"\r\n"


class WebSocketKeeper(Keeper, Protocol):
    """Who keeps the connections, WebSockets among them."""

    newcomers: Newcomers

    def number(self) -> int: ...


class Site(web.BaseSite):
    """A listener of aiohttp whose connections are newcomers until they have sent a request."""

    def __init__(
        self, runner: web.AppRunner, newcomers: Newcomers, host: str, port: int, secure: ssl.SSLContext | None
    ) -> None:
        super().__init__(runner, ssl_context=secure)
        self._address = host, port
        self._newcomers = newcomers

    @property
    def name(self) -> str:
        """For aiohttp's messages."""
        host, port = self._address
        return f"{'http' if self._ssl_context is None else 'https'}://{host}:{port}"

    async def start(self) -> None:
        """Listens; OSError if the address is taken."""
        await super().start()
        make = self._runner.server
        assert make is not None, "the runner was set up"
        newcomer = partial(Newcomer, self._newcomers, make)
        self._server = await listen(self._newcomers, newcomer, *self._address, self._ssl_context)


class WebSocketConnection:
    """One accepted WebSocket. What is sent waits in a bounded queue for its writer."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, flow: Flow, bounds: Bounds) -> None:
        self.flow = flow
        self._socket = socket
        self._request = request
        self._bounds = bounds
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unsent = 0

    def send(self, data: bytes) -> None:
        """Queues one message; a peer that does not take what it is sent loses its connection."""
        self._unsent += len(data)
        if self._unsent > self._bounds.unsent:
            if self._request.transport is not None:
                self._request.transport.abort()
            return
        self._queue.put_nowait(data)

    def close(self) -> None:
        """Closes it once everything is written."""
        self._queue.put_nowait(None)

    async def run(self, keeper: Keeper) -> None:
        """Reads until the peer goes, or has been a stranger for too long."""
        writer = asyncio.create_task(self._write())
        patience = asyncio.get_running_loop().call_later(self._bounds.stranger, self._know, keeper)
        try:
            async for message in self._socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                if message.data in PINGS:
                    self.send(PONG)
                else:
                    data = message.data
                    keeper.receive(data.encode() if isinstance(data, str) else data, self.flow)
        finally:
            patience.cancel()
            writer.cancel()

    def _know(self, keeper: Keeper) -> None:
        if not keeper.knows(self.flow):
            keeper.cut(self.flow, "nobody whom we know came over the connection")
            self.close()

    async def _write(self) -> None:
        try:
            while (data := await self._queue.get()) is not None:
                await self._send(data)
                self._unsent -= len(data)
        except ConnectionError:
            return  # the reader sees the end, too
        await self._socket.close()

    async def _send(self, data: bytes) -> None:
        """As text where it is text (RFC 7118 §5 allows both)."""
        try:
            await self._socket.send_str(data.decode())
        except UnicodeDecodeError:
            await self._socket.send_bytes(data)


class WebSockets:
    """The aiohttp side: a request handler, which any aiohttp application can serve, and listeners of its own."""

    def __init__(self, keeper: WebSocketKeeper) -> None:
        self._keeper = keeper
        self._open: set[Connection] = set()
        self._runners: list[web.AppRunner] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Upgrades a request and stays until the connection ends; 400 without the subprotocol `sip`."""
        offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if PROTOCOL not in offered:
            raise web.HTTPBadRequest(text="a WebSocket with the subprotocol sip is wanted (RFC 7118)\n")
        socket = web.WebSocketResponse(
            protocols=(PROTOCOL,), heartbeat=HEARTBEAT, max_msg_size=LIMITS.message, compress=False
        )
        await socket.prepare(request)
        connection = WebSocketConnection(socket, request, self._flow(request), self._keeper.bounds)
        if not self._keeper.opened(connection):
            await socket.close(code=1013, message=b"too many connections")
            return socket
        self._open.add(connection)
        try:
            await connection.run(self._keeper)
        finally:
            self._open.discard(connection)
            self._keeper.lost(connection, "the WebSocket was closed")
        return socket

    def _flow(self, request: web.Request) -> Flow:
        assert request.transport is not None, "the request was just upgraded"
        local, remote = (request.transport.get_extra_info(name)[:2] for name in ("sockname", "peername"))
        return Flow("wss" if request.secure else "ws", local, remote, self._keeper.number())

    async def listen(self, host: str, port: int, secure: ssl.SSLContext | None = None) -> Address:
        """A listener of its own, on any path; OSError if the address is taken."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self.serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        await Site(runner, self._keeper.newcomers, host, port, secure).start()
        address: Address = runner.addresses[-1][:2]
        return address

    async def shutdown(self, app: web.Application | None = None) -> None:
        """Closes all WebSockets; for `on_shutdown` of an application that serves them."""
        for connection in list(self._open):
            connection.close()

    async def close(self) -> None:
        """Closes WebSockets and listeners."""
        await self.shutdown()
        for runner in self._runners:
            await runner.cleanup()
