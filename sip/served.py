"""The server transactions of an agent: which one a request belongs to (RFC 3261 §17.2.3, §8.2.2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sip.machine import Alarms
from sip.message import Request
from sip.naming import MAGIC
from sip.outputs import Flow
from sip.server_transaction import Identity, Key, ServerTransaction, State
from sip.timers import Timings
from sip.values import Via


class Served:
    """By what RFC 3261 compares, and by what all copies of a request share."""

    def __init__(self, timings: Timings, alarms: Alarms) -> None:
        self._timings = timings
        self._alarms = alarms
        self._transactions: dict[Key, ServerTransaction] = {}
        self._first: dict[Identity, ServerTransaction] = {}  # of each request outside of dialogs

    def __len__(self) -> int:
        return len(self._transactions)

    def __iter__(self) -> Iterator[ServerTransaction]:
        return iter(list(self._transactions.values()))

    def find(self, request: Request) -> ServerTransaction | None:
        """The transaction that a request belongs to."""
        return self._transactions.get(_key(request))

    def canceled(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL names (RFC 3261 §9.2)."""
        return self._transactions.get(_key(cancel, "INVITE"))

    def open(self, request: Request, flow: Flow) -> ServerTransaction:
        """A transaction for a new request."""
        transaction = ServerTransaction(request, flow, self._timings, self._alarms)
        transaction.reply_flow = reply_flow(request.via[0], flow)
        transaction.key, transaction.identity = _key(request), _identity(request)
        self._transactions[transaction.key] = transaction
        if not request.to.tag and not self.merged(request):
            self._first[transaction.identity] = transaction
        return transaction

    def merged(self, request: Request) -> bool:
        """Whether this is a copy of a request that came another way and is still served (RFC 3261 §8.2.2.2).

        A client that got 503 comes another way with the same request, as it must (RFC 3263 §4.3).
        """
        first = self._first.get(_identity(request))
        return first is not None and first.key != _key(request) and first.status != 503 and not request.to.tag

    def sweep(self, transaction: ServerTransaction) -> None:
        """Forgets a transaction that is over."""
        if transaction.state is not State.TERMINATED:
            return
        transaction.timers.clear()
        self._transactions.pop(transaction.key, None)
        if self._first.get(transaction.identity) is transaction:
            del self._first[transaction.identity]


def _key(request: Request, method: str = "") -> Key:
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
