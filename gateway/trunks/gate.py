"""The gate: strangers who fail again and again are answered slowly, then not at all.

Pure: peers, outcomes and times come in. Whoever belongs to a trunk, and whoever has logged in, is never slowed. A
stranger is an address (in IPv6 a /64, which is what one host has); where somebody has logged in lately, the others at
that address are told apart by their ports, for a scanner may share the address of an office.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from gateway.trunks.networks import host
from sip.outputs import Address

FREE = 3  # failures that are answered at once: a mistyped password, a phone that was set up twice
MOST = 12  # failures that are answered at all
SHARED = 120  # failures that are answered at all of all strangers at an address where somebody has logged in
ASKED = 0.1  # what it costs to be asked for a login: an office logs in at once, who never does is a scanner
REFILL = 0.05  # failures forgotten in a second: a monitor that asks each half minute is never slowed
SLOWEST = 8.0  # seconds; a longer silence is repeated by the peer anyway (RFC 3261 §17.1.1.2: timer A)
SHUT = 600.0  # seconds that a source is shut out; twice as long each time that it goes on
LONGEST = 3600.0  # seconds; after that a phone whose password was put right is heard without anybody's help
PROVEN = 86400.0  # seconds that a login keeps its source from being slowed
KEPT = 65536  # sources that are remembered, some ten megabytes; the longest unheard go first
WORN = 10  # entries that are looked at, for whether they are over, where a new one is made

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Count:
    """The failures of a source."""

    failures: float = 0.0
    at: float = 0.0  # when `failures` was right
    shut_until: float = 0.0
    times: int = 0  # that it was shut out without a pause

    def charge(self, cost: float, most: float, now: float) -> float:
        """One failure more; how many there are. What was under way when it was shut out makes it no worse."""
        if self.shut_until > now:
            return most
        left = max(0.0, self.failures - REFILL * (now - self.at))
        if not left:
            self.times = 0
        self.failures, self.at = left + cost, now
        failures = self.failures
        if failures > most:
            self.shut_until = now + min(LONGEST, SHUT * 2.0**self.times)
            self.times += 1
            self.failures = (
                most - 1
            )  # after that it has a try, which asks for a login several times where it was repeated
        return failures

    def over(self, now: float) -> bool:
        """Whether nothing is left to remember."""
        return self.shut_until <= now and self.failures <= REFILL * (now - self.at)


class Gate:
    """Asked for every message; told of every refusal and every login."""

    def __init__(
        self, belongs: Callable[[str], bool], answers_strangers: Callable[[], bool] = lambda: True, kept: int = KEPT
    ) -> None:
        self._belongs = belongs
        self._answers_strangers = answers_strangers
        self._kept = kept
        self._friends: dict[str, bool] = {}  # answers of `belongs`
        self._hosts: dict[str, Count] = {}
        self._ports: dict[Address, Count] = {}  # at hosts where somebody has logged in
        self._offices: dict[str, float] = {}  # these hosts, and until when that counts
        self._proven: dict[Address, float] = {}  # who has logged in
        self.unread = 0  # messages that were not read

    def __len__(self) -> int:
        return len(self._hosts) + len(self._ports) + len(self._offices) + len(self._proven)

    def shut(self, now: float) -> int:
        """How many sources are shut out."""
        return sum(one.shut_until > now for one in (*self._hosts.values(), *self._ports.values()))

    def renew(self) -> None:
        """Who belongs to us may have changed."""
        self._friends.clear()

    def knows(self, peer: Address, now: float) -> bool:
        """Whether a peer belongs to a trunk or has logged in."""
        return self._proven.get(peer, 0.0) > now or self._is_friend(peer[0])

    def belongs(self, source: str) -> bool:
        """Whether an address is a trunk's."""
        return self._is_friend(source)

    def shelters(self, peer: Address, now: float) -> bool:
        """Whether somebody whom we know is at the peer's address."""
        return self._offices.get(host(peer[0]), 0.0) > now or self._is_friend(peer[0])

    @staticmethod
    def host(source: str) -> str:
        """What addresses a source has with others in common."""
        return host(source)

    def opens(self, peer: Address, now: float) -> bool:
        """Whether a message is read at all. While one is sent that is not, nothing is forgotten."""
        if not self._hosts and not self._ports:
            return True
        barred = self._bars(self._hosts, host(peer[0]), now) or self._bars(self._ports, peer, now)
        if not barred or self.knows(peer, now):
            return True
        self.unread += 1
        return False

    def answers(self, peer: Address, now: float) -> bool:
        """Whether a peer hears anything of us outside of its calls."""
        return self._answers_strangers() or self.knows(peer, now)

    def failed(self, peer: Address, now: float) -> float:
        """A stranger was refused: the seconds that the answer waits."""
        failures = self._charge(peer, 1.0, now)
        return 0.0 if failures <= FREE else min(SLOWEST, 2.0 ** (failures - FREE - 1))

    def asked(self, peer: Address, now: float) -> None:
        """A stranger was asked for a login."""
        self._charge(peer, ASKED, now)

    def proved(self, peer: Address, now: float) -> None:
        """Somebody there has logged in."""
        if self._is_friend(peer[0]):
            return
        name = host(peer[0])
        if self._offices.get(name, 0.0) <= now:
            self._hosts.pop(name, None)
        self._ports.pop(peer, None)
        self._keep(self._offices, name, now + PROVEN, lambda until: until <= now)
        self._keep(self._proven, peer, now + PROVEN, lambda until: until <= now)

    def forgive(self, source: str) -> bool:
        """Forgets what an address did; whether there was anything."""
        name = host(source)
        ports = [peer for peer in self._ports if host(peer[0]) == name]
        for peer in ports:
            del self._ports[peer]
        return self._hosts.pop(name, None) is not None or bool(ports)

    def _charge(self, peer: Address, cost: float, now: float) -> float:
        if self.knows(peer, now):
            return 0.0
        name = host(peer[0])
        if self._offices.get(name, 0.0) <= now:
            return self._count(self._hosts, name, now).charge(cost, MOST, now)
        self._count(self._hosts, name, now).charge(cost, SHARED, now)
        return self._count(self._ports, peer, now).charge(cost, MOST, now)

    def _count(self, table: dict[K, Count], key: K, now: float) -> Count:
        found = table.get(key) or Count(at=now)
        self._keep(table, key, found, lambda one: one.over(now))
        return found

    @staticmethod
    def _bars(table: dict[K, Count], key: K, now: float) -> bool:
        found = table.get(key)
        if found is None or found.shut_until <= now:
            return False
        found.at = now
        table[key] = table.pop(key)
        return True

    def _keep(self, table: dict[K, V], key: K, value: V, over: Callable[[V], bool]) -> None:
        """Keeps something as what was heard last; what was heard longest ago goes where it is over, or one too many."""
        table.pop(key, None)
        for oldest in list(islice(table, WORN)):
            if len(table) < self._kept and not over(table[oldest]):
                break
            del table[oldest]
        table[key] = value

    def _is_friend(self, source: str) -> bool:
        found = self._friends.get(source)
        if found is None:
            if len(self._friends) >= self._kept:
                self._friends.clear()
            found = self._friends[source] = self._belongs(source)
        return found
