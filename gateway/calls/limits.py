"""How many calls may start in a second, and how many may live at once. Pure: the time and the count come in."""

from __future__ import annotations

from collections import Counter, deque
from math import ceil

from gateway.trunks.admission import Refusal

LATER = 5.0  # seconds after which a refused caller may try again where all places are taken: nobody knows more
OF_SOURCE = 200  # calls of one address: an office has fewer at once, a scanner takes no more


class Limits:
    """`admit` is asked once for each call that would start; no limit where a number is None."""

    def __init__(self, cps: float | None = None, concurrency: int | None = None, of_source: int = OF_SOURCE) -> None:
        self.of_source = of_source
        self._sources: Counter[str] = Counter()
        self._concurrency = concurrency
        self._most = ceil(cps) if cps else 0  # starts within any `_window` seconds
        self._window = self._most / cps if cps else 0.0
        self._started: deque[float] = deque(maxlen=self._most)

    def admit(self, now: float, living: int) -> float | None:
        """None: the call may start, and counts. Else the seconds after which to try again."""
        if self._concurrency is not None and living >= self._concurrency:
            return LATER
        if not self._most:
            return None
        if len(self._started) == self._most and now - self._started[0] < self._window:
            return self._window - (now - self._started[0])
        self._started.append(now)
        return None

    def take(self, source: str) -> bool:
        """A call of a source, counted from its INVITE on, before anything is known of it; False: one too many."""
        if self._sources[source] >= self.of_source:
            return False
        self._sources[source] += 1
        return True

    def release(self, source: str) -> None:
        """That call is over."""
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]


def busy(text: str, wait: float) -> Refusal:
    """503 for so many seconds."""
    return Refusal(503, text, (("Retry-After", str(ceil(wait))),))
