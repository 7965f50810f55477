"""What `trunkline doctor` finds: one line each, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Errors make the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str  # the setting, trunk or file
    what: str
    cure: str = ""

    def __str__(self) -> str:
        end = "" if self.what.endswith("?") else "."
        cure = f"{end} Cure: {self.cure}" if self.cure else ""
        return f"{self.level:<8} {self.subject}: {self.what}{cure}"


def fine(subject: str, what: str) -> Finding:
    """Nothing to do."""
    return Finding(Level.OK, subject, what)


def doubtful(subject: str, what: str, cure: str) -> Finding:
    """It may be meant so."""
    return Finding(Level.WARNING, subject, what, cure)


def wrong(subject: str, what: str, cure: str) -> Finding:
    """It cannot work."""
    return Finding(Level.ERROR, subject, what, cure)


def as_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """For programs."""
    return [{name: str(value) for name, value in asdict(one).items()} for one in findings]
