"""HTTP out by aiohttp, to pinned addresses. The only file here that knows aiohttp."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import cached_property

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.nameless import HOSTNAME_MISMATCH, Nameless
from gateway.webhooks.request import Answer

PINNED: ContextVar[Sequence[str]] = ContextVar("pinned")
LISTS = ("cache-control", "vary")
MOMENT, PASSING = 1.0, 1 << 16  # seconds and bytes of a body that nobody waits for
KEEP_ALIVE = 2.0  # seconds: shorter than most servers keep a connection, so that we seldom meet one that just closed

# OpenSSL's X509_V_ERR_…: what Twilio has codes of its own for
EXPIRED, IP_MISMATCH = 10, 64


class PinnedResolver(AbstractResolver):
    """Every name has the addresses that the guard approved for this request."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in PINNED.get()
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is open."""


class AiohttpTransport:
    """`request.Transport` on sessions of its own. `edges`: edge -> the local address from which it is left."""

    def __init__(self, tls: ssl.SSLContext | None = None, edges: Mapping[str, str] | None = None) -> None:
        self._trusted = tls
        self._session = self._open(None)
        self._edges = {edge: self._open(address) for edge, address in (edges or {}).items()}

    def _open(self, source: str | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=PinnedResolver(), use_dns_cache=False, limit=0, limit_per_host=500, keepalive_timeout=KEEP_ALIVE,
            ssl=self._trusted or True, local_addr=(source, 0) if source is not None else None,
        )  # fmt: skip
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        addresses: Sequence[str],
        connect: float,
        read: float,
        limit: int,
        sni: bool = True,
        edge: str = "",
    ) -> Answer:
        """One request; FetchError says in Twilio's codes why it failed. With a limit of 0 it cannot be the body."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)
        pinned = PINNED.set(addresses)
        began = False
        try:
            async with self._edges.get(edge, self._session).request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body,
                timeout=timeout,
                allow_redirects=False,
                ssl=True if sni else self._nameless,
            ) as answer:
                began = True
                content, truncated = await (_read(answer.content, limit) if limit else _passing(answer.content))
                named = _by_name(answer.headers)
                return Answer(
                    answer.status, named.get("content-type", ""), content, url, named,
                    tuple(answer.headers.getall("Set-Cookie", [])), truncated,
                )  # fmt: skip
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            failure = translated(error, url, read)
            if began:
                failure.kind = Failure.OTHER  # a partial answer is not asked for again
            raise failure from error
        finally:
            PINNED.reset(pinned)

    @cached_property
    def _nameless(self) -> Nameless:
        return Nameless(self._trusted)

    async def close(self) -> None:
        """Closes all connections."""
        for session in (self._session, *self._edges.values()):
            await session.close()


def _by_name(headers: Mapping[str, str]) -> dict[str, str]:
    """In lower case. Lists that are in several lines are one (RFC 9110 §5.3); of anything else the last is taken.

    Of several challenges it is one for a digest, because that tells no password. aiohttp keeps bytes that are not UTF-8
    as halves of surrogate pairs, which are no text to anybody else.
    """
    found: dict[str, str] = {}
    for given, raw in headers.items():
        name, value = given.lower(), raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if name == "www-authenticate" and _is_digest(found.get(name, "")) and not _is_digest(value):
            continue
        found[name] = f"{found[name]}, {value}" if name in LISTS and name in found else value
    return found


def _is_digest(challenge: str) -> bool:
    return challenge.lower().startswith("digest")


async def _read(content: aiohttp.StreamReader, limit: int) -> tuple[bytes, bool]:
    """The body up to `limit`, and whether there was more."""
    chunks, size = [], 0
    async for chunk in content.iter_chunked(1 << 16):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            return b"".join(chunks)[:limit], True
    return b"".join(chunks), False


async def _passing(content: aiohttp.StreamReader) -> tuple[bytes, bool]:
    """What comes within a moment of a body that nobody waits for: where it is all, the connection is used again."""
    try:
        async with asyncio.timeout(MOMENT):
            return await _read(content, PASSING)
    except (TimeoutError, aiohttp.ClientError):
        return b"", True


def translated(error: Exception, url: str, read: float) -> FetchError:
    """An exception of the client as Twilio's code, a sentence, and what a retry would call it."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return FetchError(11201, f"{url}: connecting timed out", kind=Failure.CONNECT)
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return FetchError(11203, f"{url}: nothing came for {read:g} s", kind=Failure.READ)
        case aiohttp.ClientConnectorCertificateError():
            return _certificate(error.certificate_error, url)
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return FetchError(11220, f"{url}: the TLS handshake failed: {error}", kind=Failure.CONNECT)
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()) | ConnectionRefusedError():
            return FetchError(11202, f"{url}: the connection was refused", kind=Failure.CONNECT)
        case aiohttp.ClientConnectorError():
            return FetchError(11205, f"{url}: connecting failed: {error.os_error}", kind=Failure.CONNECT)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | OSError():
            sentence = f"{url}: the connection was closed before an answer came"
            return FetchError(11205, sentence, kind=Failure.CONNECT)
    return FetchError(11206, f"{url}: the answer breaks the HTTP protocol: {error}")


def _certificate(error: Exception, url: str) -> FetchError:
    code = getattr(error, "verify_code", 0)
    why = getattr(error, "verify_message", "") or str(error)
    if code in (HOSTNAME_MISMATCH, IP_MISMATCH):
        return FetchError(11235, f"{url}: the certificate is another host's: {why}", kind=Failure.CONNECT)
    if code == EXPIRED:
        return FetchError(11236, f"{url}: the certificate has expired", kind=Failure.CONNECT)
    return FetchError(11237, f"{url}: the certificate leads to no trusted root: {why}", kind=Failure.CONNECT)
