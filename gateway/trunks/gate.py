"""The gate: strangers who fail again and again are answered slowly, then not at all.

Pure: sources, outcomes and times come in. Whoever belongs to a trunk, and whoever has logged in, is never slowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FREE = 3  # failures that are answered at once: a mistyped password, a phone that was set up twice
MOST = 12  # failures that are answered at all
REFILL = 0.05  # failures forgotten in a second: a monitor that asks each half minute is never slowed
SLOWEST = 8.0  # seconds; a longer silence is repeated by the peer anyway (RFC 3261 §17.1.1.2: timer A)
SHUT = 600.0  # seconds without a packet after which a source that was shut out starts anew
PROVEN = 86400.0  # seconds that a login keeps its source from being slowed
KEPT = 65536  # sources that are remembered, some ten megabytes; the longest unheard go first


@dataclass(slots=True)
class Source:
    """What is remembered of an address."""

    failures: float = 0.0
    at: float = 0.0  # when `failures` was right
    shut_until: float = 0.0
    proven_until: float = 0.0


class Gate:
    """Asked for every message; told of every refusal and every login."""

    def __init__(
        self, belongs: Callable[[str], bool], answers_strangers: Callable[[], bool] = lambda: True, kept: int = KEPT
    ) -> None:
        self._belongs = belongs
        self._answers_strangers = answers_strangers
        self._kept = kept
        self._friends: dict[str, bool] = {}  # answers of `belongs`
        self._sources: dict[str, Source] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def shut(self, now: float) -> int:
        """How many sources are shut out."""
        return sum(one.shut_until > now for one in self._sources.values())

    def renew(self) -> None:
        """Who belongs to us may have changed."""
        self._friends.clear()

    def knows(self, source: str, now: float) -> bool:
        """Whether a source belongs to a trunk or has logged in."""
        found = self._sources.get(source)
        return (found is not None and found.proven_until > now) or self._is_friend(source)

    def opens(self, source: str, now: float) -> bool:
        """Whether a message is read at all. One that is not keeps its source out for longer."""
        found = self._sources.get(source)
        if found is None or found.shut_until <= now:
            return True
        if self._is_friend(source):
            return True
        found.shut_until = now + SHUT
        return False

    def answers(self, source: str, now: float) -> bool:
        """Whether a source hears anything of us outside of its calls."""
        return self._answers_strangers() or self.knows(source, now)

    def failed(self, source: str, now: float) -> float:
        """A stranger was refused: the seconds that the answer waits."""
        if self.knows(source, now):
            return 0.0
        found = self._sources.pop(source, None) or Source(at=now)
        self._sources[source] = found  # the last heard is the last to be forgotten
        if len(self._sources) > self._kept:
            del self._sources[next(iter(self._sources))]
        found.failures = max(0.0, found.failures - REFILL * (now - found.at)) + 1
        found.at = now
        if found.failures > MOST:
            found.shut_until = now + SHUT
        return 0.0 if found.failures <= FREE else min(SLOWEST, 2.0 ** (found.failures - FREE - 1))

    def proved(self, source: str, now: float) -> None:
        """Somebody there has logged in."""
        if not self._is_friend(source):
            self._sources.pop(source, None)
            self._sources[source] = Source(proven_until=now + PROVEN)

    def forgive(self, source: str) -> bool:
        """Forgets what a source did; whether there was anything."""
        return self._sources.pop(source, None) is not None

    def _is_friend(self, source: str) -> bool:
        found = self._friends.get(source)
        if found is None:
            if len(self._friends) >= self._kept:
                self._friends.clear()
            found = self._friends[source] = self._belongs(source)
        return found
