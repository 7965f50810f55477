"""Several listeners: each request leaves by the one on its way, and says where that one is reached."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sip.events import Cause, Ended, Invited
from sip.outputs import Host, Record, Srv
from sip.transport.stream import Bounds
from tests.lib.certificates import Authority
from tests.lib.dns import DnsServer
from tests.lib.endpoints import Party, party, talk

TWO = [(kind, host, 0) for host in ("127.0.0.2", "127.0.0.1") for kind in ("udp", "tcp")]


def port_of(peer: Party, transport: str, host: str) -> int:
    (port,) = [port for kind, at, port in peer.endpoint.listeners if (kind, at) == (transport, host)]
    return port


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_listener_on_the_way_is_used_and_named(transport: str) -> None:
    """The first listener is bound to another address; with a real network its packets would not even leave."""

    async def main() -> None:
        async with party(TWO) as alice, party(seed=2) as bob:
            port = port_of(alice, transport, "127.0.0.1")
            assert port != alice.endpoint.addresses[transport][1]
            invited = await talk(alice, bob, bob.uri(transport))
            assert (invited.flow.remote[0], invited.request.via[0].port) == ("127.0.0.1", port)
            contact = invited.request.contact[0].uri
            assert (contact.host, contact.port) == ("127.0.0.1", port)

    asyncio.run(main())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_each_listener_takes_calls_and_answers_from_where_it_is(transport: str) -> None:
    async def main() -> None:
        async with party(TWO) as bob, party(seed=2) as alice:
            for host in ("127.0.0.1", "127.0.0.2"):
                port = port_of(bob, transport, host)
                invited = await talk(alice, bob, f"sip:bob@{host}:{port};transport={transport}")
                assert invited.flow.local == (host, port)

    asyncio.run(main())


@asynccontextmanager
async def deaf() -> AsyncIterator[int]:
    """A TCP port whose queue is full: nobody refuses, and no connection comes up. Its number."""
    loop = asyncio.get_running_loop()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        try:
            while True:
                one = socket.socket()
                one.setblocking(False)
                waiting.append(one)
                try:
                    async with asyncio.timeout(0.2):
                        await loop.sock_connect(one, server.getsockname())
                except TimeoutError:
                    break
            yield server.getsockname()[1]
        finally:
            for one in waiting:
                one.close()


@asynccontextmanager
async def mute() -> AsyncIterator[int]:
    """A TCP port that accepts and says nothing: no TLS handshake ends there. Its number."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda reader, writer: writers.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


def test_a_connection_that_does_not_come_up_fails_over_in_bounded_time() -> None:
    """5 s in the product: long before timer B."""
    assert Bounds().connect == 5.0

    async def main() -> None:
        async with deaf() as port, party(seed=2) as bob:
            zone: dict[tuple[str, str], tuple[Record, ...]] = {
                ("SRV", "_sip._tcp.example.com"): (
                    Srv(1, 0, port, "a.example.com"),
                    Srv(2, 0, bob.endpoint.addresses["tcp"][1], "a.example.com"),
                ),
                ("HOST", "a.example.com"): (Host("127.0.0.1"),),
            }
            server = await DnsServer.open(zone)
            async with party(nameservers=[server.nameserver], bounds=Bounds(connect=0.3), seed=3) as alice:
                begun = time.monotonic()
                assert isinstance(await talk(alice, bob, "sip:bob@example.com;transport=tcp"), Invited)
                assert 0.3 <= time.monotonic() - begun < 3
            server.close()

    asyncio.run(main())


def test_a_tls_handshake_that_does_not_end_fails_in_the_same_time(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("127.0.0.1", ca=True)
    listeners = [("udp", "127.0.0.1", 0), ("tls", "127.0.0.1", 0)]

    async def main() -> None:
        async with mute() as port, party(listeners, files, bounds=Bounds(connect=0.3)) as alice:
            begun = time.monotonic()
            alice.call(f"sip:bob@127.0.0.1:{port};transport=tls")
            assert (await alice.said(Ended)).cause is Cause.TRANSPORT
            assert 0.3 <= time.monotonic() - begun < 3

    asyncio.run(main())
