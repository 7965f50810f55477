"""What was refused, for the operator: one line per source, method and reason, with how often and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

SOURCES = 1000  # the one that was refused longest ago goes first
LINES = 20  # of a source; the oldest are summed up in one, so that a scanner hides nobody's mistake
REST = "other reasons"


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

    def with_more(self, other: Refused) -> Refused:
        """Both in one line."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return replace(self, first=first, last=last, count=self.count + other.count)


Key = tuple[str, int, str]


class Refusals:
    """The newest refusals."""

    def __init__(self, sources: int = SOURCES, lines: int = LINES) -> None:
        self._kept = sources
        self._each = lines
        self._sources: dict[str, dict[Key, Refused]] = {}
        self.total = 0

    def __len__(self) -> int:
        return sum(map(len, self._sources.values()))

    def add(self, source: str, method: str, status: int, reason: str, at: datetime) -> None:
        """Counts one."""
        self.total += 1
        lines = self._sources[source] = self._sources.pop(source, {})
        _put(lines, Refused(source, method, status, reason, at, at))
        while len(lines) > self._each:
            oldest = next(line for line in lines.values() if line.reason != REST)
            del lines[oldest.method, oldest.status, oldest.reason]
            _put(lines, replace(oldest, method="", status=0, reason=REST))
        if len(self._sources) > self._kept:
            del self._sources[next(iter(self._sources))]

    def newest_first(self, source: str | None = None, most: int | None = None) -> list[Refused]:
        """All lines, or those of a source."""
        lines = self._all() if source is None else iter(self._sources.get(source, {}).values())
        return sorted(lines, key=lambda line: line.last)[::-1][:most]

    def forget(self, source: str) -> None:
        """Drops the lines of a source."""
        self._sources.pop(source, None)

    def _all(self) -> Iterator[Refused]:
        return (line for lines in self._sources.values() for line in lines.values())


def _put(lines: dict[Key, Refused], line: Refused) -> None:
    """Adds a line, or adds it to the one of its kind, as the newest."""
    key = line.method, line.status, line.reason
    known = lines.pop(key, None)
    lines[key] = line if known is None else known.with_more(line)
