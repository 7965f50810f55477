"""What connections of strangers may cost: how many, how long, and half a message; real sockets on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from sip.events import Dropped, Ended, Invited
from sip.outputs import Address
from sip.transport.endpoint import Door
from sip.transport.pool import Pool
from sip.transport.stream import Bounds, StreamConnection
from sip.transport.tls import Contexts, TlsFiles
from tests.lib.certificates import Authority
from tests.lib.endpoints import UDP_AND_TCP, Party, party
from tests.lib.loop import VirtualClock, passes, run
from tests.sip.transport.test_endpoint import OPTIONS, Streams, connect, gone, response


class Screen:
    """Whoever has a port among `known` is known; `office`: so is everybody's address."""

    def __init__(self, *, office: bool = False) -> None:
        self.known: set[int] = set()
        self.office = office

    def opens(self, peer: Address, now: float) -> bool:
        return True

    def answers(self, peer: Address, now: float) -> bool:
        return True

    def knows(self, peer: Address, now: float) -> bool:
        return peer[1] in self.known

    def shelters(self, peer: Address, now: float) -> bool:
        return self.office

    def host(self, source: str) -> str:
        return source


@asynccontextmanager
async def crowd(bob: Party, number: int) -> AsyncIterator[list[Streams]]:
    """Connections that were answered."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(number):
            reader, writer = await stack.enter_async_context(connect(bob))
            writer.write(OPTIONS)
            assert (await response(reader)).status == 200
            opened.append((reader, writer))
        yield opened


def reasons(bob: Party) -> list[str]:
    return [event.detail for event in bob.events if isinstance(event, Dropped) and event.method == "CONNECTION"]


def test_one_address_of_strangers_has_its_share_of_connections() -> None:
    async def main() -> None:
        async with party(bounds=Bounds(of_stranger=3), screen=Screen()) as bob, crowd(bob, 3) as opened:
            async with connect(bob) as (refused, _):
                assert await gone(refused)
            assert reasons(bob) == ["3 connections of its host stand"]
            opened[0][1].close()
            assert await gone(opened[0][0])
            async with crowd(bob, 1):
                assert len(bob.endpoint.connections) == 3

    asyncio.run(main())


class Deaf(Screen):
    """Nobody is read."""

    def opens(self, peer: Address, now: float) -> bool:
        return False


def test_whose_certificate_was_checked_is_read_wherever_it_comes_from(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        ours, theirs = (authority.issue("127.0.0.1", file=name, ca=True) for name in ("alice", "bob"))
        listeners = (*UDP_AND_TCP, ("tls", "127.0.0.1", 0))
        async with party(listeners, ours) as alice, party(listeners, theirs, seed=2, screen=Deaf()) as bob:
            alice.call(bob.uri("tls"), "known")
            assert (await bob.said(Invited)).flow.names == ("127.0.0.1",)
            alice.call(bob.uri("tcp"), "stranger")
            assert (await alice.said(Ended)).session == "stranger"

    asyncio.run(main())


def test_where_somebody_is_known_there_may_be_more() -> None:
    async def main() -> None:
        async with party(bounds=Bounds(of_stranger=3), screen=Screen(office=True)) as bob, crowd(bob, 8):
            assert len(bob.endpoint.connections) == 8
            assert reasons(bob) == []

    asyncio.run(main())


def test_strangers_leave_a_quarter_of_all_connections_to_whom_we_know() -> None:
    async def main() -> None:
        screen = Screen()
        async with party(bounds=Bounds(connections=8), screen=screen) as bob, crowd(bob, 6):
            async with connect(bob) as (refused, _):
                assert await gone(refused)
            screen.office = True
            async with crowd(bob, 2), connect(bob) as (refused, _):
                assert await gone(refused)
            assert [reason.partition(",")[0] for reason in reasons(bob)] == [
                "6 connections stand",
                "8 connections stand",
            ]

    asyncio.run(main())


def test_half_a_message_and_then_silence_is_told_of() -> None:
    async def main() -> None:
        async with party(bounds=Bounds(message=0.05), screen=Screen()) as bob, connect(bob) as (reader, writer):
            writer.write(OPTIONS[:-30])
            assert await gone(reader)
            assert reasons(bob) == ["a message took too long to come"]

    asyncio.run(main())


class Line(asyncio.Transport):
    """The transport of a connection in virtual time. `closed`: when."""

    def __init__(self, pool: Pool, port: int) -> None:
        super().__init__({"sockname": ("127.0.0.1", 5060), "peername": ("192.0.2.9", port)})
        self.closed: float | None = None
        self.protocol = StreamConnection(pool, secure=False, accepted=True)
        self.protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nobody reads it."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed is not None

    def close(self) -> None:
        if self.closed is None:
            self.closed = asyncio.get_running_loop().time()
            self.protocol.connection_lost(None)

    abort = close


def pool_of(screen: Screen, said: list[str]) -> Pool:
    door = Door(screen, lambda event: said.append(event.detail) if isinstance(event, Dropped) else None)
    return Pool(Bounds(), Contexts(TlsFiles()), lambda *_: None, lambda *_: None, door)


@pytest.mark.parametrize(
    ("sent", "known", "ends"),
    [
        (b"", False, 30.0),
        (OPTIONS[:-30], False, 30.0),  # slow-loris, one byte a second
        (b"\r\n\r\n", False, 120.0),
        (OPTIONS, False, 120.0),
        (b"\r\n\r\n", True, None),
        (OPTIONS, True, None),
    ],
)
def test_how_long_a_connection_lasts(sent: bytes, known: bool, ends: float | None) -> None:
    """With the bounds that we have, in virtual time; a peer that is known, and sends something now and then, stays."""

    async def main(clock: VirtualClock) -> None:
        screen, said = Screen(), list[str]()
        line = Line(pool_of(screen, said), 40000)
        screen.known |= {40000} if known else set()
        for second in range(7200):
            if line.closed is None and sent:
                slow = sent == OPTIONS[:-30]
                line.protocol.data_received(sent[second : second + 1] if slow else sent)
            await passes(1)
        assert line.closed == ends
        assert len(said) == (ends is not None)
        line.close()

    run(main)


def test_strangers_never_take_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand of them from forty addresses, and then a phone that is known."""

    async def main(clock: VirtualClock) -> None:
        screen, said = Screen(), list[str]()
        pool = pool_of(screen, said)
        lines = [Line(pool, port) for port in range(300)]
        assert sum(line.closed is None for line in lines) == Bounds().of_stranger
        monkeypatch.setattr(screen, "host", lambda source: str(len(pool) // 200))
        lines += [Line(pool, port) for port in range(1000, 11000)]
        assert len(pool) == Bounds().connections * 3 // 4
        screen.office = True
        assert Line(pool, 12000).closed is None
        for line in lines:
            line.close()
        assert len(pool) == 1
        assert pool._strangers == {}

    run(main)


@pytest.mark.parametrize("known", [True, False])
def test_pings_keep_the_connection_of_whom_we_know_and_no_strangers(known: bool) -> None:
    async def main() -> None:
        screen = Screen()
        async with party(bounds=Bounds(stranger=0.1), screen=screen) as bob, connect(bob) as (reader, writer):
            if known:
                screen.known.add(writer.get_extra_info("sockname")[1])
            ended = asyncio.ensure_future(gone(reader))
            for _ in range(30):
                writer.write(b"\r\n\r\n")
                await asyncio.wait([ended], timeout=0.01)
            assert ended.done() is not known
            assert reasons(bob) == ([] if known else ["nobody whom we know came over the connection"])
            ended.cancel()

    asyncio.run(main())
