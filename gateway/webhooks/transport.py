"""HTTP out by aiohttp, to pinned addresses."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextvars import ContextVar

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.webhooks.errors import FetchError
from gateway.webhooks.request import Answer

PINNED: ContextVar[str] = ContextVar("pinned")


class PinnedResolver(AbstractResolver):
    """Every name is the address that the guard approved for this request."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        address = PINNED.get()
        found = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=port, family=found, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


class AiohttpTransport:
    """`request.Transport` on a session of its own."""

    def __init__(self) -> None:
        connector = aiohttp.TCPConnector(
            resolver=PinnedResolver(), use_dns_cache=False, limit=500, keepalive_timeout=10, force_close=False
        )
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
        )

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        address: str,
        connect: float,
        read: float,
        limit: int,
    ) -> Answer:
        """One request; FetchError says in Twilio's codes why it failed."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)
        token = PINNED.set(address)
        try:
            async with self._session.request(
                method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
            ) as answer:
                content = await answer.content.read(limit + 1)
                while len(content) <= limit and (more := await answer.content.read(limit + 1 - len(content))):
                    content += more
                if len(content) > limit:
                    raise FetchError(11750, f"{url} answered with more than {limit} bytes")
                return Answer(
                    answer.status, answer.headers.get("Content-Type", ""), content, url,
                    {name.lower(): value for name, value in answer.headers.items()},
                    tuple(answer.headers.getall("Set-Cookie", [])),
                )  # fmt: skip
        except (TimeoutError, aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise _translated(error, url) from error
        finally:
            PINNED.reset(token)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()


def _translated(error: Exception, url: str) -> FetchError:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return FetchError(11201, f"{url}: connecting timed out")
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return FetchError(11200, f"{url}: no answer in time")
        case aiohttp.ClientConnectorCertificateError():
            return FetchError(11237, f"{url}: the certificate is not valid: {error}")
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return FetchError(11220, f"{url}: the TLS handshake failed: {error}")
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return FetchError(11202, f"{url}: connection refused")
        case aiohttp.ClientConnectorError():
            return FetchError(11205, f"{url}: connection failed: {error}")
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError() | aiohttp.ServerDisconnectedError():
            return FetchError(11206, f"{url}: HTTP protocol violation: {error!r}")
    return FetchError(11205, f"{url}: {error!r}")
