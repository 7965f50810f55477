"""A party: an agent on the simulated network and a user who does what users do, at random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sip import commands
from sip.agent import Agent, Outcome
from sip.events import Dropped, Event, FlowLost, Probed, Registered, Registering, Unregistered
from sip.layer import Output
from sip.outgoing import OutgoingSession
from sip.outputs import Alias, Close, Connect, Flow, Resolve, Transmit
from sip.session_timer import TimerPolicy
from tests.simulation.challenger import Challenger
from tests.simulation.ledger import Ledger
from tests.simulation.network import Network
from tests.simulation.registrar import Registrar

Hears = Callable[[str, Event], None]


class Party:
    """It can crash (a fresh agent takes its address) and be stopped (nothing is done until it wakes)."""

    def __init__(self, network: Network, name: str, host: str, policy: TimerPolicy) -> None:
        self.name, self.host = name, host
        self.network = network
        self.life = 0
        self.streams = True
        self.filters: list[Challenger | Registrar] = []  # what answers in place of the agent
        self.hears: Hears = lambda session, event: None
        self._policy = policy
        self._inbox: list[Callable[[], None]] = []
        self._asleep = False
        self._asking = False
        self.ledger = Ledger(name)
        self.agent = self._fresh()
        network.stations[host] = self

    def _fresh(self) -> Agent:
        return Agent(Random(self.network.random.getrandbits(32)), session_timer=self._policy)

    # the station

    def soon(self, seconds: float, act: Callable[[], None]) -> None:
        life = self.life
        self.network.at(self.network.now + seconds, lambda: self._when_awake(act) if self.life == life else None)

    def receive(self, data: bytes, flow: Flow) -> None:
        self._when_awake(lambda: self._receive(data, flow))

    def _receive(self, data: bytes, flow: Flow) -> None:
        answers = (one.answers(data) for one in self.filters)
        answer = next((one for one in answers if one is not None), None)
        if answer is None:
            self.do(self.agent.receive(data, flow, self.network.now))
        elif answer:
            self.network.send(self, answer, flow)

    def tell(self, news: Outcome) -> None:
        self.do(self.agent.apply(news, self.network.now))

    def _when_awake(self, act: Callable[[], None]) -> None:
        if self._asleep:
            self._inbox.append(act)
        else:
            act()

    # time

    def due(self) -> float | None:
        """When its agent wants to be woken."""
        return None if self._asleep else self.agent.next_timeout()

    def tick(self) -> None:
        """Lets ring what is due."""
        at = self.due()
        if at is not None and at <= self.network.now:
            self.do(self.agent.tick(self.network.now))

    def stop(self, seconds: float) -> None:
        """The process is stopped for so long."""
        if not self._asleep:
            self._asleep = True
            self.network.note(self.name, self.name, f"is stopped for {seconds:.1f} s")
            self.network.at(self.network.now + seconds, self.wake)

    def wake(self) -> None:
        """It goes on: deadlines first or messages first, as the event loop likes."""
        self._asleep = False
        self.network.note(self.name, self.name, "wakes")
        waiting, self._inbox = self._inbox, []
        if self.network.random.random() < 0.5:
            self.tick()
        for act in waiting:
            act()

    def crash(self) -> None:
        """The process dies, a new one starts."""
        self.network.note(self.name, self.name, "crashes")
        self.life += 1
        self._asleep, self._inbox = False, []
        self.ledger.crash()
        self.network.gone(self.host)
        self.agent = self._fresh()

    # the shell

    def apply(self, command: commands.Command) -> None:
        """A command of the user."""
        self.ledger.commanded(command, self.network.now)
        if self.network.trace:
            self.network.note(self.name, self.name, f"* {_brief(command)}")
        self._asking = True
        self.do(self.agent.apply(command, self.network.now))
        self._asking = False
        session = self.agent._sessions.get(getattr(command, "session", ""))
        if isinstance(session, OutgoingSession) and session.id in self.ledger.entries:
            self.ledger.entries[session.id].call_id = session._request.call_id

    def do(self, outputs: list[Output]) -> None:
        """What the agent wants done."""
        for output in outputs:
            match output:
                case Transmit(flow=flow, data=data):
                    self.network.send(self, data, flow)
                case Resolve(question=question):
                    self.network.resolve(self, question)
                case Connect(request=request, target=target):
                    self.network.connect(self, request, target)
                case Close(flow=flow):
                    self.network.close(self, flow)
                case Alias():
                    pass  # there is no TLS here
                case _:
                    self._heard(output)

    def _heard(self, event: Event) -> None:
        if self.network.trace:
            self.network.note(self.name, self.name, f"= {_brief(event)}")
        if isinstance(event, Dropped):
            self.ledger.dropped += [event.detail] if event.status in (0, 400) else []
        elif not isinstance(event, Registered | Unregistered | Probed | Registering | FlowLost):
            self.ledger.heard(event, self.network.now, at_once=self._asking)
            self.hears(event.session, event)


def _brief(value: object) -> str:
    """A command or event on one line, without what is long."""
    parts = {name: getattr(value, name) for name in getattr(value, "__slots__", ())}
    shown = {name: part for name, part in parts.items() if name not in ("request", "response", "dialog", "flow", "why")}
    return f"{type(value).__name__}({', '.join(f'{name}={_short(part)}' for name, part in shown.items())})"


def _short(part: object) -> str:
    text = repr(part)
    return text if len(text) <= 40 else f"{text[:37]}..."
