"""A UDP relay between one caller and a server that loses, delays and disorders datagrams, by a seeded Random.

Either may speak first: what comes to its near socket goes to the server, what comes to its far one to the caller.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from heapq import heappop, heappush
from random import Random
from types import TracebackType


class Relay:
    """Runs in a thread while it is entered. Callers send to `address`; the server sees the relay's other socket."""

    def __init__(self, server: str, caller_port: int, *, loss: float = 0.0, delay: float = 0.0, seed: int = 0) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._caller = ("127.0.0.1", caller_port)
        self._loss, self._delay = loss, delay
        self._random = Random(seed)
        self._near = self._socket()
        self._far = self._socket()
        self._ends, self._stop = socket.socketpair()
        self._air: list[tuple[float, int, socket.socket, bytes, tuple[str, int]]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.passed = self.lost = 0

    @staticmethod
    def _socket() -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        return one

    @property
    def address(self) -> str:
        """HOST:PORT for the caller."""
        return "{}:{}".format(*self._near.getsockname())

    @property
    def back(self) -> str:
        """HOST:PORT for a server that speaks first."""
        return "{}:{}".format(*self._far.getsockname())

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.close()
        self._thread.join()
        for one in (self._near, self._far, self._ends):
            one.close()

    def _run(self) -> None:
        while True:
            wait = max(0.0, self._air[0][0] - time.monotonic()) if self._air else None
            ready, _, _ = select.select([self._near, self._far, self._ends], [], [], wait)
            if self._ends in ready:
                return
            for one in ready:
                self._take(one)
            while self._air and self._air[0][0] <= time.monotonic():
                _, _, out, data, to = heappop(self._air)
                out.sendto(data, to)

    def _take(self, one: socket.socket) -> None:
        data, _ = one.recvfrom(65536)
        if self._random.random() < self._loss:
            self.lost += 1
            return
        self.passed += 1
        out, to = (self._far, self._server) if one is self._near else (self._near, self._caller)
        at = time.monotonic() + self._random.uniform(0, self._delay)
        heappush(self._air, (at, self.passed, out, data, to))
