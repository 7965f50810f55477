"""The transactions of an agent: requests go out over a flow that is found first, what comes in finds its machine.

A request that a target does not take goes to the next one with a new branch (RFC 3263 §4.3), unless somebody heard it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from sip.client_transaction import Act, ClientTransaction, Late, Notice
from sip.client_transaction import Input as ClientInput
from sip.client_transaction import State as ClientState
from sip.dialog import DialogState
from sip.finder import Attempt, Finder, Output, Owner
from sip.locate import DEFAULT_PORT, numeric
from sip.machine import Alarms, Rings
from sip.message import Request, Response
from sip.outputs import Address, Connect, Flow, FlowFailed, FlowOpened, Resolved, Target, Transmit
from sip.quoted import quoted_request
from sip.server_transaction import Input as ServerInput
from sip.server_transaction import ServerTransaction
from sip.server_transaction import State as ServerState
from sip.timers import Timings
from sip.uri import Uri
from sip.values import Via

if TYPE_CHECKING:
    from random import Random

__all__ = ["ALLOW", "SDP", "SUPPORTED", "Layer", "Output", "Owner"]

MAGIC = "z9hG4bK"  # RFC 3261 §8.1.1.7
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY"
SUPPORTED = "100rel, timer, replaces, norefersub"
SDP = "application/sdp"
LARGE = 1300  # bytes; a larger request does not go over UDP (RFC 3261 §18.1.1)

ServerKey = tuple[str, str, str]
Identity = tuple[str, str, int, str]


class Layer:
    """All transactions, and the way requests find a flow."""

    def __init__(self, random: Random, timings: Timings, user_agent: str, advertised: Mapping[str, Address]) -> None:
        self.random = random
        self.timings = timings
        self.user_agent = user_agent
        self.alarms = Alarms()
        self._advertised = advertised
        self._clients: dict[tuple[str, str], tuple[ClientTransaction, Attempt | None]] = {}
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._first: dict[Identity, ServerTransaction] = {}  # of each request outside of dialogs, by what copies share
        self._finder = Finder(random)
        self._returning: dict[int, tuple[ServerTransaction, list[Transmit]]] = {}  # responses that wait for a flow
        self._numbers = 0
        self._live: set[Flow] = set()  # connections that stand

    @property
    def transactions(self) -> int:
        """How many transactions live."""
        return len(self._clients) + len(self._servers)

    def token(self) -> str:
        """A fresh tag, branch or Call-ID part: 64 random bits."""
        return f"{self.random.getrandbits(64):016x}"

    # requests of ours

    def request(
        self,
        request: Request,
        hop: Uri,
        owner: Owner | None,
        now: float,
        flow: Flow | None = None,
        contact_user: str | None = None,
        patience: float | None = None,
    ) -> list[Output]:
        """Sends a request (ACK included) on `flow` where it is still good, else towards `hop`."""
        attempt = Attempt(request, owner, hop, self._number(), contact_user=contact_user, patience=patience)
        if flow is not None and self.usable(flow) and (flow.reliable or _is_the_way(flow, hop)):
            return self._start(attempt, flow, now)
        return self._advance(attempt, now)

    def request_back(
        self, request: Request, hop: Uri, owner: Owner, now: float, flow: Flow, *, pinned: bool
    ) -> list[Output]:
        """Sends a request on the flow of a registration while it stands; else towards `hop`, unless it is `pinned`."""
        attempt = Attempt(request, owner, hop, self._number())
        if pinned:
            attempt.targets = deque()  # RFC 5626 §5.3: no other way is tried
        if not self.usable(flow):
            return self._advance(attempt, now)
        return self._start(attempt, flow, now)

    def again(self, request: Request, before: Request, hop: Uri, owner: Owner | None, now: float) -> list[Output]:
        """Sends a request to where an earlier one went, whose challenge it answers."""
        found = self._client(before)
        if found is None or not self.usable(found[0].flow):
            return self.request(request, hop, owner, now)
        attempt = Attempt(request, owner, hop, self._number())
        if found[1] is not None:
            attempt.targets, attempt.target = found[1].targets, found[1].target
            attempt.contact_user, attempt.patience = found[1].contact_user, found[1].patience
        return self._start(attempt, found[0].flow, now)

    def heard_on(self, flow: Flow) -> None:
        """Something came on a flow: a connection stands."""
        if flow.reliable:
            self._live.add(flow)

    def usable(self, flow: Flow) -> bool:
        """Whether something can still be sent on a flow."""
        return not flow.reliable or flow in self._live

    def resolved(self, resolved: Resolved, now: float) -> list[Output]:
        """DNS answered."""
        return [output for one in self._finder.resolved(resolved, now) for output in self._advance(one, now)]

    def opened(self, opened: FlowOpened, now: float) -> list[Output]:
        """The flow that a request or a response waited for is there."""
        self.heard_on(opened.flow)
        if opened.request in self._returning:
            transaction, waiting = self._returning.pop(opened.request)
            transaction.reply_flow = opened.flow
            return [Transmit(opened.flow, one.data) for one in waiting]
        attempt = self._finder.take(opened.request)
        if attempt is None:
            return []
        attempt.reused = opened.reused
        return self._start(attempt, opened.flow, now)

    def failed(self, failed: FlowFailed, now: float) -> list[Output]:
        """A flow could not be had, or broke."""
        if failed.flow is not None:
            return self._broken(failed.flow, now)
        if failed.request in self._returning:
            self._step_server(self._returning.pop(failed.request)[0], ServerInput.BROKEN, now)
        attempt = self._finder.take(failed.request)
        if attempt is None:
            return []
        assert attempt.target is not None
        self._finder.avoid(attempt.target, now)
        return self._advance(attempt, now)

    def _broken(self, flow: Flow, now: float) -> list[Output]:
        self._live.discard(flow)
        outputs: list[Output] = []
        for key, (transaction, _) in list(self._clients.items()):
            if transaction.flow == flow and key in self._clients:
                outputs += self._stepped(transaction, transaction.step(ClientInput.BROKEN, now), now)
        for server in list(self._servers.values()):
            if server.reply_flow == flow and server.answered:
                self._step_server(server, ServerInput.BROKEN, now)
        return outputs

    def undelivered(self, data: bytes, now: float) -> list[Output]:
        """A datagram did not arrive. Inside a dialog that is no last word: a server that restarts ends no calls."""
        quoted = quoted_request(data)
        found = self._clients.get(quoted) if quoted is not None else None
        if found is None or found[0].request.to.tag:
            return []
        return self._stepped(found[0], found[0].step(ClientInput.BROKEN, now), now)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _advance(self, attempt: Attempt, now: float) -> list[Output]:
        """The next target, or the end."""
        outputs = self._finder.step(attempt, now)
        if outputs is not None:
            return outputs
        return [] if attempt.owner is None else attempt.owner.concluded(attempt.request, attempt.said, now)

    def _start(self, attempt: Attempt, flow: Flow, now: float) -> list[Output]:
        request = attempt.request
        self._dress(attempt, flow)
        wire = bytes(request)
        if len(wire) > LARGE and flow.transport == "udp" and self._finder.prefer_stream(attempt, now):
            return self._advance(attempt, now)
        if request.method == "ACK":
            return [Transmit(flow, wire)]
        transaction = ClientTransaction(request, flow, self.timings, self.alarms, attempt.patience)
        self._clients[request.via[0].branch, request.method] = (transaction, attempt)
        return [*transaction.start(now)]

    def _dress(self, attempt: Attempt, flow: Flow) -> None:
        """What depends on the flow: Via with a fresh branch, Contact (RFC 3261 §8.1.1)."""
        request, (host, port) = attempt.request, self.address(flow)
        alias = (("alias", None),) if flow.transport == "tls" else ()  # RFC 5923 §5.1
        params = (("branch", MAGIC + self.token()), ("rport", None), *alias)
        request.headers.remove("Via")
        request.headers.prepend("Via", str(Via(flow.transport.upper(), host, port, params)))
        if attempt.wants_contact:
            secure = request.uri.scheme == "sips"
            request.headers.set("Contact", self.contact(flow, secure=secure, user=attempt.contact_user))
        if "User-Agent" not in request.headers:
            request.headers.add("User-Agent", self.user_agent)
        for cached in ("via", "contact"):
            request.__dict__.pop(cached, None)

    def address(self, flow: Flow) -> Address:
        """How we call ourselves on this flow: what is advertised for its kind of address, else the local one."""
        if flow.remote[0] == flow.local[0] or ip_address(flow.remote[0]).is_loopback:
            return flow.local  # it is on this machine: what is advertised may lead nowhere from inside a NAT
        host, port = self._advertised.get(flow.transport, flow.local)
        if numeric(host) and (":" in host) != (":" in flow.local[0]):
            return flow.local
        return host, port or flow.local[1]

    def contact(self, flow: Flow, *, secure: bool = False, user: str | None = None) -> str:
        """Our Contact on this flow; `secure` makes it a SIPS URI (RFC 3261 §8.1.1.8)."""
        host, port = self.address(flow)
        host = f"[{host}]" if ":" in host else host
        at = f"{user}@" if user else ""
        if secure:
            kind = ";transport=ws" if flow.transport == "wss" else ""
            return f"<sips:{at}{host}:{port}{kind}>"
        kind = {"udp": "", "wss": ";transport=ws"}.get(flow.transport, f";transport={flow.transport}")
        return f"<sip:{at}{host}:{port}{kind}>"

    def cancel(self, invite: Request, now: float, reason: str = "") -> list[Output]:
        """CANCEL for an INVITE that is under way: same branch, same flow (RFC 3261 §9.1); `reason` as RFC 3326."""
        found = self._client(invite)
        if found is None:
            return []
        if found[1] is not None:
            found[1].committed = True
        return self._canceled(found[0], now, reason)

    def _canceled(self, canceled: ClientTransaction, now: float, reason: str = "") -> list[Output]:
        invite = canceled.request
        cancel = Request(method="CANCEL", uri=invite.uri)
        cancel.headers.add("Via", str(invite.via[0]))
        for name in ("Route", "From", "To", "Call-ID"):
            for value in invite.headers.all(name):
                cancel.headers.add(name, value)
        cancel.headers.add("CSeq", f"{invite.cseq.number} CANCEL")
        cancel.headers.add("Max-Forwards", "70")
        if reason:
            cancel.headers.add("Reason", reason)
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
                outputs += self._late(transaction, result.response, now)
            elif attempt is not None:
                outputs += self._concluded(transaction, attempt, result, now)
        return outputs

    def _late(self, transaction: ClientTransaction, response: Response, now: float) -> list[Output]:
        """A server that we gave up takes the call after all: it has to let go, for another one may ring by now."""
        invite, flow = transaction.request, transaction.flow
        if response.status < 200:
            known = (invite.via[0].branch, "CANCEL") in self._clients
            return [] if known else self._canceled(transaction, now)
        dialog = DialogState.as_client(invite, response)
        bye = dialog.request("BYE", dialog.local_cseq + 1)
        return [
            *self.request(dialog.ack(invite), dialog.next_hop, None, now, flow),
            *self.request(bye, dialog.next_hop, None, now, flow),
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

    # requests of theirs

    def server(self, request: Request) -> ServerTransaction | None:
        """The transaction that a request belongs to (RFC 3261 §17.2.3)."""
        return self._servers.get(_key(request))

    def canceled(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL names (RFC 3261 §9.2)."""
        return self._servers.get(_key(cancel, "INVITE"))

    def open_server(self, request: Request, flow: Flow) -> ServerTransaction:
        """A transaction for a new request."""
        transaction = ServerTransaction(request, flow, self.timings, self.alarms)
        transaction.reply_flow = reply_flow(request.via[0], flow)
        self._servers[_key(request)] = transaction
        if not request.to.tag and not self.merged(request):
            self._first[_identity(request)] = transaction
        return transaction

    def merged(self, request: Request) -> bool:
        """Whether this is a copy of a request that came another way and is still served (RFC 3261 §8.2.2.2).

        A client that got 503 comes another way with the same request, as it must (RFC 3263 §4.3).
        """
        first = self._first.get(_identity(request))
        return first is not None and first.request is not request and first.status != 503 and not request.to.tag

    def repeated(self, transaction: ServerTransaction, request: Request, now: float) -> list[Output]:
        """The request, or the ACK of a failure, came (again)."""
        given = ServerInput.ACK if request.method == "ACK" else ServerInput.REQUEST
        return self._step_server(transaction, given, now)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> list[Output]:
        """Answers a request."""
        if response.status > 100 and "Server" not in response.headers:
            response.headers.add("Server", self.user_agent)
        outputs = self._returned(transaction, transaction.respond(response, now))
        self._sweep_server(transaction)
        return outputs

    def _step_server(self, transaction: ServerTransaction, given: ServerInput, now: float) -> list[Output]:
        outputs = self._returned(transaction, transaction.step(given, now))
        self._sweep_server(transaction)
        return outputs

    def _returned(self, transaction: ServerTransaction, outputs: Sequence[Transmit]) -> list[Output]:
        """Responses on their way; over a new connection where that of the request is gone (RFC 3261 §18.2.2)."""
        if not outputs or self.usable(transaction.reply_flow):
            return [*outputs]
        for waiting, responses in self._returning.values():
            if waiting is transaction:
                responses += outputs
                return []
        via, flow, number = transaction.request.via[0], transaction.flow, self._number()
        port = via.port or DEFAULT_PORT.get(flow.transport, 5060)
        self._returning[number] = (transaction, [*outputs])
        return [Connect(number, Target(flow.transport, flow.remote[0], port, via.host))]

    def _sweep_server(self, transaction: ServerTransaction) -> None:
        if transaction.state is ServerState.TERMINATED:
            transaction.timers.clear()
            self._servers.pop(_key(transaction.request), None)
            identity = _identity(transaction.request)
            if self._first.get(identity) is transaction:
                del self._first[identity]

    # time

    def ring(self, machine: Rings, name: str, now: float) -> list[Output]:
        """A deadline of one of the transactions, or of a session, is over."""
        if isinstance(machine, ServerTransaction):
            return self._step_server(machine, ServerInput[name], now)
        results = machine.ring(name, now)
        if isinstance(machine, ClientTransaction):
            return self._stepped(machine, results, now)
        return list(results)


