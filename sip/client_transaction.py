"""Client transactions (RFC 3261 §17.1, RFC 6026 §7.2).

All transitions are in INVITE_TABLE and OTHER_TABLE; a pair that is in neither is ignored. No clock and no socket:
`now` comes in, acts come out. ABANDONED is ours: an INVITE that was given up, whose server may still wake up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from sip.machine import Alarms
from sip.message import Request, Response
from sip.outputs import Flow, Transmit
from sip.timers import Timings


class State(Enum):
    """RFC 3261 figures 5 and 6; ACCEPTED is RFC 6026's."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    ABANDONED = auto()
    TERMINATED = auto()


class Input(Enum):
    """What can happen to a client transaction."""

    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    RESEND = auto()  # timers A and E
    GIVE_UP = auto()  # timers B and F
    LINGERED = auto()  # timers D, K and M
    BROKEN = auto()  # the transport says that it cannot
    ABANDON = auto()  # nobody waits for the final response any more (RFC 3261 §9.1)


class Act(Enum):
    """What is done on a transition."""

    RESEND = auto()
    SLOW = auto()  # timer E goes on at T2
    ACK = auto()  # acknowledge a failure (RFC 3261 §17.1.1.3)
    PASS = auto()  # the response goes to the session
    QUIET = auto()  # no more retransmissions, no giving up
    LINGER = auto()  # wait for repeated responses
    TIMEOUT = auto()
    FAIL = auto()
    LATE = auto()  # the response came after we had given up


Table = dict[tuple[State, Input], tuple[State, tuple[Act, ...]]]

INVITE_TABLE: Table = {
    (State.CALLING, Input.RESEND): (State.CALLING, (Act.RESEND,)),
    (State.CALLING, Input.GIVE_UP): (State.ABANDONED, (Act.QUIET, Act.LINGER, Act.TIMEOUT)),
    (State.CALLING, Input.BROKEN): (State.TERMINATED, (Act.FAIL,)),
    (State.CALLING, Input.PROVISIONAL): (State.PROCEEDING, (Act.QUIET, Act.PASS)),
    (State.CALLING, Input.SUCCESS): (State.ACCEPTED, (Act.QUIET, Act.LINGER, Act.PASS)),
    (State.CALLING, Input.FAILURE): (State.COMPLETED, (Act.QUIET, Act.ACK, Act.LINGER, Act.PASS)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.PASS,)),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Act.LINGER, Act.PASS)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.ACK, Act.LINGER, Act.PASS)),
    (State.PROCEEDING, Input.BROKEN): (State.TERMINATED, (Act.FAIL,)),
    (State.CALLING, Input.ABANDON): (State.ABANDONED, (Act.QUIET, Act.LINGER)),
    (State.PROCEEDING, Input.ABANDON): (State.ABANDONED, (Act.LINGER,)),
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Act.PASS,)),
    (State.ACCEPTED, Input.LINGERED): (State.TERMINATED, ()),
    (State.COMPLETED, Input.FAILURE): (State.COMPLETED, (Act.ACK,)),
    (State.COMPLETED, Input.LINGERED): (State.TERMINATED, ()),
    (State.COMPLETED, Input.BROKEN): (State.TERMINATED, ()),
    (State.ABANDONED, Input.PROVISIONAL): (State.ABANDONED, (Act.LATE,)),
    (State.ABANDONED, Input.SUCCESS): (State.ABANDONED, (Act.LATE,)),
    (State.ABANDONED, Input.FAILURE): (State.COMPLETED, (Act.ACK, Act.LINGER)),
    (State.ABANDONED, Input.LINGERED): (State.TERMINATED, ()),
    (State.ABANDONED, Input.BROKEN): (State.TERMINATED, ()),
}

OTHER_TABLE: Table = {
    (State.TRYING, Input.RESEND): (State.TRYING, (Act.RESEND,)),
    (State.TRYING, Input.GIVE_UP): (State.TERMINATED, (Act.TIMEOUT,)),
    (State.TRYING, Input.BROKEN): (State.TERMINATED, (Act.FAIL,)),
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Act.PASS,)),
    (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Act.QUIET, Act.LINGER, Act.PASS)),
    (State.TRYING, Input.FAILURE): (State.COMPLETED, (Act.QUIET, Act.LINGER, Act.PASS)),
    (State.PROCEEDING, Input.RESEND): (State.PROCEEDING, (Act.SLOW, Act.RESEND)),
    (State.PROCEEDING, Input.GIVE_UP): (State.TERMINATED, (Act.TIMEOUT,)),
    (State.PROCEEDING, Input.BROKEN): (State.TERMINATED, (Act.FAIL,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.PASS,)),
    (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Act.QUIET, Act.LINGER, Act.PASS)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.QUIET, Act.LINGER, Act.PASS)),
    (State.COMPLETED, Input.LINGERED): (State.TERMINATED, ()),
}


