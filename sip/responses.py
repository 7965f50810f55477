"""Responses on their way back, over a new connection where that of the request is gone (RFC 3261 §18.2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sip.finder import Output
from sip.flows import Flows
from sip.locate import DEFAULT_PORT
from sip.message import Request, Response
from sip.outputs import Connect, Flow, FlowOpened, Target, Transmit
from sip.served import Served
from sip.server_transaction import Input, ServerTransaction


class Responses:
    """What the transactions of `served` send, at once or when a flow is there."""

    def __init__(self, served: Served, flows: Flows, numbers: Iterator[int], user_agent: str) -> None:
        self._served, self._flows, self._numbers, self._user_agent = served, flows, numbers, user_agent
        self._waiting: dict[int, tuple[ServerTransaction, list[Transmit]]] = {}  # by the number of the flow asked for

    @property
    def waiting(self) -> int:
        """Transactions whose responses wait for a flow."""
        return len(self._waiting)

    def send(self, transaction: ServerTransaction, response: Response, now: float) -> list[Output]:
        """Answers a request."""
        if response.status > 100 and "Server" not in response.headers:
            response.headers.add("Server", self._user_agent)
        return self._sent(transaction, transaction.respond(response, now))

    def repeat(self, transaction: ServerTransaction, request: Request, now: float) -> list[Output]:
        """The request, or the ACK of a failure, came (again)."""
        return self.step(transaction, Input.ACK if request.method == "ACK" else Input.REQUEST, now)

    def step(self, transaction: ServerTransaction, given: Input, now: float) -> list[Output]:
        """Something befell a transaction."""
        return self._sent(transaction, transaction.step(given, now))

    def opened(self, opened: FlowOpened) -> list[Output] | None:
        """The flow is there; None where no response waits for it."""
        if opened.request not in self._waiting:
            return None
        transaction, responses = self._waiting.pop(opened.request)
        transaction.reply_flow = opened.flow
        return [Transmit(opened.flow, one.data) for one in responses]

    def failed(self, number: int, now: float) -> None:
        """A flow could not be had."""
        if number in self._waiting:
            self.step(self._waiting.pop(number)[0], Input.BROKEN, now)

    def broken(self, flow: Flow, now: float) -> None:
        """A connection is gone."""
        for transaction in self._served:
            if transaction.reply_flow == flow and transaction.answered:
                self.step(transaction, Input.BROKEN, now)

    def _sent(self, transaction: ServerTransaction, responses: Sequence[Transmit]) -> list[Output]:
        self._served.sweep(transaction)
        if not responses or self._flows.usable(transaction.reply_flow):
            return [*responses]
        for waiting, before in self._waiting.values():
            if waiting is transaction:
                before += responses
                return []
        number = next(self._numbers)
        self._waiting[number] = (transaction, [*responses])
        return [Connect(number, _origin(transaction))]


def _origin(transaction: ServerTransaction) -> Target:
    """Where a request came from, by its Via."""
    via, flow = transaction.request.via[0], transaction.flow
    return Target(flow.transport, flow.remote[0], via.port or DEFAULT_PORT.get(flow.transport, 5060), via.host)
