"""The gate: strangers who fail again and again are answered slowly, then not at all.

Pure: peers, outcomes and times come in. Whoever belongs to a trunk, and whoever has logged in, is never slowed. A
stranger is an address (in IPv6 a /64, which is what one host has); where somebody has logged in lately, the others at
that address are told apart by their ports, for a scanner may share the address of an office. Who has logged in may fail
as others as often as a stranger: after that its logins as others are not looked at, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from gateway.trunks.failures import Count
from gateway.trunks.networks import host
from sip.outputs import Address

FREE = 3  # failures that are answered at once: a mistyped password, a phone that was set up twice
MOST = 12  # failures that are answered at all
SHARED = 120  # failures that are answered at all of all strangers at an address where somebody has logged in
ASKED = 0.1  # what it costs to be asked for a login: an office logs in at once, who never does is a scanner
SLOWEST = 8.0  # seconds; a longer silence is repeated by the peer anyway (RFC 3261 §17.1.1.2: timer A)
PROVEN = 86400.0  # seconds that a login keeps its source from being slowed
KEPT = 65536  # sources that are remembered, some ten megabytes; the longest unheard go first
USERS = 64  # users that are remembered of one who has logged in: a PBX logs in as many
WORN = 10  # entries that are looked at, for whether they are over, where a new one is made

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Proof:
    """A login: until when it counts, and as whom, the longest unheard first."""

    until: float
    users: dict[str, None] = field(default_factory=dict)  # USER@REALM

    def add(self, user: str) -> None:
        """Another login there."""
        self.users.pop(user, None)
        self.users[user] = None
        if len(self.users) > USERS:
            del self.users[next(iter(self.users))]


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
        self._proven: dict[Address, Proof] = {}  # who has logged in
        self._guesses: dict[Address | str, Count] = {}  # of who has logged in and of its host: wrong logins as others
        self.unread = 0  # messages that were not read

    def __len__(self) -> int:
        strangers = len(self._hosts) + len(self._ports)
        return strangers + len(self._offices) + len(self._proven) + len(self._guesses)

    def shut(self, now: float) -> int:
        """How many sources are shut out."""
        return sum(one.shut_until > now for one in (*self._hosts.values(), *self._ports.values()))

    def renew(self) -> None:
        """Who belongs to us may have changed."""
        self._friends.clear()

    def knows(self, peer: Address, now: float) -> bool:
        """Whether a peer belongs to a trunk or has logged in."""
        return self._proof(peer, now) is not None or self._is_friend(peer[0])

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

    def failed(self, peer: Address, now: float, user: str | None = None) -> float:
        """A stranger was refused: the seconds that the answer waits.

        `user`: USER@REALM that it would have been, empty where it showed no login, None where that says nothing.
        """
        proof = self._proof(peer, now)
        if proof is not None and user and user not in proof.users:
            self._count(self._guesses, peer, now).charge(1.0, MOST, now)
            self._count(self._guesses, host(peer[0]), now).charge(1.0, SHARED, now)
        failures = self._charge(peer, 1.0, now, user)
        return 0.0 if failures <= FREE else min(SLOWEST, 2.0 ** (failures - FREE - 1))

    def may_try(self, peer: Address, user: str, now: float) -> bool:
        """Whether a login as USER@REALM is looked at: who has logged in guesses no others."""
        proof = self._proof(peer, now)
        if proof is None or user in proof.users or self._is_friend(peer[0]):
            return True
        return not (self._bars(self._guesses, peer, now) or self._bars(self._guesses, host(peer[0]), now))

    def asked(self, peer: Address, now: float) -> None:
        """A stranger was asked for a login."""
        self._charge(peer, ASKED, now)

    def proved(self, peer: Address, now: float, user: str = "") -> None:
        """Somebody there has logged in, as USER@REALM; or what is known of it is worth as much."""
        if self._is_friend(peer[0]):
            return
        name = host(peer[0])
        if self._offices.get(name, 0.0) <= now:
            self._hosts.pop(name, None)
        self._ports.pop(peer, None)
        self._keep(self._offices, name, now + PROVEN, lambda until: until <= now)
        proof = self._proof(peer, now) or Proof(0.0)
        proof.until = now + PROVEN
        if user:
            proof.add(user)
        self._keep(self._proven, peer, proof, lambda one: one.until <= now)

    def forgive(self, source: str) -> bool:
        """Forgets what an address did; whether there was anything."""
        name = host(source)
        ports = [peer for peer in self._ports if host(peer[0]) == name]
        for peer in ports:
            del self._ports[peer]
        guesses = [one for one in self._guesses if (one if isinstance(one, str) else host(one[0])) == name]
        for guess in guesses:
            del self._guesses[guess]
        return self._hosts.pop(name, None) is not None or bool(ports or guesses)

    def _charge(self, peer: Address, cost: float, now: float, user: str | None = None) -> float:
        if self.knows(peer, now):
            return 0.0
        name = host(peer[0])
        if self._offices.get(name, 0.0) <= now:
            return self._count(self._hosts, name, now).charge(cost, MOST, now, user)
        self._count(self._hosts, name, now).charge(cost, SHARED, now, user)
        return self._count(self._ports, peer, now).charge(cost, MOST, now, user)

    def _proof(self, peer: Address, now: float) -> Proof | None:
        proof = self._proven.get(peer)
        return proof if proof is not None and proof.until > now else None

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
