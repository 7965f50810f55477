"""One call from one seed: who takes part, what the weather is, what goes wrong, and what must hold at the end."""

from __future__ import annotations

from random import Random

from sip import commands
from sip.events import Cause
from sip.session import Phase
from sip.session_timer import TimerPolicy
from tests.simulation.challenger import Challenger
from tests.simulation.forker import Forker
from tests.simulation.ledger import Entry
from tests.simulation.network import PORT, Network, Weather
from tests.simulation.party import Party
from tests.simulation.registrar import Registrar
from tests.simulation.user import User

MOST_MESSAGES = 250  # of one call: more would be a storm
SETTLING = 700.0  # seconds after the last command until nothing may be left
LONGEST_EXCHANGE = 150.0  # seconds: everything that was begun has been concluded, a hidden call has been given up
BYE_MAY_LAST = 40.0  # seconds: a session timer may have ended a call just now
STUCK = 20_000  # steps of the loop

# how the caller's side ended -> how the called side may say it, crossings included
AGREED = {
    Cause.HANGUP: {Cause.BYE, Cause.HANGUP},
    Cause.BYE: {Cause.HANGUP},
    Cause.CANCELED: {Cause.CANCELED, Cause.BYE, Cause.HANGUP, Cause.REFUSED},
    Cause.REFUSED: {Cause.REFUSED},
    Cause.TIMEOUT: {Cause.TIMEOUT},
    Cause.PROTOCOL: {Cause.PROTOCOL},
    Cause.TRANSPORT: {Cause.TRANSPORT},
}


