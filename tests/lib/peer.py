"""One agent against a peer whose messages the test writes: for what no agent of ours would send."""

from __future__ import annotations

from itertools import count
from random import Random

from sip import commands
from sip.agent import Agent
from sip.events import Event
from sip.layer import Output
from sip.message import Request, Response, parse_message
from sip.outputs import Connect, Flow, FlowOpened, Transmit
from sip.session_timer import TimerPolicy

FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
URI = "sip:peer@192.0.2.1:5060"
OFFER, ANSWER = b"v=0 theirs", b"v=0 ours"


class Peer:
    """Time, what the agent sent as (time, message), and its events."""

    def __init__(self, policy: TimerPolicy | None = None, flow: Flow = FLOW) -> None:
        self.agent = Agent(Random(1), session_timer=policy or TimerPolicy(0))
        self.flow = flow
        self.now = 0.0
        self.sent: list[tuple[float, Request | Response]] = []
        self.events: list[Event] = []
        self._branches = count(1)

    # what the agent does

    def run(self, seconds: float) -> None:
        """Lets time pass."""
        end = self.now + seconds
        while (at := self.agent.next_timeout()) is not None and at <= end:
            self.now = at
            self._do(self.agent.tick(at))
        self.now = end

    def apply(self, command: commands.Command) -> None:
        """A command to the agent."""
        self._do(self.agent.apply(command, self.now))

    def hear(self, message: Request | Response) -> None:
        """The agent hears a message."""
        self._do(self.agent.receive(bytes(message), self.flow, self.now))

    def _do(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(data=data):
                    self.sent.append((self.now, parse_message(data)))
                case Connect(request=request):
                    self._do(self.agent.apply(FlowOpened(request, self.flow), self.now))
                case _:
                    self.events.append(output)  # type: ignore[arg-type]

    # what was said

    def responses(self, method: str = "") -> list[int]:
        """The statuses of the agent's responses, in their order."""
        sent = [message for _, message in self.sent if isinstance(message, Response)]
        return [message.status for message in sent if not method or message.cseq.method == method]

    def requests(self, method: str) -> list[Request]:
        """The agent's requests of a method, repeated ones included."""
        return [message for _, message in self.sent if isinstance(message, Request) and message.method == method]

    def last(self) -> Request | Response:
        """The latest message."""
        return self.sent[-1][1]

    def said(self, kind: type[Event]) -> list[Event]:
        """The agent's events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def session(self) -> str:
        """The one session of the agent."""
        (session,) = self.agent._sessions
        return session

    def left(self) -> tuple[int, int, int, float | None]:
        """What the agent has not forgotten, and when it wants to be woken."""
        return self.agent.sessions, self.agent.dialogs, self.agent.transactions, self.agent.next_timeout()

    # what the peer says

    def request(
        self, method: str, cseq: int = 1, to_tag: str = "", body: bytes = b"", branch: str = "", **more: str
    ) -> Request:
        """A request of the call `c`; `more` are headers, with _ for -."""
        branch = branch or f"z9hG4bK{next(self._branches)}"
        request = Request(method=method, body=body)
        tag = f";tag={to_tag}" if to_tag else ""
        for name, value in (
            ("Via", f"SIP/2.0/{self.flow.transport.upper()} 192.0.2.1:5060;branch={branch}"),
            ("From", f"<{URI}>;tag=peer"), ("To", f"<sip:us@192.0.2.2>{tag}"), ("Call-ID", "c"),
            ("CSeq", f"{cseq} {method}"), ("Max-Forwards", "70"), ("Contact", f"<{URI}>"),
        ):  # fmt: skip
            request.headers.add(name, value)
        if body:
            request.headers.add("Content-Type", "application/sdp")
        for name, value in more.items():
            request.headers.set(name.replace("_", "-"), value)
        return request

    def reply(self, request: Request, status: int, tag: str = "peer", body: bytes = b"", **more: str) -> None:
        """The agent hears a response to a request of its own."""
        response = request.reply(status, to_tag=tag)
        response.headers.add("Contact", f"<{URI}>")
        response.body = body
        if body:
            response.headers.add("Content-Type", "application/sdp")
        for name, value in more.items():
            response.headers.set(name.replace("_", "-"), value)
        self.hear(response)

    # calls

    def call(self, **more: str) -> Request:
        """The peer calls; its INVITE."""
        invite = self.request("INVITE", 1, "", OFFER, "", **more)
        self.hear(invite)
        return invite

    def our_tag(self) -> str:
        """The agent's tag in the call `c`."""
        dialog = self.agent._sessions[self.session()].dialog
        assert dialog is not None
        return dialog.local_tag

    def connected(self) -> str:
        """A call of the peer that is answered and confirmed; the agent's tag."""
        self.call()
        self.apply(commands.Accept(self.session(), ANSWER))
        tag = self.our_tag()
        self.hear(self.request("ACK", 1, tag))
        return tag

    def called(self, **more: object) -> Request:
        """The agent calls; its INVITE."""
        invite = commands.Invite("out", URI, "<sip:us@192.0.2.2>", f"<{URI}>", OFFER, **more)  # type: ignore[arg-type]
        self.apply(invite)
        return self.requests("INVITE")[0]
