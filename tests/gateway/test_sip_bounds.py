"""What `[sip]` says of connections is so at the sockets of a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gateway import app
from gateway.config import load
from tests.lib.ports import free_port

PING = b"\r\n\r\n"  # RFC 5626 §3.5.1
STANDS = 2.0  # seconds, after which a connection is not closed any more


class Peer:
    """A connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ends(self, says: bytes = b"", seconds: float = STANDS) -> bool:
        """Whether the gateway closes it, while this is said again and again."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while not self.reader.at_eof() and clock() < end:
            if says:
                self.writer.write(says)
            try:
                async with asyncio.timeout(0.05):
                    await self.reader.read(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                return True
        return self.reader.at_eof()


class Stage:
    """A gateway with some lines in `[sip]`, bound to all addresses: where only this machine is heard, it is known."""

    def __init__(self, address: str, stack: AsyncExitStack) -> None:
        self._port = int(address.rpartition(":")[2])
        self._stack = stack

    async def connect(self) -> Peer:
        """A TCP connection, open until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._stack.callback(writer.close)
        return Peer(reader, writer)


@asynccontextmanager
async def stage(folder: Path, settings: str) -> AsyncIterator[Stage]:
    sip, file = f"0.0.0.0:{free_port()}", folder / "trunkline.toml"
    file.write_text(
        f'data = "{folder / "data"}"\n[http]\nlisten = "127.0.0.1:0"\n[sip]\nlisten = "{sip}"\n{settings}\n'
        '[media]\nrtp = "127.0.0.1:38100-38139"\n'
    )
    async with app.running(load(file)), AsyncExitStack() as stack:
        yield Stage(sip, stack)


@pytest.mark.parametrize(
    ("setting", "first", "says"),
    [
        ("message_seconds = 0.2", b"OPTIONS", b""),
        ("idle_seconds = 0.2", PING, b""),
        ("stranger_seconds = 0.2", PING, PING),
    ],
)
def test_a_connection_does_not_last_longer(tmp_path: Path, setting: str, first: bytes, says: bytes) -> None:
    async def main() -> None:
        async with stage(tmp_path, setting) as here:
            one = await here.connect()
            one.writer.write(first)
            assert await one.ends(says)

    asyncio.run(main())


def test_without_these_settings_it_stands(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, "") as here:
            silent, pinging = await here.connect(), await here.connect()
            assert not await silent.ends(seconds=0.5)
            assert not await pinging.ends(PING, 0.5)

    asyncio.run(main())


@pytest.mark.parametrize(("setting", "stand"), [("stranger_connections = 2", 2), ("connections = 4", 3)])
def test_one_connection_too_many_is_closed(tmp_path: Path, setting: str, stand: int) -> None:
    """Of all, a quarter is kept for those whom we know."""

    async def main() -> None:
        async with stage(tmp_path, setting) as here:
            peers = [await here.connect() for _ in range(stand)]
            assert await (await here.connect()).ends()
            assert [await one.ends(seconds=0.1) for one in peers] == [False] * stand

    asyncio.run(main())
