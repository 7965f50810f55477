"""How often a source has failed lately, and for how long it is shut out for that (gateway/trunks/gate.py)."""

from __future__ import annotations

from dataclasses import dataclass

REFILL = 0.05  # failures forgotten in a second: a monitor that asks each half minute is never slowed
SHUT = 600.0  # seconds that a source is shut out; twice as long each time that it goes on
LONGEST = 3600.0  # seconds; after that a phone whose password was put right is heard without anybody's help
SHUT_AS_ONE = 60.0  # the same for who always would be one and the same user: a phone with a wrong password does that,
LONGEST_AS_ONE = 600.0  # and 12 guesses and then one in some minutes find no password that the API accepts


@dataclass(slots=True)
class Count:
    """The failures of a source."""

    failures: float = 0.0
    at: float = 0.0  # when `failures` was right
    shut_until: float = 0.0
    times: int = 0  # that it was shut out without a pause
    user: str | None = None  # whom it would be, always; empty where it would be several, or showed no login

    def charge(self, cost: float, most: float, now: float, user: str | None = None) -> float:
        """One failure more; how many there are. What was under way when it was shut out makes it no worse."""
        if self.shut_until > now:
            return most
        left = max(0.0, self.failures - REFILL * (now - self.at))
        if not left:
            self.times, self.user = 0, None
        if user is not None:
            self.user = user if self.user in (None, user) else ""
        self.failures, self.at = left + cost, now
        failures = self.failures
        if failures > most:
            self._shut(now)
            self.failures = most - 1  # then it has a try, which asks for a login several times where it was repeated
        return failures

    def _shut(self, now: float) -> None:
        first, longest = (SHUT_AS_ONE, LONGEST_AS_ONE) if self.user else (SHUT, LONGEST)
        self.shut_until = now + min(longest, first * 2.0**self.times)
        self.times += 1

    def over(self, now: float) -> bool:
        """Whether nothing is left to remember."""
        return self.shut_until <= now and self.failures <= REFILL * (now - self.at)
