"""The transactions of an agent: requests go out over a flow that is found first, what comes in finds its machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from sip.client_transaction import Act, ClientTransaction
from sip.client_transaction import Input as ClientInput
from sip.client_transaction import State as ClientState
from sip.events import Event
from sip.machine import Alarms, Rings
from sip.message import Request, Response
from sip.outputs import Address, Close, Connect, Flow, FlowFailed, FlowOpened, Transmit
from sip.server_transaction import Input as ServerInput
from sip.server_transaction import ServerTransaction
from sip.server_transaction import State as ServerState
from sip.timers import Timings
from sip.uri import Uri
from sip.values import Via

if TYPE_CHECKING:
    from random import Random

Output = Transmit | Connect | Close | Event

MAGIC = "z9hG4bK"  # RFC 3261 §8.1.1.7
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"


class Owner(Protocol):
    """Who sent a request, and wants what comes of it."""

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]: ...


@dataclass(slots=True)
class Pending:
    """A request that waits for its flow."""

    request: Request
    owner: Owner | None


ServerKey = tuple[str, str, str]


class Layer:
    """All transactions, and the way requests find a flow."""

    def __init__(self, random: Random, timings: Timings, user_agent: str, advertised: Mapping[str, Address]) -> None:
        self.random = random
        self.timings = timings
        self.user_agent = user_agent
        self.alarms = Alarms()
        self._advertised = advertised
        self._clients: dict[tuple[str, str], tuple[ClientTransaction, Owner | None]] = {}
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._pending: dict[int, Pending] = {}
        self._requests = 0
        self.dead: set[Flow] = set()

    @property
    def transactions(self) -> int:
        """How many transactions live."""
        return len(self._clients) + len(self._servers)

    def token(self) -> str:
        """A fresh tag, branch or Call-ID part: 64 random bits."""
        return f"{self.random.getrandbits(64):016x}"

    # requests of ours

    def request(
        self, request: Request, hop: Uri, owner: Owner | None, now: float, flow: Flow | None = None
    ) -> list[Output]:
        """Sends a request (ACK included) on `flow` where it is still good, else towards `hop`."""
        pending = Pending(request, owner)
        if flow is not None and flow not in self.dead and (flow.reliable or _behind_nat(hop, flow)):
            return self._start(pending, flow, now)
        self._requests += 1
        self._pending[self._requests] = pending
        host = hop.param("maddr") or hop.host
        port = hop.port or (5061 if hop.transport == "tls" else 5060)
        return [Connect(self._requests, hop.transport, host, port)]

    def opened(self, opened: FlowOpened, now: float) -> list[Output]:
        """The flow of a pending request is there."""
        pending = self._pending.pop(opened.request, None)
        return [] if pending is None else self._start(pending, opened.flow, now)

    def failed(self, failed: FlowFailed, now: float) -> list[Output]:
        """A flow could not be had, or broke."""
        pending = self._pending.pop(failed.request, None)
        if pending is not None:
            owner = pending.owner
            return [] if owner is None else owner.concluded(pending.request, Act.FAIL, now)
        outputs: list[Output] = []
        if failed.flow is not None:
            self.dead.add(failed.flow)
            for transaction, _ in list(self._clients.values()):
                if transaction.flow == failed.flow:
                    outputs += self._stepped(transaction, transaction.step(ClientInput.BROKEN, now), now)
            for server in list(self._servers.values()):
                if server.flow == failed.flow:
                    server.step(ServerInput.BROKEN, now)
                    self._sweep_server(server)
        return outputs

    def _start(self, pending: Pending, flow: Flow, now: float) -> list[Output]:
        request = pending.request
        self._dress(request, flow)
        if request.method == "ACK":
            return [Transmit(flow, bytes(request))]
        transaction = ClientTransaction(request, flow, self.timings, self.alarms)
        self._clients[request.via[0].branch, request.method] = (transaction, pending.owner)
        return [*transaction.start(now)]

    def _dress(self, request: Request, flow: Flow) -> None:
        """What depends on the flow: Via with a fresh branch, Contact (RFC 3261 §8.1.1)."""
        host, port = self.address(flow)
        via = Via(flow.transport.upper(), host, port, (("branch", MAGIC + self.token()), ("rport", None)))
        request.headers.prepend("Via", str(via))
        request.__dict__.pop("via", None)
        if request.method == "INVITE" and "Contact" not in request.headers:
            request.headers.add("Contact", self.contact(flow))
        if "User-Agent" not in request.headers:
            request.headers.add("User-Agent", self.user_agent)

    def address(self, flow: Flow) -> Address:
        """How we call ourselves on this flow: the advertised address, else the local one."""
        return self._advertised.get(flow.transport, flow.local)

    def contact(self, flow: Flow) -> str:
        """Our Contact on this flow."""
        host, port = self.address(flow)
        host = f"[{host}]" if ":" in host else host
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        return f"<sip:{host}:{port}{transport}>"

    def cancel(self, invite: Request, now: float) -> list[Output]:
        """CANCEL for an INVITE that is under way: same branch, same flow (RFC 3261 §9.1)."""
        found = self._clients.get((invite.via[0].branch, "INVITE"))
        if found is None:
            return []
        cancel = Request(method="CANCEL", uri=invite.uri)
        cancel.headers.add("Via", str(invite.via[0]))
        for name in ("Route", "From", "To", "Call-ID"):
            for value in invite.headers.all(name):
                cancel.headers.add(name, value)
        cancel.headers.add("CSeq", f"{invite.cseq.number} CANCEL")
        cancel.headers.add("Max-Forwards", "70")
        transaction = ClientTransaction(cancel, found[0].flow, self.timings, self.alarms)
        self._clients[cancel.via[0].branch, "CANCEL"] = (transaction, None)
        return [*transaction.start(now)]

    def pending(self, request: Request) -> bool:
        """Whether the request still waits for its flow."""
        return any(pending.request is request for pending in self._pending.values())

    def drop_pending(self, request: Request) -> None:
        """Forgets a request that waits for its flow."""
        self._pending = {key: one for key, one in self._pending.items() if one.request is not request}

    def flow_of(self, request: Request) -> Flow | None:
        """The flow a request of ours went over, while its transaction lives."""
        found = self._clients.get((request.via[0].branch, request.method)) if request.via else None
        return found[0].flow if found else None

    def response(self, response: Response, now: float) -> list[Output]:
        """A response that came in."""
        if not response.via:
            return []
        found = self._clients.get((response.via[0].branch, response.cseq.method))
        if found is None:
            return []
        return self._stepped(found[0], found[0].receive(response, now), now)

    def _stepped(
        self, transaction: ClientTransaction, results: Sequence[Transmit | Response | Act], now: float
    ) -> list[Output]:
        key = transaction.request.via[0].branch, transaction.request.method
        _, owner = self._clients[key]
        outputs: list[Output] = []
        for result in results:
            if isinstance(result, Transmit):
                outputs.append(result)
            elif owner is not None:
                outputs += owner.concluded(transaction.request, result, now)
        if transaction.state is ClientState.TERMINATED:
            transaction.timers.clear()
            self._clients.pop(key, None)
        return outputs

    # requests of theirs

    def server(self, request: Request) -> ServerTransaction | None:
        """The transaction that a request belongs to (RFC 3261 §17.2.3)."""
        return self._servers.get(_key(request))

    def open_server(self, request: Request, flow: Flow) -> ServerTransaction:
        """A transaction for a new request."""
        transaction = ServerTransaction(request, flow, self.timings, self.alarms)
        self._servers[_key(request)] = transaction
        return transaction

    def repeated(self, transaction: ServerTransaction, request: Request, now: float) -> list[Output]:
        """The request, or the ACK of a failure, came (again)."""
        given = ServerInput.ACK if request.method == "ACK" else ServerInput.REQUEST
        outputs = transaction.step(given, now)
        self._sweep_server(transaction)
        return [*outputs]

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> list[Output]:
        """Answers a request."""
        if response.status > 100 and "Server" not in response.headers:
            response.headers.add("Server", self.user_agent)
        outputs = transaction.respond(response, now)
        self._sweep_server(transaction)
        return [*outputs]

    def _sweep_server(self, transaction: ServerTransaction) -> None:
        if transaction.state is ServerState.TERMINATED:
            transaction.timers.clear()
            self._servers.pop(_key(transaction.request), None)

    # time

    def ring(self, machine: Rings, name: str, now: float) -> list[Output]:
        """A deadline of one of the transactions, or of a session, is over."""
        results = machine.ring(name, now)
        if isinstance(machine, ClientTransaction):
            return self._stepped(machine, results, now)
        if isinstance(machine, ServerTransaction):
            self._sweep_server(machine)
        return list(results)


def _key(request: Request) -> ServerKey:
    """Branch, sent-by and method; for RFC 2543 peers what that RFC compares (RFC 3261 §17.2.3)."""
    method = "INVITE" if request.method == "ACK" else request.method
    via = request.via[0]
    if via.branch.startswith(MAGIC):
        return via.branch, f"{via.host}:{via.port or 5060}", method
    return f"{request.call_id}|{request.from_.tag}|{request.cseq.number}", str(via.host), method


def _behind_nat(hop: Uri, flow: Flow) -> bool:
    """The peer names a private address, but its packets come from another: the flow is the way back."""
    try:
        named = ip_address(hop.host)
    except ValueError:
        return False
    return str(named) != flow.remote[0] and named.is_private
