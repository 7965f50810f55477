"""Work that no tick may wait for, such as a disk: done in its order, by a thread that begins with the first job."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

J = TypeVar("J")


class Jobs(Generic[J]):
    """`work` does one job. With `threaded=False` each is done at once, for virtual time."""

    def __init__(self, name: str, work: Callable[[J], None], *, threaded: bool) -> None:
        self._name, self._work, self._threaded = name, work, threaded
        self._waiting: queue.SimpleQueue[J | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, job: J) -> None:
        """One more."""
        if not self._threaded:
            self._work(job)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._waiting.put(job)

    def finish(self) -> None:
        """Waits until all are done."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            self._work(job)
