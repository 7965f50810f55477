"""Control's end of the link to a worker process: commands out in batches, events in, its death noticed at once."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import msgspec

from media.commands import Command
from media.events import Event
from media.framing import frame, take_message
from media.worker import WorkerSettings

LOG = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]  # where `python -m media.worker` finds us, and no `random.py` of somebody else's
BACKLOG = 1 << 23  # bytes of commands that a worker may leave unread before it counts as dead


class WorkerLink(asyncio.Protocol):
    """A worker process, one thread. Commands given in one turn of the loop leave as one message."""

    def __init__(self, on_events: Callable[[list[Event]], None], on_lost: Callable[[str], None]) -> None:
        self._on_events = on_events
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._process: asyncio.subprocess.Process
        self._buffer = bytearray()
        self._batch: list[Command] = []
        self._decode = msgspec.msgpack.Decoder(list[Event]).decode
        self._closing = False
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def start(
        cls, settings: WorkerSettings, on_events: Callable[[list[Event]], None], on_lost: Callable[[str], None]
    ) -> WorkerLink:
        """Starts a worker; OSError where it cannot be started."""
        ours, theirs = socket.socketpair()
        link = cls(on_events, on_lost)
        with theirs:
            link._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "media.worker", str(theirs.fileno()), pass_fds=(theirs.fileno(),),
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, cwd=ROOT,
            )  # fmt: skip
        await asyncio.get_running_loop().create_connection(lambda: link, sock=ours)
        link._transport.write(frame(settings))
        return link

    @property
    def pid(self) -> int:
        """The worker's process."""
        return self._process.pid

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, command: Command) -> None:
        """Queues a command for the next message."""
        if not self._batch:
            asyncio.get_running_loop().call_soon(self._flush)
        self._batch.append(command)

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if batch and not self._transport.is_closing():
            self._transport.write(frame(batch))
            if self._transport.get_write_buffer_size() > BACKLOG:
                self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (message := take_message(self._buffer)) is not None:
            self._on_events(self._decode(message))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
        if not self._closing:
            self._on_lost(f"process {self.pid} is gone")

    def kill(self) -> None:
        """Ends a worker that hears nothing any more; its loss is told as any other."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """Ends the worker after its recordings are finished."""
        self._closing = True
        self._flush()
        self._transport.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            LOG.error("! media worker %d does not end: killed", self.pid)
            self._process.kill()
            await self._process.wait()
