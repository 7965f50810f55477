"""TLS handshakes, and HTTP before its first request, are bounded in number and in time."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sip.transport import listening
from sip.transport.newcomers import FIRST_REQUEST
from sip.transport.stream import Bounds
from sip.transport.tls import TlsFiles
from tests.lib.certificates import Authority
from tests.lib.endpoints import PATIENCE, Party, party
from tests.sip.transport.test_doors import Screen, reasons
from tests.sip.transport.test_endpoint import Streams, gone
from tests.sip.transport.test_tls import shown, trusting
from tests.sip.transport.test_websocket import answer, browser, request, url_of

kinds = pytest.mark.parametrize("kind", ["tls", "ws", "wss"])


async def bare(stack: AsyncExitStack, peer: Party, kind: str) -> Streams:
    """TCP to a listener of another kind."""
    reader, writer = await asyncio.open_connection(*peer.endpoint.addresses[kind])
    stack.callback(writer.close)
    return reader, writer


def files_of(folder: Path, authority: Authority | None = None) -> TlsFiles:
    return (authority or Authority(folder)).issue("127.0.0.1")


async def passed(peer: Party, number: int) -> None:
    """Until there are so many newcomers."""
    for _ in range(500):
        if len(peer.endpoint.connections.newcomers) == number:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"there are {len(peer.endpoint.connections.newcomers)}, not {number}")


@kinds
def test_they_are_a_quarter_as_many_as_connections(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        bounds, listeners = Bounds(connections=8), [(kind, "127.0.0.1", 0)]
        async with party(listeners, files_of(tmp_path), bounds=bounds) as bob, AsyncExitStack() as stack:
            waiting = [await bare(stack, bob, kind) for _ in range(2)]
            await passed(bob, 2)
            assert await gone((await bare(stack, bob, kind))[0])
            assert len(bob.endpoint.connections.newcomers) == 2
            for _, writer in waiting:
                writer.close()
            await passed(bob, 0)

    asyncio.run(main())


@kinds
def test_one_host_of_strangers_has_its_share_of_them(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        bounds, listeners, screen = Bounds(of_stranger=2), [(kind, "127.0.0.1", 0)], Screen()
        async with (
            party(listeners, files_of(tmp_path), bounds=bounds, screen=screen) as bob, AsyncExitStack() as stack,
        ):  # fmt: skip
            for _ in range(2):
                await bare(stack, bob, kind)
            await passed(bob, 2)
            assert await gone((await bare(stack, bob, kind))[0])
            assert reasons(bob) == ["2 connections of its host have not shown yet what they are"]
            screen.office = True
            await bare(stack, bob, kind)
            await passed(bob, 3)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("kind", "says"),
    [("tls", b""), ("tls", b"\x16\x03\x01"), ("ws", b""), ("ws", b"GET / HTTP/1.1\r\nHost: x\r\n"), ("wss", b"")],
)
def test_who_shows_nothing_is_closed(tmp_path: Path, kind: str, says: bytes) -> None:
    async def main() -> None:
        bounds, listeners = Bounds(handshake=0.1, message=0.1), [(kind, "127.0.0.1", 0)]
        async with party(listeners, files_of(tmp_path), bounds=bounds) as bob, AsyncExitStack() as stack:
            reader, writer = await bare(stack, bob, kind)
            writer.write(says)
            assert await gone(reader)
            await passed(bob, 0)

    asyncio.run(main())


@pytest.mark.parametrize(("kind", "says"), [("tls", b"GET / HTTP/1.1\r\n\r\n"), ("ws", b"x" * (FIRST_REQUEST + 1))])
def test_what_it_cannot_be_is_closed_at_once(tmp_path: Path, kind: str, says: bytes) -> None:
    async def main() -> None:
        async with party([(kind, "127.0.0.1", 0)], files_of(tmp_path)) as bob, AsyncExitStack() as stack:
            reader, writer = await bare(stack, bob, kind)
            writer.write(says)
            assert await gone(reader)
            await passed(bob, 0)

    asyncio.run(main())


def test_who_has_shown_what_it_is_counts_no_more(tmp_path: Path) -> None:
    """However slowly its first request comes."""

    async def main() -> None:
        authority, listeners = Authority(tmp_path), [("tls", "127.0.0.1", 0), ("ws", "127.0.0.1", 0)]
        files = files_of(tmp_path, authority)
        async with party(listeners, files, bounds=Bounds(connections=4)) as bob, AsyncExitStack() as stack:
            for _ in range(3):
                await shown(bob, trusting(authority), "127.0.0.1")
                assert len(bob.endpoint.connections.newcomers) == 0
            socket = await stack.enter_async_context(browser(url_of(bob)))
            await socket.send_str(request("OPTIONS"))
            await answer(socket, 200)
            reader, writer = await bare(stack, bob, "ws")
            for byte in b"GET /no HTTP/1.1\r\nHost: x\r\n\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
            assert len(bob.endpoint.connections.newcomers) == 0

    asyncio.run(main())


def test_a_stranger_over_a_websocket_is_given_up(tmp_path: Path) -> None:
    async def main() -> None:
        screen = Screen()
        async with party([("ws", "127.0.0.1", 0)], bounds=Bounds(stranger=0.2), screen=screen) as bob:
            async with browser(url_of(bob)) as socket, asyncio.timeout(PATIENCE):
                await socket.send_str("\r\n\r\n")
                while not socket.closed:
                    await socket.receive()
            assert reasons(bob) == ["nobody whom we know came over the connection"]

    asyncio.run(main())


def test_tls_goes_on_after_descriptors_ran_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        accept, refused = loop.sock_accept, [OSError(errno.EMFILE, "Too many open files")]

        async def scarce(listener: socket.socket) -> tuple[socket.socket, Any]:
            if refused:
                raise refused.pop()
            return await accept(listener)

        monkeypatch.setattr(listening, "REST", 0.05)
        monkeypatch.setattr(loop, "sock_accept", scarce)
        authority = Authority(tmp_path)
        async with party([("tls", "127.0.0.1", 0)], files_of(tmp_path, authority)) as bob:
            await shown(bob, trusting(authority), "127.0.0.1")
        assert not refused

    asyncio.run(main())
