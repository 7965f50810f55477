"""An open file of a recording, and where its audio begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from media.commands import Record
from media.events import RecordEnded


@dataclass(slots=True)
class Tape:
    """`file` is None where it could not be opened; `error` says what went wrong."""

    number: int
    command: Record
    file: BinaryIO | None
    data_bytes: int = 0
    untold: int = 0  # blocks of which the header does not know
    error: str = ""

    @property
    def fd(self) -> int:
        """-1 where nothing can be written any more."""
        return -1 if self.file is None or self.error else self.file.fileno()


@dataclass(frozen=True, slots=True)
class Ending:
    """A tape that is to be finished."""

    tape: Tape
    reason: str
    cut_samples: int
    silent: bool
    error: str

    def failed(self) -> RecordEnded:
        """What is said of it where there is no whole file."""
        command, error = self.tape.command, self.tape.error or self.error
        return RecordEnded(
            command.port, command.recording, "failed", 0.0, 0.0, self.tape.data_bytes, self.silent, error,
            room=command.room,
        )  # fmt: skip
