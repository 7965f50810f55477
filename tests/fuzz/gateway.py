"""The gateway and the network at their simplest, around an agent that is fuzzed."""

from __future__ import annotations

from random import Random

from sip import commands
from sip.agent import Agent
from sip.errors import SipError
from sip.events import Ended, Invited, Offered, Referred, Registering
from sip.layer import Output
from sip.outgoing import OutgoingSession
from sip.outputs import Connect, Flow, FlowFailed, FlowOpened, Resolve, Resolved
from sip.registrar import Rules, register
from sip.session import Phase
from sip.uri import Uri

US = ("192.0.2.2", 5060)
Reaction = commands.Command | Resolved | FlowOpened | FlowFailed


class Gateway:
    """Answers everything that can be answered; each session that begins must end, once."""

    def __init__(self) -> None:
        self.agent = Agent(Random(1), registrar=True)
        self.now = 0.0
        self._open: set[str] = set()

    def call(self) -> None:
        """Places a call that follows redirects and has credentials."""
        credentials = commands.Credentials("alice", "secret")
        uri, sdp = "sip:bob@192.0.2.1", b"v=0\r\n"
        self._open.add("out")
        self._do(commands.Invite("out", uri, "sip:alice@192.0.2.2", uri, sdp, (), credentials, redirects=2))

    def hear(self, data: bytes, flow: Flow) -> None:
        """Something comes in."""
        self._react(self.agent.receive(data, flow, self.now))

    def pass_time(self, seconds: float) -> None:
        """From deadline to deadline."""
        end = self.now + seconds
        for _ in range(2000):
            at = self.agent.next_timeout()
            if at is None or at > end:
                break
            self.now = max(self.now, at)
            self._react(self.agent.tick(self.now))
        self.now = end

    def check_that_nothing_hangs(self) -> None:
        """A call of ours rings as long as its INVITE is under way, and no longer."""
        for session in self.agent._sessions.values():
            if isinstance(session, OutgoingSession) and session.phase is Phase.EARLY:
                layer, invite = self.agent._layer, session._request
                assert layer.pending(invite) or layer._client(invite) is not None, "a call that never ends"

    def end(self) -> None:
        """Hangs up everything; nothing is left then."""
        for session in list(self.agent._sessions):
            self._do(commands.Hangup(session))
        self.pass_time(100_000.0)
        left = (self.agent.sessions, self.agent.dialogs, self.agent.transactions, self.agent.next_timeout())
        assert left == (0, 0, 0, None), f"left behind: {left}"
        assert not self._open, "a session that was never said to have ended"

    def _do(self, command: Reaction) -> None:
        self._react(self.agent.apply(command, self.now))

    def _react(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Invited):
                self._open.add(output.session)
            if isinstance(output, Ended):
                assert output.session in self._open, "a session ended twice"
                self._open.remove(output.session)
            for command in _reactions(output):
                self._do(command)


def _reactions(output: Output) -> list[Reaction]:
    match output:
        case Resolve(question=question):
            return [Resolved(question, (), 60.0)]
        case Connect(request=request, target=target) if target.transport == "udp":
            return [FlowOpened(request, Flow("udp", US, (target.host, target.port)))]
        case Connect(request=request):
            return [FlowFailed(request, "refused")]
        case Invited(session=session):
            return [commands.Provisional(session, 183, b"v=0\r\n"), commands.Accept(session, b"v=0\r\n")]
        case Offered(session=session):
            return [commands.AnswerOffer(session, b"v=0\r\n")]
        case Registering(number=number):
            return [_registered(output, number)]
        case Referred(session=session):
            return [commands.AcceptRefer(session), commands.TellRefer(session, 200, "OK")]
    return []


def _registered(output: Registering, number: int) -> Reaction:
    try:
        kept = register((), output.request, output.flow, 0.0, Rules(), Uri("sip", "alice", "example.com"))
    except SipError as error:
        return commands.AnswerRegister(number, error.status, str(error))
    return commands.AnswerRegister(number, 200, "", kept.headers)
