"""Recordings that have ended: cut, trimmed, hashed, on the disk, and then told. And those that go on, synced.

A file's SHA-256 includes its header, which says how long it is: so it is taken when that is known, while the file is
still in memory. It runs on a thread of its own, for neither a disk that syncs nor an hour of audio may hold up appends.
"""

from __future__ import annotations

import errno
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np

from media import files
from media.blocks import BlockIO
from media.events import RecordEnded
from media.frames import FRAME, RATE, Pcm
from media.tapes import Ending, Tape

SYNC = 1.0  # seconds between syncs of the files that grow
TRIMMED = ".trimmed"  # after the name of a file that is being made of one
CHUNK = 4096 * FRAME  # samples looked at or copied at once


class Finisher:
    """`growing` are the tapes that are being written; `failed` is told of one that cannot be synced."""

    def __init__(
        self,
        ended: Callable[[RecordEnded], None],
        growing: dict[int, Tape],
        blocks: BlockIO,
        failed: Callable[[Tape, int], None],
        *,
        threaded: bool,
    ) -> None:
        self._ended, self._growing, self._blocks, self._failed = ended, growing, blocks, failed
        self._jobs: queue.SimpleQueue[Ending | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recordings", daemon=True) if threaded else None
        if self._thread is not None:
            self._thread.start()

    def put(self, ending: Ending) -> None:
        """A tape that nobody writes to any more."""
        if self._thread is None:
            self._finish([ending])
        else:
            self._jobs.put(ending)

    def finish(self) -> None:
        """Waits until all are finished."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        more, due = True, time.monotonic() + SYNC
        while more:
            endings, more = self._wait(max(0.001, due - time.monotonic()))
            self._finish(endings)
            if more and time.monotonic() >= due:
                self._sync(list(self._growing.values()))
                due = time.monotonic() + SYNC

    def _wait(self, seconds: float) -> tuple[list[Ending], bool]:
        """All that have ended, nothing after so many seconds; and whether there will be more."""
        found: list[Ending] = []
        try:
            job = self._jobs.get(timeout=seconds)
            while job is not None:
                found.append(job)
                job = self._jobs.get_nowait()
        except queue.Empty:
            return found, True
        return found, False

    def _sync(self, tapes: list[Tape]) -> None:
        open_ones = [tape for tape in tapes if tape.fd >= 0]
        if not open_ones:
            return
        results = self._blocks.sync([tape.fd for tape in open_ones])
        for tape, number in zip(open_ones, results, strict=True):
            if number:
                self._failed(tape, number)

    def _finish(self, endings: list[Ending]) -> None:
        """Those that end at the same time are synced together."""
        closed = [(ending, closed) for ending in endings if (closed := self._closed(ending)) is not None]
        self._sync([ending.tape for ending, _ in closed])
        for ending, done in closed:
            self._ended(ending.failed() if ending.tape.error else done.event(ending))
            _shut(ending.tape)

    def _closed(self, ending: Ending) -> Closed | None:
        """The file as it stays; None where there is none, which is told at once."""
        tape = ending.tape
        try:
            if tape.file is not None and not tape.error:
                return _whole(tape, tape.file, ending)
        except OSError as error:
            self._failed(tape, error.errno or errno.EIO)
        self._ended(ending.failed())
        _shut(tape)
        return None


@dataclass(frozen=True, slots=True)
class Closed:
    """A file that is whole."""

    seconds: float
    recorded_seconds: float
    size: int
    sha256: str

    def event(self, ending: Ending) -> RecordEnded:
        """What is told."""
        command, failed = ending.tape.command, ending.reason == "failed"
        return RecordEnded(
            command.port, command.recording, ending.reason, self.seconds, self.recorded_seconds, self.size,
            ending.silent, ending.error, "" if failed else self.sha256, command.room,
        )  # fmt: skip


def _shut(tape: Tape) -> None:
    if tape.file is not None:
        with suppress(OSError):  # as of a quota: that it is on the disk was told by its sync, or was not
            tape.file.close()
        tape.file = None


def _whole(tape: Tape, file: BinaryIO, ending: Ending) -> Closed:
    align = 2 * tape.command.channels
    tape.data_bytes = max(0, tape.data_bytes - ending.cut_samples * align)
    recorded = tape.data_bytes / align / RATE
    file = _trim(tape, file) if tape.command.trim else file
    file.truncate(files.HEADER_SIZE + tape.data_bytes)
    file.seek(0)
    file.write(files.wav_header(tape.command.channels, tape.data_bytes))
    return Closed(tape.data_bytes / align / RATE, recorded, files.HEADER_SIZE + tape.data_bytes, _digest(file))


def _digest(file: BinaryIO) -> str:
    digest = sha256()
    file.seek(0)
    while data := file.read(2 * CHUNK):
        digest.update(data)
    return digest.hexdigest()


def _trim(tape: Tape, file: BinaryIO) -> BinaryIO:
    """Cuts silence from both ends. Where the beginning goes, what is left is copied and takes the file's place at
    once: a crash leaves the one or the other. Where there is no room for a copy, the beginning stays."""
    align = 2 * tape.command.channels
    first, last = trimmed(lambda start, count: _read(file, start, count, align), tape.data_bytes // align)
    tape.data_bytes = last * align
    if not first:
        return file
    made, size = tape.command.path + TRIMMED, (last - first) * align
    try:
        header = files.wav_header(tape.command.channels, size)
        tape.file = _copied(file, files.HEADER_SIZE + first * align, size, made, header)
    except OSError:
        Path(made).unlink(missing_ok=True)
        return file
    os.replace(made, tape.command.path)
    file.close()
    tape.data_bytes = size
    return tape.file


def _copied(file: BinaryIO, start: int, size: int, made: str, header: bytes) -> BinaryIO:
    """A new file with so many bytes of the other one behind a header."""
    new = open(made, "w+b", buffering=0)  # noqa: SIM115 - stays open
    try:
        new.write(header)
        file.seek(start)
        _copy(file, new, size)
    except OSError:
        new.close()
        raise
    return new


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size > 0 and (data := source.read(min(size, 2 * CHUNK))):
        written = target.write(data)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size -= written


def _read(file: BinaryIO, start: int, count: int, align: int) -> Pcm:
    data = os.pread(file.fileno(), count * align, files.HEADER_SIZE + start * align)
    return np.frombuffer(data, "<i2").reshape(-1, align // 2).astype(np.int16, copy=False)


def trimmed(read: Callable[[int, int], Pcm], length: int) -> tuple[int, int]:
    """First and last sample (exclusive) of what is not silence; `read(start, count)` gives samples."""
    for start in range(0, length, CHUNK):
        first, last = files.trimmed(read(start, min(CHUNK, length - start)))
        if last > first:
            return start + first, _end(read, length, start + first)
    return 0, 0


def _end(read: Callable[[int, int], Pcm], length: int, first: int) -> int:
    """Where the last sound ends, of a recording that has some."""
    starts = range(0, length, CHUNK)
    for start in reversed(starts):
        begin, last = files.trimmed(read(start, min(CHUNK, length - start)))
        if last > begin:
            return start + last
    return first
