"""The transactions of an agent: requests go out over a flow that is found first, responses find their machine.

A request that a target does not take goes to the next one with a new branch (RFC 3263 §4.3), unless somebody heard it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

from sip import client_transaction
from sip.bodies import SDP
from sip.client_transaction import Act, ClientTransaction, Late, Notice
from sip.client_transaction import Input as ClientInput
from sip.client_transaction import State as ClientState
from sip.dialog import DialogState
from sip.finder import Attempt, Finder, Output, Owner
from sip.flows import Flows
from sip.machine import Alarms, Rings
from sip.message import Request, Response
from sip.naming import Naming
from sip.outputs import Address, Flow, FlowFailed, FlowOpened, Resolved, Transmit
from sip.quoted import quoted_request
from sip.responses import Responses
from sip.served import Served
from sip.server_transaction import Input as ServerInput
from sip.server_transaction import ServerTransaction
from sip.timers import Timings
from sip.uri import Uri

if TYPE_CHECKING:
    from random import Random

__all__ = ["ALLOW", "SDP", "SUPPORTED", "Layer", "Output", "Owner"]

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY"
SUPPORTED = "100rel, timer, replaces, norefersub"
OURS = (*ALLOW.split(", "), "REGISTER")  # methods of requests that we make
LARGE = 1300  # bytes; a larger request does not go over UDP (RFC 3261 §18.1.1)


class Layer:
    """All transactions, and the way requests find a flow."""

    def __init__(self, random: Random, timings: Timings, user_agent: str, advertised: Mapping[str, Address]) -> None:
        self.random = random
        self.timings = timings
        self.user_agent = user_agent
        self.alarms = Alarms()
        self.flows = Flows()
        self.served = Served(timings, self.alarms)
        self.naming = Naming(advertised)
        self._clients: dict[tuple[str, str], tuple[ClientTransaction, Attempt | None]] = {}
        self._finder = Finder(random)
        self._numbers = count(1)  # of what waits for a flow
        self.responses = Responses(self.served, self.flows, self._numbers, user_agent)

    @property
    def transactions(self) -> int:
        """How many transactions live."""
        return len(self._clients) + len(self.served)

    def token(self) -> str:
        """A fresh tag, branch or Call-ID part: 64 random bits."""
        return f"{self.random.getrandbits(64):016x}"

    def request(
        self,
        request: Request,
        hop: Uri,
        owner: Owner | None,
        now: float,
        flow: Flow | None = None,
        contact_user: str | None = None,
        patience: float | None = None,
        guarded: bool = False,
        features: str = "",
    ) -> list[Output]:
        """Sends a request (ACK included) on `flow` where it is still good, else towards `hop`."""
        number = next(self._numbers)
        attempt = Attempt(
            request, owner, hop, number, contact_user=contact_user, features=features, patience=patience,
            guarded=guarded,
        )  # fmt: skip
        if flow is not None and self.flows.leads(flow, hop):
            return self._start(attempt, flow, now)
        return self._advance(attempt, now)

    def request_back(
        self, request: Request, hop: Uri, owner: Owner, now: float, flow: Flow, *, pinned: bool
    ) -> list[Output]:
        """Sends a request on the flow of a registration while it stands; else towards `hop`, unless it is `pinned`."""
        attempt = Attempt(request, owner, hop, next(self._numbers))
        if pinned:
            attempt.targets = deque()  # RFC 5626 §5.3: no other way is tried
        if not self.flows.usable(flow):
            return self._advance(attempt, now)
        return self._start(attempt, flow, now)

    def again(
        self, request: Request, before: Request, hop: Uri, owner: Owner | None, now: float, *, guarded: bool = False,
        features: str = "",
    ) -> list[Output]:  # fmt: skip
        """Sends a request to where an earlier one went, whose challenge it answers."""
        found = self._client(before)
        if found is None or not self.flows.usable(found[0].flow):
            return self.request(request, hop, owner, now, guarded=guarded, features=features)
        attempt = Attempt(request, owner, hop, next(self._numbers), guarded=guarded, features=features)
        if found[1] is not None:
            attempt.targets, attempt.target = found[1].targets, found[1].target
            attempt.contact_user, attempt.patience = found[1].contact_user, found[1].patience
        return self._start(attempt, found[0].flow, now)

    def resolved(self, resolved: Resolved, now: float) -> list[Output]:
        """DNS answered."""
        return [output for one in self._finder.resolved(resolved, now) for output in self._advance(one, now)]

    def opened(self, opened: FlowOpened, now: float) -> list[Output]:
        """The flow that a request or a response waited for is there."""
        self.flows.heard_on(opened.flow)
        responses = self.responses.opened(opened)
        if responses is not None:
            return responses
        attempt = self._finder.take(opened.request)
        if attempt is None:
            return []
        attempt.reused = opened.reused
        return self._start(attempt, opened.flow, now)

    def failed(self, failed: FlowFailed, now: float) -> list[Output]:
        """A flow could not be had, or broke."""
        if failed.flow is not None:
            return self._broken(failed.flow, now)
        self.responses.failed(failed.request, now)
        attempt = self._finder.take(failed.request)
        if attempt is None:
            return []
        self._finder.unreachable(attempt, now)
        return self._advance(attempt, now)

    def _broken(self, flow: Flow, now: float) -> list[Output]:
        self.flows.broken(flow)
        outputs: list[Output] = []
        for key, (transaction, _) in list(self._clients.items()):
            if transaction.flow == flow and key in self._clients:
                outputs += self._stepped(transaction, transaction.step(ClientInput.BROKEN, now), now)
        self.responses.broken(flow, now)
        return outputs

    def undelivered(self, data: bytes, now: float) -> list[Output]:
        """A datagram did not arrive. Inside a dialog that is no last word: a server that restarts ends no calls."""
        quoted = quoted_request(data)
        found = self._clients.get(quoted) if quoted is not None else None
        if found is None or found[0].request.to.tag:
            return []
        return self._stepped(found[0], found[0].step(ClientInput.BROKEN, now), now)

    def _advance(self, attempt: Attempt, now: float) -> list[Output]:
        """The next target, or the end."""
        outputs = self._finder.step(attempt, now)
        if outputs is not None:
            return outputs
        return [] if attempt.owner is None else attempt.owner.concluded(attempt.request, attempt.said, now)

    def _start(self, attempt: Attempt, flow: Flow, now: float) -> list[Output]:
        request = attempt.request
        contact, user = attempt.wants_contact, attempt.contact_user
        self.naming.dress(request, flow, self.token(), contact=contact, user=user, features=attempt.features)
        if "User-Agent" not in request.headers:
            request.headers.add("User-Agent", self.user_agent)
        wire = bytes(request)
        if len(wire) > LARGE and flow.transport == "udp" and self._finder.prefer_stream(attempt, now):
            return self._advance(attempt, now)
        if request.method == "ACK":
            return [Transmit(flow, wire)]
        transaction = ClientTransaction(request, flow, self.timings, self.alarms, attempt.patience)
        self._clients[request.via[0].branch, request.method] = (transaction, attempt)
        return [*transaction.start(now)]

    def cancel(self, invite: Request, now: float, reason: str = "") -> list[Output]:
        """CANCEL for an INVITE that is under way: same branch, same flow (RFC 3261 §9.1); `reason` as RFC 3326."""
        found = self._client(invite)
        if found is None:
            return []
        if found[1] is not None:
            found[1].committed = True
        return self._canceled(found[0], now, reason)

    def _canceled(self, canceled: ClientTransaction, now: float, reason: str = "") -> list[Output]:
        cancel = client_transaction.cancel(canceled.request, reason)
        transaction = ClientTransaction(cancel, canceled.flow, self.timings, self.alarms)
        self._clients[cancel.via[0].branch, "CANCEL"] = (transaction, None)
        return [*transaction.start(now)]

    def abandon(self, request: Request, now: float) -> None:
        """Nobody waits for the final response to an INVITE any more."""
        self.drop_pending(request)
        found = self._client(request)
        if found is not None:
            self._stepped(found[0], found[0].step(ClientInput.ABANDON, now), now)

    def pending(self, request: Request) -> bool:
        """Whether the request still waits for its flow."""
        return self._finder.waits(request)

    def drop_pending(self, request: Request) -> bool:
        """No (other) target shall see a request; True where none has seen it yet, and it is forgotten."""
        found = self._client(request)
        if found is not None and found[1] is not None:
            found[1].committed = True
        return self._finder.withdraw(request)

    def _client(self, request: Request) -> tuple[ClientTransaction, Attempt | None] | None:
        return self._clients.get((request.via[0].branch, request.method)) if request.via else None

    def flow_of(self, request: Request) -> Flow | None:
        """The flow a request of ours went over, while its transaction lives."""
        found = self._client(request)
        return found[0].flow if found else None

    def waits_for(self, branch: str) -> bool:
        """Whether a request of ours with that branch waits for responses."""
        return any((branch, method) in self._clients for method in OURS)

    def response(self, response: Response, now: float) -> list[Output]:
        """A response that came in."""
        if not response.via:
            return []
        found = self._clients.get((response.via[0].branch, response.cseq.method))
        if found is None:
            return []
        return self._stepped(found[0], found[0].receive(response, now), now)

    def _stepped(
        self, transaction: ClientTransaction, results: Sequence[Transmit | Notice], now: float
    ) -> list[Output]:
        key = transaction.request.via[0].branch, transaction.request.method
        _, attempt = self._clients[key]
        if transaction.state is ClientState.TERMINATED:
            transaction.timers.clear()
            self._clients.pop(key, None)
        outputs: list[Output] = []
        for result in results:
            if isinstance(result, Transmit):
                outputs.append(result)
            elif isinstance(result, Late):
                outputs += self._late(
                    transaction, result.response, now, guarded=attempt is not None and attempt.guarded
                )
            elif attempt is not None:
                outputs += self._concluded(transaction, attempt, result, now)
        return outputs

    def _late(self, transaction: ClientTransaction, response: Response, now: float, *, guarded: bool) -> list[Output]:
        """A server that we gave up takes the call after all: it has to let go, for another one may ring by now."""
        invite, flow = transaction.request, transaction.flow
        if response.status < 200:
            known = (invite.via[0].branch, "CANCEL") in self._clients
            return [] if known else self._canceled(transaction, now)
        dialog = DialogState.as_client(invite, response)
        bye = dialog.request("BYE", dialog.local_cseq + 1)
        return [
            *self.request(dialog.ack(invite), dialog.next_hop, None, now, flow, guarded=guarded),
            *self.request(bye, dialog.next_hop, None, now, flow, guarded=guarded),
        ]

    def _concluded(
        self, transaction: ClientTransaction, attempt: Attempt, result: Response | Act, now: float
    ) -> list[Output]:
        """The next target after a failure that another one may not have; everything else is the owner's."""
        if isinstance(result, Response) and 100 < result.status != 503:
            attempt.committed = True
        if self._finder.gives_way(attempt, result, now):
            transaction.request = _snapshot(transaction.request)
            return self._advance(attempt, now)
        return [] if attempt.owner is None else attempt.owner.concluded(attempt.request, result, now)

    def ring(self, machine: Rings, name: str, now: float) -> list[Output]:
        """A deadline of one of the transactions, or of a session, is over."""
        if isinstance(machine, ServerTransaction):
            return self.responses.step(machine, ServerInput[name], now)
        results = machine.ring(name, now)
        if isinstance(machine, ClientTransaction):
            return self._stepped(machine, results, now)
        return list(results)


def _snapshot(request: Request) -> Request:
    """The request as it went out, for a transaction that outlives its dress."""
    return Request(request.headers.copy(), request.body, request.method, request.uri)
