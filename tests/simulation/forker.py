"""A proxy that forks each call to several callees and passes on what all of them say (RFC 3261 §16, and more).

It passes every 1xx and 2xx, so that a caller sees several early dialogs and several answers; failures wait until all
branches have failed. It steps out of the way after that: requests inside dialogs go past it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sip.agent import Outcome
from sip.client_transaction import ack_failure
from sip.message import Request, Response, parse_message
from sip.outputs import Flow
from sip.uri import Uri
from sip.values import Via
from tests.simulation.network import PORT, Network


@dataclass(slots=True)
class Fork:
    """One INVITE and its branches: what went out, and how they failed."""

    request: Request
    flow: Flow
    branches: dict[str, tuple[Request, Flow]] = field(default_factory=dict)
    failed: dict[str, Response] = field(default_factory=dict)
    best: Response | None = None  # the failure that the caller got
    acked: bool = False


class Forker:
    """Over UDP only. A retransmitted INVITE is passed on like the first: its branches are the same."""

    def __init__(self, network: Network, host: str, callees: tuple[str, ...]) -> None:
        self.name, self.host = "forker", host
        self.streams = False
        self._network = network
        self._callees = callees
        self._forks: dict[str, Fork] = {}  # by the branch of the caller
        self._by_branch: dict[str, Fork] = {}  # by ours
        network.stations[host] = self

    def soon(self, seconds: float, act: Callable[[], None]) -> None:
        self._network.at(self._network.now + seconds, act)

    def tell(self, news: Outcome) -> None:
        raise AssertionError("it asks for nothing")

    def receive(self, data: bytes, flow: Flow) -> None:
        message = parse_message(data)
        if isinstance(message, Response):
            self._responded(message)
        elif message.method == "INVITE":
            self._invited(message, flow)
        elif message.method == "CANCEL":
            self._canceled(message, flow)
        elif message.method == "ACK" and (fork := self._forks.get(message.via[0].branch)) is not None:
            fork.acked = True

    def _invited(self, request: Request, flow: Flow) -> None:
        fork = self._forks.setdefault(request.via[0].branch, Fork(request, flow))
        if fork.best is not None:
            self._send(fork.best, flow)
            return
        for number, host in enumerate(self._callees):
            branch = f"{request.via[0].branch}.{number}"
            forked = self._forward(request, branch)
            forked.uri = replace(Uri.parse("sip:callee@x"), host=host, port=PORT)
            fork.branches[branch] = forked, Flow("udp", (self.host, PORT), (host, PORT))
            self._by_branch[branch] = fork
            self._send(*fork.branches[branch])

    def _forward(self, request: Request, branch: str) -> Request:
        forked = Request(method=request.method, uri=request.uri, body=request.body)
        for name, value in request.headers:
            forked.headers.add(name, value)
        forked.headers.prepend("Via", str(Via("UDP", self.host, PORT, (("branch", branch),))))
        return forked

    def _canceled(self, request: Request, flow: Flow) -> None:
        self._send(request.reply(200, to_tag="forker"), flow)
        fork = self._forks.get(request.via[0].branch)
        for branch, (_, way) in fork.branches.items() if fork is not None else ():
            forked = self._forward(request, branch)
            forked.uri = replace(Uri.parse("sip:callee@x"), host=way.remote[0], port=PORT)
            self._send(forked, way)

    def _responded(self, response: Response) -> None:
        branch = response.via[0].branch
        fork = self._by_branch.get(branch)
        if fork is None or response.cseq.method != "INVITE":
            return
        if response.status >= 300:
            invite, way = fork.branches[branch]
            self._send(ack_failure(invite, response), way)
            fork.failed[branch] = response
            if len(fork.failed) == len(fork.branches) and fork.best is None:
                fork.best = self._back(min(fork.failed.values(), key=lambda one: one.status))
                self._repeat(fork, 0.5)
        elif response.status > 100:
            self._send(self._back(response), fork.flow)
        else:
            self._send(fork.request.reply(100), fork.flow)

    def _back(self, response: Response) -> Response:
        """The response without our Via."""
        back = Response(status=response.status, reason=response.reason, body=response.body)
        vias = [str(via) for via in response.via[1:]]
        for via in vias:
            back.headers.add("Via", via)
        for name, value in response.headers:
            if name != "Via":
                back.headers.add(name, value)
        return back

    def _repeat(self, fork: Fork, interval: float) -> None:
        assert fork.best is not None
        if not fork.acked and interval < 32:
            self._send(fork.best, fork.flow)
            self.soon(interval, lambda: self._repeat(fork, interval * 2))

    def _send(self, message: Request | Response, flow: Flow) -> None:
        self._network.send(self, bytes(message), flow)
