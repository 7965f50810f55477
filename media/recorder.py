"""The writer of recordings: files grow as the calls go on, with a header that is true every second.

A recording's file is its own journal: its header is written first, audio is only ever appended, and so its length says
after any crash how much there is (the gateway repairs the header at its next start). Two threads keep slow disks away
from the tick: one appends, 200 ms of all recordings at a time; the other brings files to the disk each second and
finishes those that have ended (media/endings.py). With `threaded=False` each job is done at once, for virtual time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from media import files
from media.blocks import BlockIO, Fds, best
from media.commands import Record
from media.endings import Finisher
from media.events import RecordEnded
from media.frames import FRAME
from media.jobs import Jobs
from media.lanes import BLOCK, Block
from media.tapes import Ending, Tape

TRUE = 5  # blocks until each header has been made true again: a second
BEHIND_BLOCKS = 50  # that may wait: ten seconds of a disk that stands still (five where mono and dual are recorded)
BEHIND_BYTES = 1 << 26  # and what they may hold


@dataclass(frozen=True, slots=True)
class _Open:
    number: int
    command: Record


@dataclass(frozen=True, slots=True)
class _Close:
    number: int
    reason: str
    cut_samples: int
    silent: bool
    error: str


@dataclass(frozen=True, slots=True)
class _Load:
    """Blocks of full length, and bytes of all."""

    blocks: int = 0
    bytes: int = 0

    def with_(self, block: Block) -> _Load:
        full = block.pcm.shape[1] == BLOCK * FRAME
        return _Load(self.blocks + full, self.bytes + block.pcm.nbytes)


Job = _Open | Block | _Close


class Recorder:
    """Implements `sinks.Writer`; what is finished is told to `ended`, from a thread."""

    def __init__(
        self, ended: Callable[[RecordEnded], None], *, threaded: bool = True, blocks: BlockIO | None = None
    ) -> None:
        self._blocks = blocks or best()
        self._tapes: dict[int, Tape] = {}
        self._broken: deque[int] = deque()
        self._opened = 0
        self._given = self._done = _Load()
        self._finisher = Finisher(ended, self._tapes, self._blocks, self._break, threaded=threaded)
        self._jobs: Jobs[Job] = Jobs("recorder", self._job, threaded=threaded)

    # the tick's side

    def open(self, command: Record) -> int:
        """Begins a file; its number."""
        self._opened += 1
        self._jobs.put(_Open(self._opened, command))
        return self._opened

    def write(self, block: Block) -> bool:
        """Appends; False where so much waits that the disk is too slow."""
        self._given = self._given.with_(block)
        self._jobs.put(block)
        given, done = self._given, self._done
        return given.blocks - done.blocks <= BEHIND_BLOCKS and given.bytes - done.bytes <= BEHIND_BYTES

    def broken(self) -> list[int]:
        """The files that could not be written, since this was asked last."""
        found = []
        while self._broken:
            found.append(self._broken.popleft())
        return found

    def close(self, tape: int, reason: str, cut_samples: int, *, silent: bool, error: str = "") -> None:
        """Ends a file; `ended` follows."""
        self._jobs.put(_Close(tape, reason, cut_samples, silent, error))

    def finish(self) -> None:
        """Waits until all jobs are done."""
        self._jobs.finish()
        self._finisher.finish()

    # the thread's side

    def _job(self, job: Job) -> None:
        match job:
            case Block():
                self._append(job)
                self._done = self._done.with_(job)
            case _Open(number, command):
                self._open(number, command)
            case _Close(number, reason, cut, silent, error):
                tape = self._tapes.pop(number)
                self._finisher.put(Ending(tape, reason, cut, silent, error))

    def _open(self, number: int, command: Record) -> None:
        tape = self._tapes[number] = Tape(number, command, None, untold=number % TRUE)
        try:
            tape.file = open(command.path, "w+b", buffering=0)  # noqa: SIM115 - stays open
        except OSError as error:
            self._break(tape, error.errno or 0)
            return
        self._write_headers([tape])

    def _append(self, block: Block) -> None:
        tapes = [self._tapes[number] for number in block.tapes]
        fds = np.fromiter((tape.fd for tape in tapes), np.int32, len(tapes))
        offsets = np.fromiter((files.HEADER_SIZE + tape.data_bytes for tape in tapes), np.int64, len(tapes))
        frame = 2 * block.pcm.shape[2]
        written = self._blocks.write(fds, offsets, block.pcm.astype("<i2", copy=False), frame * block.first)
        for tape, size in zip(tapes, written.sizes.tolist(), strict=True):
            tape.data_bytes += size - size % frame
            tape.untold += 1
        self._note(tapes, written.errors)
        self._make_true([tape for tape in tapes if tape.untold >= TRUE])

    def _make_true(self, tapes: list[Tape]) -> None:
        """Headers that say how long these files are now; each in its turn, not all at once."""
        for tape in tapes:
            tape.untold = 0
        if tapes:
            self._write_headers(tapes)

    def _write_headers(self, tapes: list[Tape]) -> None:
        headers = b"".join(files.wav_header(tape.command.channels, tape.data_bytes) for tape in tapes)
        data = np.frombuffer(headers, np.uint8).reshape(-1, files.HEADER_SIZE)
        fds = np.fromiter((tape.fd for tape in tapes), np.int32, len(tapes))
        zeros = np.zeros(len(tapes), np.int64)
        self._note(tapes, self._blocks.write(fds, zeros, data, zeros).errors)

    def _note(self, tapes: list[Tape], errors: Fds) -> None:
        for index in np.flatnonzero(errors).tolist():
            self._break(tapes[index], int(errors[index]))

    def _break(self, tape: Tape, errno: int) -> None:
        """Nothing more is written to it; the first reason stays."""
        if not tape.error:
            tape.error = f"its file could not be written: {os.strerror(errno)}"
            self._broken.append(tape.number)
