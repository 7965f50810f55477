"""Whoever is called answers: a SIP endpoint on real sockets in a thread of its own, for calls that the API places."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from media import negotiate
from sip.agent import Agent
from sip.commands import Accept, Provisional
from sip.events import Ended, Event, Invited
from sip.transport.endpoint import Endpoint


class Answering:
    """Rings, answers, and stays until the other side hangs up."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.uri = ""
        self.answered: list[str] = []  # sessions
        self.ended: list[str] = []
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """The thread's."""
        asyncio.run(self._main())

    def stop(self) -> None:
        """Ends the thread."""
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)

    def wait(self) -> None:
        """Until it can be called."""
        assert self._ready.wait(5)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._endpoint = await Endpoint.open(Agent(Random(7)), [("udp", self._host, 0)], self._hear)
        self.uri = f"sip:bob@{self._host}:{self._endpoint.addresses['udp'][1]}"
        self._ready.set()
        await self._stop.wait()
        await self._endpoint.close()

    def _hear(self, event: Event) -> None:
        match event:
            case Invited(session=session, sdp=bytes(offer)):
                sdp, _ = negotiate.answer(offer, self._host, 9, ("PCMU",), session_id=2, version=1)
                self._endpoint.apply(Provisional(session))
                self._endpoint.apply(Accept(session, sdp))
                self.answered.append(session)
            case Ended(session=session):
                self.ended.append(session)


@contextmanager
def answering(host: str = "127.0.0.1") -> Iterator[Answering]:
    """One that runs."""
    one = Answering(host)
    thread = threading.Thread(target=one.run, daemon=True)
    thread.start()
    one.wait()
    try:
        yield one
    finally:
        one.stop()
        thread.join(5)
