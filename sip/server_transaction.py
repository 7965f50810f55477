"""Server transactions (RFC 3261 §17.2, RFC 6026 §7.1).

All transitions are in INVITE_TABLE and OTHER_TABLE; a pair that is in neither is ignored. No clock and no socket.
A 2xx to an INVITE is repeated by the session until the ACK, not here.
"""

from __future__ import annotations

from enum import Enum, auto

from sip.machine import Alarms
from sip.message import Request, Response
from sip.outputs import Flow, Transmit
from sip.timers import Timings


class State(Enum):
    """RFC 3261 figures 7 and 8; ACCEPTED is RFC 6026's."""

    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Input(Enum):
    """What can happen to a server transaction."""

    REQUEST = auto()  # the request came again
    ACK = auto()
    PROVISIONAL = auto()  # we answer
    SUCCESS = auto()
    FAILURE = auto()
    RESEND = auto()  # timer G
    GIVE_UP = auto()  # timer H
    LINGERED = auto()  # timers I, J and L
    BROKEN = auto()


class Act(Enum):
    """What is done on a transition."""

    SEND = auto()  # the new response
    REPEAT = auto()  # the last response
    RESEND = auto()  # the last response, and timer G again
    AWAIT_ACK = auto()  # timers G and H
    QUIET = auto()  # no more of both
    LINGER = auto()  # absorb what is repeated


Key = tuple[str, str, str]
Identity = tuple[str, str, int, str]
Table = dict[tuple[State, Input], tuple[State, tuple[Act, ...]]]

INVITE_TABLE: Table = {
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Act.REPEAT,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Act.SEND, Act.LINGER)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.SEND, Act.AWAIT_ACK)),
    (State.PROCEEDING, Input.BROKEN): (State.TERMINATED, ()),
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Act.SEND,)),
    (State.ACCEPTED, Input.LINGERED): (State.TERMINATED, ()),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Act.REPEAT,)),
    (State.COMPLETED, Input.RESEND): (State.COMPLETED, (Act.RESEND,)),
    (State.COMPLETED, Input.ACK): (State.CONFIRMED, (Act.QUIET, Act.LINGER)),
    (State.COMPLETED, Input.GIVE_UP): (State.TERMINATED, ()),
    (State.COMPLETED, Input.BROKEN): (State.TERMINATED, ()),
    (State.CONFIRMED, Input.LINGERED): (State.TERMINATED, ()),
}

OTHER_TABLE: Table = {
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Act.SEND,)),
    (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Act.SEND, Act.LINGER)),
    (State.TRYING, Input.FAILURE): (State.COMPLETED, (Act.SEND, Act.LINGER)),
    (State.TRYING, Input.BROKEN): (State.TERMINATED, ()),
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Act.REPEAT,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Act.SEND, Act.LINGER)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.SEND, Act.LINGER)),
    (State.PROCEEDING, Input.BROKEN): (State.TERMINATED, ()),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Act.REPEAT,)),
    (State.COMPLETED, Input.LINGERED): (State.TERMINATED, ()),
    (State.COMPLETED, Input.BROKEN): (State.TERMINATED, ()),
}


class ServerTransaction:
    """One request of theirs and our responses to it."""

    key: Key  # by which it is found (sip/served.py)
    identity: Identity  # what copies of its request share

    def __init__(self, request: Request, flow: Flow, timings: Timings, alarms: Alarms) -> None:
        self._request: Request | None = request
        self.flow = flow
        self.reply_flow = flow  # where responses go: not always where the request came from (RFC 3261 §18.2.2)
        self.timers: dict[str, float] = {}
        self.invite = request.method == "INVITE"
        self.state = State.PROCEEDING if self.invite else State.TRYING
        self._timings = timings
        self._alarms = alarms
        self.status = 0  # of our latest response
        self._wire = b""
        self._interval = timings.t1

    @property
    def request(self) -> Request:
        """What came; not after the ACK of a 2xx."""
        assert self._request is not None, "nothing is left to be said to it"
        return self._request

    def acknowledged(self) -> None:
        """The ACK of our 2xx came: repeats are still absorbed, which needs neither the request nor the answer."""
        self._request, self._wire = None, b""

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    @property
    def accepted(self) -> bool:
        """Whether an INVITE was answered with a 2xx, whose ACK is the session's."""
        return self.state is State.ACCEPTED

    def respond(self, response: Response, now: float) -> list[Transmit]:
        """Sends a response of ours, where the state still allows it."""
        given = (
            Input.PROVISIONAL if response.status < 200
            else Input.SUCCESS if response.status < 300
            else Input.FAILURE
        )  # fmt: skip
        if (self.state, given) in self._table:
            self._wire, self.status = bytes(response), response.status
        return self.step(given, now)

    def step(self, given: Input, now: float) -> list[Transmit]:
        """One transition of the table."""
        if (self.state, given) not in self._table:
            return []
        self.state, acts = self._table[self.state, given]
        outputs = [output for act in acts for output in self._do(act, now)]
        if self.state is State.TERMINATED:
            self._wire = b""  # a session keeps its INVITE's transaction; nobody is answered any more
        return outputs

    def ring(self, name: str, now: float) -> list[Transmit]:
        """A timer is over."""
        return self.step(Input[name], now)

    @property
    def _table(self) -> Table:
        return INVITE_TABLE if self.invite else OTHER_TABLE

    def _do(self, act: Act, now: float) -> list[Transmit]:
        match act:
            case Act.SEND | Act.REPEAT:
                return [Transmit(self.reply_flow, self._wire)] if self._wire else []
            case Act.RESEND:
                self._interval = min(self._interval * 2, self._timings.t2)
                self._alarms.set(self, Input.RESEND.name, now + self._interval)
                return [Transmit(self.reply_flow, self._wire)]
            case Act.AWAIT_ACK:
                if not self.flow.reliable:
                    self._alarms.set(self, Input.RESEND.name, now + self._interval)
                self._alarms.set(self, Input.GIVE_UP.name, now + self._timings.give_up)
            case Act.QUIET:
                self.timers.clear()
            case Act.LINGER:
                self._alarms.set(self, Input.LINGERED.name, now + self._linger())
        return []

    def _linger(self) -> float:
        if self.state is State.ACCEPTED:
            return self._timings.give_up  # timer L
        if self.flow.reliable:
            return 0.0
        return self._timings.t4 if self.invite else self._timings.give_up  # timers I and J
