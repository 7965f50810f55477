"""Two agents that live long and have many short calls: what they keep must not grow with them."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from random import Random

from sip import commands
from sip.session_timer import TimerPolicy
from tests.simulation.network import Network, Weather
from tests.simulation.party import Party
from tests.simulation.user import User
from tests.simulation.world import pass_time

PAUSE = 0.5  # seconds between calls
TALK = (0.0, 20.0)
DAY = 40_000.0  # seconds: long enough for every deadline and everything that is remembered


@dataclass(frozen=True, slots=True)
class Kept:
    """All objects of the process, and the deadlines of both agents."""

    objects: int
    blocks: int  # of memory
    deadlines: int


class Pair:
    """Alice calls Bob again and again, a call every half second, over a network that loses a little."""

    def __init__(self, seed: int = 1) -> None:
        self.calls = 0
        self._random = Random(seed)
        self._network = Network(Random(seed), Weather(0.02, 0.02, (0.01, 0.1), 0.001, 0.0, 0.0))
        hosts = (("alice", "100.64.0.1"), ("bob", "100.64.0.2"))
        self._parties = [Party(self._network, name, host, TimerPolicy()) for name, host in hosts]
        self._users = [User(one, Random(seed), 0.0, f"sip:{one.name}@{one.host}:5060") for one in self._parties]

    def run(self, calls: int) -> None:
        """So many calls, and the time after them in which all is forgotten."""
        for _ in range(calls):
            self._call()
        pass_time(self._network, self._parties, self._network.now + DAY, steps=1_000_000)

    def _call(self) -> None:
        self.calls += 1
        transport = self._random.choice(("", "", ";transport=tcp"))
        self._users[0].call(f"sip:bob@100.64.0.2:5060{transport}")
        pass_time(self._network, self._parties, self._network.now + PAUSE)
        for party in self._parties:
            for session in party.ledger.alive():
                if self._random.random() < PAUSE / TALK[1]:
                    party.apply(commands.Hangup(session))
            party.ledger.forget()

    def kept(self) -> Kept:
        """What is kept once all calls are over."""
        self._network.quiet()
        for party in self._parties:
            for session in party.ledger.alive():
                party.apply(commands.Hangup(session))
        pass_time(self._network, self._parties, self._network.now + DAY, steps=1_000_000)
        for party in self._parties:
            party.ledger.forget()
            assert (party.agent.sessions, party.agent.dialogs, party.agent.transactions) == (0, 0, 0)
        gc.collect()
        deadlines = sum(len(party.agent._layer.alarms) for party in self._parties)
        return Kept(len(gc.get_objects()), sys.getallocatedblocks(), deadlines)
