"""Listeners. With TLS a connection is a newcomer while its handshake lasts, and its protocol's alone after that.

The servers of event loops start each handshake unseen and uncounted; so connections are accepted here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from sip.outputs import Flow
from sip.transport.newcomers import Make, Newcomers

REST = 1.0  # seconds, where the system has no more descriptors


async def listen(
    newcomers: Newcomers, make: Make, host: str, port: int, context: ssl.SSLContext | None
) -> asyncio.Server | TlsServer:
    """Accepts connections there, each of them a `make()`; OSError if the address is taken."""
    if context is not None:
        return await TlsServer.listen(newcomers, make, host, port, context)
    return await asyncio.get_running_loop().create_server(make, host, port)


class TlsServer(asyncio.AbstractServer):
    """Listens on `sockets`; each connection becomes a `make()` once its handshake is over."""

    def __init__(self, newcomers: Newcomers, make: Make, context: ssl.SSLContext, sockets: list[socket.socket]) -> None:
        self.sockets = sockets
        self._newcomers = newcomers
        self._make = make
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._accepting = [self._loop.create_task(self._accept(one)) for one in sockets]

    @classmethod
    async def listen(cls, newcomers: Newcomers, make: Make, host: str, port: int, context: ssl.SSLContext) -> TlsServer:
        """At each address of `host`; OSError if one is taken."""
        loop, sockets = asyncio.get_running_loop(), []
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, _, _, _, address in found:
                sockets.append(listener := socket.create_server(address[:2], family=family))
                listener.setblocking(False)
        except OSError:
            for listener in sockets:
                listener.close()
            raise
        return cls(newcomers, make, context, sockets)

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    connection, remote = await self._loop.sock_accept(listener)
                except OSError:
                    await asyncio.sleep(REST)
                    continue
                flow = Flow("tcp", connection.getsockname()[:2], remote[:2])
                Handshake(self._newcomers, self._make, connection, flow).begin(self._context)

    def close(self) -> None:
        """Accepts nobody any more."""
        for task in self._accepting:
            task.cancel()

    async def wait_closed(self) -> None:
        """Until the listeners are closed."""
        await asyncio.wait(self._accepting)


class Handshake:
    """One of them, bounded in time."""

    def __init__(self, newcomers: Newcomers, make: Make, connection: socket.socket, flow: Flow) -> None:
        self._newcomers = newcomers
        self._make = make
        self._connection = connection
        self._flow = flow
        self._task: asyncio.Task[None]

    def begin(self, context: ssl.SSLContext) -> None:
        """Where there are not too many already."""
        if self._newcomers.enter(self, self._flow):
            self._task = asyncio.get_running_loop().create_task(self._shake(context))
        else:
            self._connection.close()

    async def _shake(self, context: ssl.SSLContext) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._accepted, self._connection, ssl=context,
                ssl_handshake_timeout=self._newcomers.bounds.handshake,
            )  # fmt: skip
        except OSError:  # of TLS too
            self._connection.close()
        finally:
            self._newcomers.leave(self, self._flow)

    def _accepted(self) -> asyncio.BaseProtocol:
        return self._make()

    def close(self) -> None:
        """Ends it."""
        self._task.cancel()
        self._connection.close()