def _key(request: Request, method: str = "") -> ServerKey:
    """Branch, sent-by and method; for RFC 2543 peers what that RFC compares (RFC 3261 §17.2.3)."""
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    via = request.via[0]
    if via.branch.startswith(MAGIC) and via.branch != MAGIC:
        return via.branch, f"{via.host}:{via.port or 5060}", method
    return f"{request.call_id}|{request.from_.tag}|{request.cseq.number}", str(via.host), method


def _identity(request: Request) -> Identity:
    """What all copies of a request that was forked on its way have in common."""
    return request.call_id, request.from_.tag, request.cseq.number, request.method


def reply_flow(via: Via, flow: Flow) -> Flow:
    """Where responses go: over UDP to what the topmost Via says (RFC 3261 §18.2.2, RFC 3581 §4)."""
    if flow.reliable or (address := via.reply_address()) == flow.remote:
        return flow
    return replace(flow, remote=address)


def _snapshot(request: Request) -> Request:
    """The request as it went out, for a transaction that outlives its dress."""
    return Request(request.headers.copy(), request.body, request.method, request.uri)


def _is_the_way(flow: Flow, hop: Uri) -> bool:
    """Whether a UDP flow leads to a peer better than its URI.

    The peer says so (`ob`, RFC 5626 §4.3), its URI leads to a registrar (`gr`, RFC 5627), or it names a private address
    while its packets come from another.
    """
    if hop.param("ob") is not None or hop.param("gr") is not None:
        return True
    if hop.host == flow.remote[0]:
        return False
    try:
        named = ip_address(hop.host)
    except ValueError:
        return False
    return str(named) != flow.remote[0] and named.is_private
