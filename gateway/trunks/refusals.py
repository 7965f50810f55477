"""What was refused, for the operator: one line per source, method and reason, with how often and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

KEPT = 1000  # lines; the oldest go first


@dataclass(frozen=True, slots=True)
class Refused:
    """A line. `status` 0: no answer was given."""

    source: str
    method: str
    status: int
    reason: str
    first: datetime
    last: datetime
    count: int = 1


class Refusals:
    """The newest refusals."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lines: dict[tuple[str, str, int, str], Refused] = {}
        self.total = 0

    def add(self, source: str, method: str, status: int, reason: str, at: datetime) -> None:
        """Counts one."""
        self.total += 1
        key = source, method, status, reason
        known = self._lines.pop(key, None)
        line = Refused(*key, at, at) if known is None else replace(known, last=at, count=known.count + 1)
        self._lines[key] = line
        if len(self._lines) > self._kept:
            del self._lines[next(iter(self._lines))]

    def newest_first(self, source: str | None = None) -> list[Refused]:
        """All lines, or those of a source."""
        return [line for line in reversed(self._lines.values()) if source in (None, line.source)]

    def forget(self, source: str) -> None:
        """Drops the lines of a source."""
        self._lines = {key: line for key, line in self._lines.items() if key[0] != source}