@dataclass(frozen=True, slots=True)
class Late:
    """A response to an INVITE that was given up."""

    response: Response


# what a transaction tells: a response, or why there is none
Notice = Response | Act | Late


class ClientTransaction:
    """One request of ours and the responses to it. `step` gives bytes to send and notices for the session.

    `patience`: seconds until it is given up while nothing at all came; None: as the RFC has it.
    """

    def __init__(
        self, request: Request, flow: Flow, timings: Timings, alarms: Alarms, patience: float | None = None
    ) -> None:
        self.request = request
        self.flow = flow
        self.timers: dict[str, float] = {}
        self.invite = request.method == "INVITE"
        self.state = State.CALLING if self.invite else State.TRYING
        self._timings = timings
        self._alarms = alarms
        self._patience = timings.give_up if patience is None else patience
        self._wire = bytes(request)
        self._interval = timings.t1

    def start(self, now: float) -> list[Transmit]:
        """Sends the request for the first time."""
        if not self.flow.reliable:
            self._alarms.set(self, Input.RESEND.name, now + self._interval)
        self._alarms.set(self, Input.GIVE_UP.name, now + self._patience)
        return [Transmit(self.flow, self._wire)]

    def receive(self, response: Response, now: float) -> list[Transmit | Notice]:
        """A response whose branch is ours."""
        given = (
            Input.PROVISIONAL if response.status < 200
            else Input.SUCCESS if response.status < 300
            else Input.FAILURE
        )  # fmt: skip
        return self.step(given, now, response)

    def step(self, given: Input, now: float, response: Response | None = None) -> list[Transmit | Notice]:
        """One transition of the table."""
        table = INVITE_TABLE if self.invite else OTHER_TABLE
        if (self.state, given) not in table:
            return []
        self.state, acts = table[self.state, given]
        outputs: list[Transmit | Notice] = []
        for act in acts:
            outputs += self._do(act, now, response)
        return outputs

    def ring(self, name: str, now: float) -> list[Transmit | Notice]:
        """A timer is over."""
        return self.step(Input[name], now)

    def _do(self, act: Act, now: float, response: Response | None) -> list[Transmit | Notice]:
        match act:
            case Act.RESEND:
                self._interval = self._next_interval()
                self._alarms.set(self, Input.RESEND.name, now + self._interval)
                return [Transmit(self.flow, self._wire)]
            case Act.SLOW:
                self._interval = self._timings.t2
            case Act.QUIET:
                self.timers.pop(Input.RESEND.name, None)
                self.timers.pop(Input.GIVE_UP.name, None)
            case Act.LINGER:
                self._alarms.set(self, Input.LINGERED.name, now + self._linger())
            case Act.ACK:
                assert response is not None
                return [Transmit(self.flow, bytes(ack_failure(self.request, response)))]
            case Act.PASS:
                assert response is not None
                return [response]
            case Act.LATE:
                assert response is not None
                return [Late(response)]
            case Act.TIMEOUT | Act.FAIL:
                return [act]
        return []

    def _next_interval(self) -> float:
        """Timer A doubles without end, timer E up to T2."""
        doubled = self._interval * 2
        return doubled if self.invite else min(doubled, self._timings.t2)

    def _linger(self) -> float:
        if self.state in (State.ACCEPTED, State.ABANDONED):
            return self._timings.give_up  # timer M
        if self.flow.reliable:
            return 0.0
        return self._timings.timer_d if self.invite else self._timings.t4  # timers D and K


def ack_failure(invite: Request, response: Response) -> Request:
    """The ACK of a 3xx-6xx, part of the INVITE's transaction (RFC 3261 §17.1.1.3)."""
    ack = Request(method="ACK", uri=invite.uri)
    ack.headers.add("Via", str(invite.via[0]))
    for name in ("Route", "From"):
        for value in invite.headers.all(name):
            ack.headers.add(name, value)
    ack.headers.add("To", response.headers.get("To") or "")
    ack.headers.add("Call-ID", invite.call_id)
    ack.headers.add("CSeq", f"{invite.cseq.number} ACK")
    ack.headers.add("Max-Forwards", "70")
    return ack


def cancel(invite: Request, reason: str = "") -> Request:
    """CANCEL for an INVITE: same branch, same URI (RFC 3261 §9.1); `reason` as RFC 3326."""
    made = Request(method="CANCEL", uri=invite.uri)
    made.headers.add("Via", str(invite.via[0]))
    for name in ("Route", "From", "To", "Call-ID"):
        for value in invite.headers.all(name):
            made.headers.add(name, value)
    made.headers.add("CSeq", f"{invite.cseq.number} CANCEL")
    made.headers.add("Max-Forwards", "70")
    if reason:
        made.headers.add("Reason", reason)
    return made
