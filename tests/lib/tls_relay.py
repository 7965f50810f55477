"""TLS for a program that speaks plain TCP only: a relay that takes TLS off, or puts it on."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from sip.transport.tls import TlsFiles

Address = tuple[str, int]


class TlsRelay:
    """Runs in a thread while it is entered. Who connects to `port` of 127.0.0.1 is connected to `to`.

    `serves`: TLS towards who connects, plain TCP towards `to`; else the other way round. Both ends must show a
    certificate of the authority.
    """

    def __init__(self, to: Address, files: TlsFiles, authority: Path, *, serves: bool) -> None:
        self._to = to
        self._outer = _context(files, authority, ssl.PROTOCOL_TLS_SERVER) if serves else None
        self._inner = None if serves else _context(files, authority, ssl.PROTOCOL_TLS_CLIENT)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0
        self.versions: list[str] = []  # of the connections so far

    def __enter__(self) -> TlsRelay:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0, ssl=self._outer)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        async with server:
            await self._stop.wait()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near, far = await asyncio.open_connection(*self._to, ssl=self._inner)
        secured = writer if self._outer is not None else far
        self.versions.append(secured.get_extra_info("ssl_object").version())
        try:
            await asyncio.wait(
                {asyncio.create_task(_pump(reader, far)), asyncio.create_task(_pump(near, writer))},
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for one in (writer, far):
                one.close()


def _context(files: TlsFiles, authority: Path, kind: int) -> ssl.SSLContext:
    made = ssl.SSLContext(kind)
    assert files.cert is not None
    made.load_cert_chain(files.cert, files.key)
    made.load_verify_locations(authority)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
