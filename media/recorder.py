"""The writer of recordings: files grow as the calls go on, with a header that is true every second.

Jobs come through a queue to a thread of its own, so that a slow disk never holds up a tick; `Recorder(threaded=False)`
does each job at once, for engines in virtual time.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from media import files
from media.commands import Record
from media.events import RecordEnded
from media.frames import RATE, Pcm
from media.levels import SILENCE, dbfs

SYNC_BLOCKS = 5  # blocks of 200 ms between header updates and fsync
BACKLOG = 2000  # jobs that may wait: about a minute of a disk that stands still, for six recordings
SLOW = "the disk is too slow: audio could not be written in time"


@dataclass(slots=True)
class Tape:
    """An open file."""

    command: Record
    file: BinaryIO
    data_bytes: int = 0
    blocks: int = 0
    silent: bool = True
    error: str = ""


class Recorder:
    """Implements `sinks.Writer`; what is finished is told to `ended`, from the writer's thread."""

    def __init__(self, ended: Callable[[RecordEnded], None], *, threaded: bool = True) -> None:
        self._ended = ended
        self._tapes: dict[str, Tape] = {}
        self._failed: dict[str, tuple[Record, str]] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True) if threaded else None
        if self._thread is not None:
            self._thread.start()

    def open(self, command: Record) -> None:
        """Begins a file."""
        self._do(lambda: self._open(command))

    def write(self, recording: str, pcm: Pcm) -> bool:
        """Appends `pcm: (samples, channels)`; False where the disk is too slow for more."""
        if self._jobs.qsize() > BACKLOG:
            self._do(lambda: self._fail(recording, SLOW))
            return False
        self._do(lambda: self._write(recording, pcm))
        return True

    def close(self, recording: str, reason: str, cut_samples: int) -> None:
        """Ends a file; `ended` follows."""
        self._do(lambda: self._close(recording, reason, cut_samples))

    def finish(self) -> None:
        """Waits until all jobs are done."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _do(self, job: Callable[[], None]) -> None:
        if self._thread is None:
            job()
            return
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _open(self, command: Record) -> None:
        try:
            file = open(command.path, "w+b", buffering=0)  # noqa: SIM115 - stays open
        except OSError as error:
            self._failed[command.recording] = (command, str(error))
            return
        tape = self._tapes[command.recording] = Tape(command, file)
        try:
            self._true_header(tape)
        except OSError as error:
            tape.error = str(error)

    def _fail(self, recording: str, error: str) -> None:
        tape = self._tapes.get(recording)
        if tape is not None:
            tape.error = tape.error or error

    def _write(self, recording: str, pcm: Pcm) -> None:
        tape = self._tapes.get(recording)
        if tape is None or tape.error:
            return
        data = pcm.astype("<i2").tobytes()
        try:
            tape.data_bytes += tape.file.write(data)  # fewer on a disk that is nearly full; the next one says so
            tape.blocks += 1
            if tape.blocks % SYNC_BLOCKS == 0:
                self._true_header(tape)
                os.fsync(tape.file.fileno())
        except OSError as error:
            tape.error = str(error)
        if tape.silent and len(pcm):
            tape.silent = bool(dbfs(pcm.T).max() <= SILENCE)

    @staticmethod
    def _true_header(tape: Tape) -> None:
        tape.file.seek(0)
        tape.file.write(files.wav_header(tape.command.channels, tape.data_bytes))
        tape.file.seek(0, os.SEEK_END)

    def _close(self, recording: str, reason: str, cut_samples: int) -> None:
        if recording in self._failed:
            command, error = self._failed.pop(recording)
            self._ended(RecordEnded(command.port, recording, "failed", 0.0, 0.0, 0, True, error))
            return
        tape = self._tapes.pop(recording, None)
        if tape is None:
            return
        align = 2 * tape.command.channels
        try:
            tape.data_bytes = max(0, tape.data_bytes - cut_samples * align)
            recorded = tape.data_bytes / align / RATE
            if tape.command.trim and not tape.error:
                self._trim(tape)
            tape.file.truncate(files.HEADER_SIZE + tape.data_bytes)
            self._true_header(tape)
            os.fsync(tape.file.fileno())
        except OSError as error:
            tape.error = tape.error or str(error)
        finally:
            tape.file.close()
        seconds = tape.data_bytes / align / RATE
        size = files.HEADER_SIZE + tape.data_bytes
        reason = "failed" if tape.error else reason
        self._ended(RecordEnded(tape.command.port, recording, reason, seconds, recorded, size, tape.silent, tape.error))

    @staticmethod
    def _trim(tape: Tape) -> None:
        """Cuts silence from both ends."""
        channels = tape.command.channels
        tape.file.seek(files.HEADER_SIZE)
        pcm = np.frombuffer(tape.file.read(tape.data_bytes), "<i2").reshape(-1, channels)
        first, last = files.trimmed(pcm)
        tape.file.seek(files.HEADER_SIZE)
        tape.file.write(pcm[first:last].tobytes())
        tape.data_bytes = (last - first) * 2 * channels
