"""The writer of captures: a thread that makes pcap records of copied packets, so that no disk holds up a tick.

What may wait for it is bounded by what a capture may hold. With `threaded=False` all is done at once, for virtual time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO

from media import pcap
from media.captures import Copied
from media.jobs import Jobs


class Capturer:
    """Implements `captures.CaptureWriter`."""

    def __init__(self, *, threaded: bool = True) -> None:
        self._opened = 0
        self._files: dict[int, BinaryIO] = {}  # the thread's
        self._broken: deque[tuple[int, str]] = deque()
        self._jobs: Jobs[Callable[[], None]] = Jobs("capturer", lambda job: job(), threaded=threaded)

    # the tick's side

    def open(self, path: str) -> int:
        """Begins a file; its number."""
        self._opened += 1
        number = self._opened
        self._jobs.put(lambda: self._open(number, path))
        return number

    def write(self, file: int, packets: Sequence[Copied]) -> None:
        """Appends."""
        self._jobs.put(lambda: self._append(file, packets))

    def close(self, file: int) -> None:
        """Ends a file."""
        self._jobs.put(lambda: self._close(file))

    def broken(self) -> list[tuple[int, str]]:
        """The files that could not be written, since this was asked last, and why."""
        found = []
        while self._broken:
            found.append(self._broken.popleft())
        return found

    def finish(self) -> None:
        """Waits until all is written, and closes all files."""
        self._jobs.finish()
        for number in list(self._files):
            self._close(number)

    # the thread's side

    def _open(self, number: int, path: str) -> None:
        try:
            self._files[number] = open(path, "r+b", buffering=0)  # noqa: SIM115 - stays open
        except OSError as error:
            self._breaks(number, error)
        else:
            self._put(number, pcap.FILE_HEADER)

    def _append(self, number: int, packets: Sequence[Copied]) -> None:
        self._put(number, b"".join(pcap.record(one.at, one.source, one.destination, one.data) for one in packets))

    def _put(self, number: int, data: bytes) -> None:
        if number in self._files:
            try:
                if self._files[number].write(data) != len(data):
                    raise OSError(28, os.strerror(28))  # the disk took a part: it is full
            except OSError as error:
                self._breaks(number, error)

    def _close(self, number: int) -> None:
        if (file := self._files.pop(number, None)) is not None:
            with suppress(OSError):  # nothing is left that could be done
                file.close()

    def _breaks(self, number: int, error: OSError) -> None:
        self._close(number)
        self._broken.append((number, error.strerror or str(error)))
