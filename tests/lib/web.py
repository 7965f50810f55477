"""An app behind the webhooks' transport seam: routes that answer in process, in the loop's own time.

`FakeWeb` is a `gateway.webhooks.request.Transport`; its `guard()` resolves every name to an address that it may reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from gateway.store.requests import Sent
from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.request import Answer

PUBLIC = "93.184.216.34"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that reached the app."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    addresses: tuple[str, ...]
    sni: bool = True
    edge: str = ""

    @property
    def params(self) -> dict[str, str]:
        """The form of a POST, the query of a GET."""
        text = self.body.decode() if self.method == "POST" else urlsplit(self.url).query
        return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """What the app answers, `delay` seconds after it was asked."""

    body: str | bytes = b""
    status: int = 200
    content_type: str = "text/xml"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    delay: float = 0.0


class Noted:
    """`hops.Notes` in memory."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def note(self, sent: Sent) -> None:
        """What was sent."""
        self.sent.append(sent)


Route = Callable[[Seen], Reply | str]
Serve = Callable[[Seen], Awaitable[Reply]]


class FakeWeb:
    """All apps of a test. `requests` is what they saw, in order."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.names: dict[str, list[str]] = {}  # every other name is PUBLIC
        self.refusing: set[str] = set()  # hosts that refuse connections
        self.otherwise = Reply(status=404)  # what has no route answers
        self.connect_delay: dict[str, float] = {}  # by host
        self._routes: dict[str, Route] = {}
        self._hosts: dict[str, Serve] = {}

    def route(self, url: str, answer: Route | Reply | str) -> None:
        """What a URL (without its query) answers: a text, a reply, or a function of the request."""
        self._routes[url] = answer if callable(answer) else lambda _: answer

    def host(self, origin: str, serve: Serve) -> None:
        """Whatever is asked of an origin (`http://host:port`) is answered by this."""
        self._hosts[origin] = serve

    def guard(self, *, loopback: bool = False, own: Sequence[tuple[str, int]] = ()) -> Guard:
        """A guard that finds this web's hosts."""
        return Guard(loopback=loopback, own=own, lookup=self.lookup)

    async def lookup(self, host: str) -> list[str]:
        """`guard.Lookup`; a name with no addresses does not exist."""
        found = self.names.get(host, [PUBLIC])
        if not found:
            raise OSError(-2, "Name or service not known")
        return found

    def at(self, url: str) -> list[Seen]:
        """The requests for a URL, whatever their query."""
        return [seen for seen in self.requests if seen.url.partition("?")[0] == url]

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
        """`request.Transport`: connects, asks the route, waits out its delay."""
        await self._connect(url, connect)
        now = asyncio.get_running_loop().time()
        seen = Seen(method, url, dict(headers), body or b"", now, tuple(addresses), sni, edge)
        self.requests.append(seen)
        reply = await self._answer(seen)
        await asyncio.sleep(min(reply.delay, read))
        if reply.delay > read:
            raise FetchError(11203, f"{url}: nothing came for {read:g} s", kind=Failure.READ)
        content = reply.body.encode() if isinstance(reply.body, str) else reply.body
        given = {"content-type": reply.content_type, **{name.lower(): value for name, value in reply.headers.items()}}
        return Answer(
            reply.status,
            reply.content_type,
            content[: limit or None],
            url,
            given,
            reply.cookies,
            0 < limit < len(content),
        )

    async def _answer(self, seen: Seen) -> Reply:
        route = self._routes.get(seen.url.partition("?")[0])
        if route is not None:
            reply = route(seen)
            return Reply(reply) if isinstance(reply, str) else reply
        serve = self._hosts.get("/".join(seen.url.split("/", 3)[:3]))
        return self.otherwise if serve is None else await serve(seen)

    async def _connect(self, url: str, connect: float) -> None:
        host = urlsplit(url).hostname or ""
        delay = self.connect_delay.get(host, 0.0)
        await asyncio.sleep(min(delay, connect))
        if delay > connect:
            raise FetchError(11201, f"{url}: connecting timed out", kind=Failure.CONNECT)
        if host in self.refusing:
            raise FetchError(11202, f"{url}: the connection was refused", kind=Failure.CONNECT)