class World:
    """Alice calls Bob, or Bob and Carol through a proxy. `run` raises AssertionError where a rule is broken."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.random = Random(seed)
        self.network = Network(Random(self.random.getrandbits(32)), trace=trace)
        self.network.weather = self._weather()
        self.forks = self.random.random() < 0.15
        self.disturbed = False  # something happened after which both sides may disagree
        self.talk = self.random.uniform(2.0, self.random.choice((10.0, 30.0, 90.0)))
        names = ("alice", "bob", "carol") if self.forks else ("alice", "bob")
        self.parties = [Party(self.network, name, f"100.64.0.{at}", self._policy()) for at, name in enumerate(names, 1)]
        self.users = [
            User(party, Random(self.random.getrandbits(32)), self.talk, f"sip:{party.name}@{party.host}:{PORT}")
            for party in self.parties
        ]
        self.target = self._target()
        self._credentials = self._guard()
        self._plan_mishaps()

    # what is drawn

    def _weather(self) -> Weather:
        kind = self.random.random()
        if kind < 0.25:
            return Weather(delay=(0.03, 0.03))
        if kind < 0.6:
            return Weather(self.random.uniform(0.0, 0.08), 0.02, (0.01, 0.2), 0.0, 0.05, 0.02)
        loss, repeat = self.random.uniform(0.0, 0.3), self.random.uniform(0.0, 0.2)
        late = self.random.choice((0.0, 0.03))
        return Weather(loss, repeat, (0.01, self.random.uniform(0.1, 2.0)), late, 0.2, 0.2)

    def _policy(self) -> TimerPolicy:
        return self.random.choice(
            (TimerPolicy(0), TimerPolicy(), TimerPolicy(90), TimerPolicy(120, 100), TimerPolicy(60, 5))
        )

    def _target(self) -> str:
        if self.forks:
            Forker(self.network, "100.64.0.50", ("100.64.0.2", "100.64.0.3"))
            return f"sip:callee@100.64.0.50:{PORT}"
        chance = self.random.random()
        if chance < 0.5:
            return f"sip:bob@100.64.0.2:{PORT}"
        if chance < 0.75:
            return f"sip:bob@100.64.0.2:{PORT};transport=tcp"
        return self.random.choice(("sip:bob@bob.example", "sip:bob@bob.example;transport=tcp", "sip:bob@no.example"))

    def _guard(self) -> commands.Credentials | None:
        if self.forks or self.random.random() > 0.2:
            return None
        proxy = self.random.random() < 0.5
        challenger = Challenger(Random(self.random.getrandbits(32)), proxy=proxy)
        self.parties[1].filters.append(challenger)
        self.network.at(self.random.uniform(0, self.talk), challenger.renew)
        return None if self.random.random() < 0.1 else commands.Credentials("alice", "secret")

    def _plan_mishaps(self) -> None:
        for chance, mishap in ((0.1, self._crash), (0.1, self._stop), (0.1, self._cut), (0.15, self.network.break_one)):
            if self.random.random() < chance:
                self.disturbed = True
                self.network.at(self.random.uniform(0.0, self.talk), mishap)

    def _crash(self) -> None:
        party = self.random.choice(self.parties)
        dialogs = [session.dialog for session in party.agent._sessions.values() if session.phase is Phase.CONFIRMED]
        party.crash()
        if self.random.random() < 0.5:
            for dialog in dialogs:
                if dialog is not None:
                    party.apply(commands.EndDialog(dialog))

    def _stop(self) -> None:
        self.random.choice(self.parties).stop(self.random.uniform(1.0, 90.0))

    def _cut(self) -> None:
        self.network.cut = self.network.now + self.random.uniform(1.0, 40.0)

    # the call

    def run(self) -> None:
        """The call, the quiet after it, its end, and what must be true then."""
        timer = self.random.choice((None, None, TimerPolicy(90)))
        self.users[0].call(
            self.target,
            credentials=self._credentials,
            redirects=self.random.choice((0, 3)),
            timer=timer,
            patience=self.random.choice((None, None, 4.0)),
            headers=(("Expires", "7"),) if self.random.random() < 0.05 else (),
        )
        if self.random.random() < 0.1:
            self.parties[1].filters.append(Registrar())
            address = f"sip:alice@{self.parties[1].host}"
            self.parties[0].apply(commands.Register("r", f"sip:{self.parties[1].host}:{PORT}", address, "alice", 60))
        self.pass_time(self.talk)
        if self.random.random() < 0.4:
            self.pass_time(self.network.now + LONGEST_EXCHANGE)
            self._check_agreement()
        self._end()
        self.pass_time(self.network.now + SETTLING)
        self._check_nothing_left()

    def _end(self) -> None:
        for party in self.parties:
            party.wake()
        for user in self.users:
            user.over = True
            for session in user.party.ledger.alive():
                user.party.apply(commands.Hangup(session))
        self.parties[0].apply(commands.Unregister("r"))

    def pass_time(self, until: float) -> None:
        """Lets time pass."""
        pass_time(self.network, self.parties, until)

    # what must hold

    def _check_agreement(self) -> None:
        """After a quiet while both sides know the same calls, and the same session descriptions."""
        if self.disturbed:
            return
        sides = [self._dialogs(party) for party in self.parties]
        known = {key: entry for side in sides for key, entry in side.items()}
        entries = (entry for party in self.parties for entry in party.ledger.entries.values())
        ending = {one.call_id for one in entries if one.end and one.ended_at > self.network.now - BYE_MAY_LAST}
        for (call_id, local, remote), entry in known.items():
            other = known.get((call_id, remote, local))
            if other is None:
                assert call_id in ending, f"one side thinks that call {call_id} is up, the other does not know it"
                continue
            if not (entry.asks or other.asks or entry.unsure or other.unsure):
                assert entry.ours == other.theirs, f"sent {entry.ours!r}, the other has {other.theirs!r}"

    @staticmethod
    def _dialogs(party: Party) -> dict[tuple[str, str, str], Entry]:
        sessions = (party.agent._sessions[name] for name in party.ledger.alive() if name in party.agent._sessions)
        return {
            session.dialog.key: party.ledger.entries[session.id]
            for session in sessions
            if session.dialog is not None and session.phase is Phase.CONFIRMED
        }

    def _check_nothing_left(self) -> None:
        assert self.network.sent <= MOST_MESSAGES, f"{self.network.sent} messages for one call"
        for party in self.parties:
            alive = party.ledger.alive()
            assert not alive, f"{party.name}: {alive} never ended"
            self._check_empty(party)
            for entry in party.ledger.entries.values():
                open_offers = entry.reoffers + entry.extra - entry.renegotiated
                assert open_offers >= 0, f"{party.name}: more answers than offers"
            assert all(one.refers == one.final_progress for one in party.ledger.entries.values()), (
                "a transfer has no end"
            )
            assert not party.ledger.dropped, f"{party.name} did not understand: {party.ledger.dropped}"
        self._check_outcomes()

    def _check_empty(self, party: Party) -> None:
        agent = party.agent
        layer, finder, sessions = agent._layer, agent._layer._finder, agent._sessions
        left = {
            "sessions": agent.sessions, "dialogs": agent.dialogs, "transactions": agent.transactions,
            "keys": len(sessions.dialogs._keys), "invites": len(sessions._invites), "ending": len(sessions._ending),
            "registrations": len(agent._registrations._registrations), "returning": layer.responses.waiting,
            "waiting": len(finder._waiting), "asked": len(finder._asked), "next timeout": agent.next_timeout(),
            "connections": len(layer.flows._standing - {end.flow for end in self.network.ends.values()}),
        }  # fmt: skip
        left = {name: number for name, number in left.items() if number}
        assert not left, f"{party.name}: left behind: {left}"

    def _check_outcomes(self) -> None:
        """Where everything got through, both sides say the same of a call."""
        if self.disturbed or self.forks or not self.network.weather.fair:
            return
        entries = [entry for party in self.parties for entry in party.ledger.entries.values()]
        incoming = {entry.call_id: entry.end for entry in entries if not entry.placed}
        for entry in entries:
            theirs, ours = incoming.get(entry.call_id), entry.end
            if entry.placed and not entry.unsure and ours is not None and theirs is not None:
                told = f"{ours.cause} {ours.status} here, {theirs.cause} {theirs.status} there"
                assert theirs.cause in AGREED[ours.cause], told
                assert ours.cause is not Cause.REFUSED or ours.status == theirs.status, told


def pass_time(network: Network, parties: list[Party], until: float, steps: int = STUCK) -> None:
    """Lets time pass, from one thing that happens to the next."""
    for _ in range(steps):
        times = [at for at in (network.next(), *(party.due() for party in parties)) if at is not None]
        if not times or (at := min(times)) > until:
            network.now = max(network.now, until)
            return
        network.now = max(network.now, at)
        network.run_due()
        for party in parties:
            party.tick()
    raise AssertionError(f"at {network.now:.3f} s time does not pass any more")


def failures(first: int, last: int) -> list[str]:
    """What went wrong in a range of calls, each with the command that shows it."""
    failed = []
    for seed in range(first, last + 1):
        try:
            World(seed).run()
        except Exception as error:  # whatever it is: the other calls go on, and the seed is said
            failed.append(f"{type(error).__name__}: {error}\n    python -m tests.simulation {seed}")
    return failed
