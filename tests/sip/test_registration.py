"""We register to a trunk (RFC 3261 §10.2), and keep at it (RFC 5626 §4.5)."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from sip import commands
from sip.agent import Agent
from sip.events import Event, Registered, Unregistered
from sip.layer import Output
from sip.message import Request, parse_message
from sip.outputs import Address, Connect, Flow, FlowFailed, FlowOpened, Resolve, Resolved, Srv, Transmit

CHALLENGE = 'Digest realm="carrier", nonce="n{}", qop="auth", algorithm=SHA-256'
ME = commands.Register(
    "acme", "sip:192.0.2.2;transport=tcp", "<sip:me@192.0.2.2>", "t1", 300, commands.Credentials("me", "secret")
)


class Registrar:
    """A registrar over TCP, and an agent that registers there; `answer` says how each REGISTER is answered."""

    def __init__(
        self, command: commands.Register = ME, transport: str = "tcp", seen: Address = ("192.0.2.1", 5060)
    ) -> None:
        self.agent = Agent(Random(1))
        self.now = 0.0
        self.asked: list[tuple[float, Request]] = []
        self.events: list[tuple[float, Event]] = []
        self.bindings: dict[str, float] = {}  # contact -> its end
        self.plan: list[tuple[int, dict[str, str]]] = []  # answers out of order, first come first
        self.dead = False
        self.silent = False
        self.longest = 3600
        self.nonce = 1
        self.connections = 0  # that there were; the last one stands while `up`
        self.up = False
        self.transport, self.seen = transport, seen
        self.pings: list[float] = []
        self.apply(command)

    def apply(self, command: commands.Command) -> None:
        self._do(self.agent.apply(command, self.now))

    def lose(self) -> None:
        """The connection breaks."""
        self.up = False
        self._do(self.agent.apply(FlowFailed(0, "reset", self._flow()), self.now))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self.agent.next_timeout()) is not None and at <= end:
            self.now = at
            self._do(self.agent.tick(at))
        self.now = end

    def said(self, kind: type[Event]) -> list[tuple[float, Event]]:
        return [(at, event) for at, event in self.events if isinstance(event, kind)]

    def times(self) -> list[float]:
        """When each REGISTER was sent."""
        return [at for at, _ in self.asked]

    def _flow(self) -> Flow:
        return Flow(self.transport, ("192.0.2.1", 5060), ("192.0.2.2", 5060), self.connections)

    def _do(self, outputs: object) -> None:
        assert isinstance(outputs, list)
        for output in outputs:
            match output:
                case Connect(request=number):
                    self._do(self.agent.apply(self._connected(number), self.now))
                case Transmit(data=data) if not data.strip():
                    self.pings.append(self.now)
                case Transmit(data=data):
                    request = parse_message(data)
                    assert isinstance(request, Request)
                    self.asked.append((self.now, request))
                    if not self.silent:
                        self._answer(request)
                case _:
                    self.events.append((self.now, output))

    def _connected(self, number: int) -> FlowOpened | FlowFailed:
        if self.dead:
            return FlowFailed(number, "refused")
        reused, self.up = self.up, True
        self.connections += not reused
        return FlowOpened(number, self._flow(), reused)

    def _answer(self, request: Request) -> None:
        status, headers = self.plan.pop(0) if self.plan else self._usual(request)
        response = request.reply(status, to_tag="r")
        response.headers.set("Via", str(request.via[0].received_from(*self.seen)))
        for name, value in headers.items():
            response.headers.add(name, value)
        self._do(self.agent.receive(bytes(response), self._flow(), self.now))

    def _usual(self, request: Request) -> tuple[int, dict[str, str]]:
        credentials = request.headers.get("Authorization") or ""
        if f'nonce="n{self.nonce}"' not in credentials:
            stale = ", stale=true" if credentials else ""
            return 401, {"WWW-Authenticate": CHALLENGE.format(self.nonce) + stale}
        contact = str(request.contact[0].uri)
        granted = min(int(request.headers.get("Expires") or ""), self.longest)
        self.bindings[contact] = self.now + granted
        if not granted:
            del self.bindings[contact]
            return 200, {}
        return 200, {"Contact": f"<{contact}>;expires={granted}"}


def test_a_challenge_is_answered_and_the_binding_kept() -> None:
    registrar = Registrar()
    (_, first), (_, second) = registrar.asked
    assert (first.uri.user, str(first.uri)) == (None, "sip:192.0.2.2;transport=tcp")
    assert str(first.to.uri) == str(first.from_.uri) == "sip:me@192.0.2.2"
    assert first.call_id == second.call_id
    assert (first.cseq.number, second.cseq.number) == (1, 2)
    assert "Authorization" not in first.headers
    assert registrar.bindings == {"sip:t1@192.0.2.1:5060;transport=tcp": 300.0}
    assert registrar.events == [(0.0, Registered("acme", 300.0, ("192.0.2.2", 5060)))]


OVER_UDP = replace(ME, registrar="sip:192.0.2.2")


@pytest.mark.parametrize("seen", [("203.0.113.1", 5060), ("192.0.2.1", 1024)], ids=["address", "port"])
def test_the_way_in_is_kept_open_through_a_nat(seen: Address) -> None:
    """Calls come when they come: until then nothing else would pass the NAT for minutes."""
    registrar = Registrar(OVER_UDP, "udp", seen)
    registrar.run(100)
    assert registrar.pings == [25.0, 50.0, 75.0, 100.0]
    registrar.run(150)
    assert [round(at) for at in registrar.times()[2:]] == [240]
    assert registrar.pings[-2:] == [200.0, 225.0]
    registrar.apply(commands.Unregister("acme"))
    registrar.run(100)
    assert registrar.pings[-1] == 225.0


def test_a_registration_that_fails_keeps_nothing_open() -> None:
    registrar = Registrar(OVER_UDP, "udp", ("203.0.113.1", 5060))
    registrar.plan = [(403, {})] * 9
    registrar.run(400)
    assert max(registrar.pings) < 240


@pytest.mark.parametrize(("transport", "seen"), [("udp", ("192.0.2.1", 5060)), ("tcp", ("203.0.113.1", 5060))])
def test_without_a_nat_and_over_a_connection_nothing_has_to_be_kept_open(transport: str, seen: Address) -> None:
    registrar = Registrar(replace(ME, registrar=f"sip:192.0.2.2;transport={transport}"), transport, seen)
    registrar.run(200)
    assert registrar.pings == []


def test_it_is_renewed_before_it_ends_with_the_credentials_put_on_at_once() -> None:
    registrar = Registrar()
    registrar.longest = 60
    registrar.run(1000)
    assert len(registrar.asked) - 2 == pytest.approx((1000 - 240) / 48, abs=1)
    for at, request in registrar.asked[2:]:
        assert "nc=0000" in (request.headers.get("Authorization") or ""), at
    numbers = [request.cseq.number for _, request in registrar.asked]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not registrar.said(Unregistered)


def test_a_nonce_that_became_stale_is_replaced() -> None:
    registrar = Registrar()
    registrar.nonce = 2
    registrar.run(250)
    assert [len(registrar.asked), len(registrar.said(Registered)), len(registrar.said(Unregistered))] == [4, 2, 0]


def test_a_wrong_password_is_not_tried_again_at_once() -> None:
    registrar = Registrar()
    registrar.plan = [(401, {"WWW-Authenticate": CHALLENGE.format(9)})] * 2
    registrar.run(241)
    ((at, event),) = registrar.said(Unregistered)
    assert isinstance(event, Unregistered)
    assert (at, event.status, len(registrar.asked)) == (240.0, 401, 4)
    assert 15 <= event.retry <= 30


def test_an_interval_that_is_too_brief_is_made_longer() -> None:
    """RFC 3261 §10.2.8."""
    registrar = Registrar()
    registrar.plan = [(423, {"Min-Expires": "900"})]
    registrar.run(241)
    assert registrar.asked[-1][1].headers.get("Expires") == "900"
    assert registrar.events[-1] == (240.0, Registered("acme", 900.0, ("192.0.2.2", 5060)))


@pytest.mark.parametrize("least", [None, "60", "nonsense", "999999999"])
def test_a_423_that_makes_no_sense_is_a_failure(least: str | None) -> None:
    registrar = Registrar()
    registrar.plan = [(423, {} if least is None else {"Min-Expires": least})]
    registrar.run(241)
    assert len(registrar.said(Unregistered)) == 1


def test_pauses_grow_while_the_registrar_is_away_and_it_is_back_soon_after_its_return() -> None:
    """RFC 5626 §4.5: half to whole of 30 s, 60 s, 120 s … 1800 s."""
    registrar = Registrar()
    registrar.run(230)
    registrar.dead = True
    registrar.lose()
    registrar.run(20000)
    failures = [event for _, event in registrar.said(Unregistered) if isinstance(event, Unregistered)]
    assert {event.status for event in failures} == {503}
    for number, event in enumerate(failures):
        longest = min(30 * 2**number, 1800)
        assert longest / 2 <= event.retry <= longest
    assert len(failures) > 12
    registrar.dead = False
    registrar.run(1800)
    assert registrar.events[-1][1] == Registered("acme", 300.0, ("192.0.2.2", 5060))
    registrar.events.clear()
    registrar.dead = True
    registrar.lose()
    registrar.run(60)
    first = registrar.events[0][1]
    assert isinstance(first, Unregistered)
    assert first.retry <= 30, "a success begins the count anew"


def test_a_registrar_that_is_silent_is_given_up_after_timer_f() -> None:
    registrar = Registrar()
    registrar.silent = True
    registrar.run(300)
    ((at, event),) = registrar.said(Unregistered)[:1]
    assert isinstance(event, Unregistered)
    assert (at, event.status, event.reason) == (272.0, 408, "no answer")


def test_retry_after_is_kept_to() -> None:
    """RFC 3261 §20.33."""
    registrar = Registrar()
    registrar.plan = [(503, {"Retry-After": "120"})]
    registrar.run(241)
    last = registrar.events[-1][1]
    assert isinstance(last, Unregistered)
    assert 120 <= last.retry <= 150


def test_a_connection_that_breaks_is_replaced_though_the_binding_holds() -> None:
    """RFC 5626 §4.4: calls come in over it; §4.5 says when to try."""
    registrar = Registrar()
    registrar.run(10)
    registrar.lose()
    registrar.run(31)
    assert registrar.connections == 2
    assert 15 <= registrar.times()[2] - 10 <= 30
    assert not registrar.said(Unregistered)


def test_another_connection_that_breaks_is_nothing_to_it() -> None:
    registrar = Registrar()
    other = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.9", 5060), 99)
    registrar._do(registrar.agent.apply(FlowFailed(0, "reset", other), 1.0))
    registrar.run(200)
    assert len(registrar.asked) == 2


def test_the_end_takes_the_binding_back_and_leaves_nothing() -> None:
    registrar = Registrar()
    registrar.run(10)
    registrar.apply(commands.Unregister("acme"))
    assert registrar.bindings == {}
    assert len(registrar.asked) == 3, "the credentials are put on at once"
    assert registrar.events[-1] == (10.0, Unregistered("acme", 200, "", 0.0))
    registrar.run(2000)
    assert (registrar.agent.next_timeout(), registrar.agent.transactions) == (None, 0)


def test_the_end_while_nothing_answers() -> None:
    registrar = Registrar()
    registrar.dead = True
    registrar.lose()
    registrar.apply(commands.Unregister("acme"))
    registrar.run(100)
    assert registrar.agent.next_timeout() is None
    assert len(registrar.asked) == 2


def test_what_changes_but_names_the_same_binding_does_not_take_it_back() -> None:
    """An un-REGISTER of the first would arrive late, and end the second."""
    registrar = Registrar()
    password = commands.Credentials("me", "secret2")
    registrar.apply(commands.Register("acme", ME.registrar, ME.address, "t1", 600, password))
    assert {request.headers.get("Expires") for _, request in registrar.asked} == {"300", "600"}
    assert list(registrar.bindings.values()) == [600.0]
    registrar.run(2000)
    expires = [request.headers.get("Expires") for _, request in registrar.asked]
    assert expires[2:] == ["600"] * (len(expires) - 2), "the first one is not renewed any more"


def test_another_registrar_takes_the_first_binding_back() -> None:
    registrar = Registrar()
    elsewhere = commands.Register("acme", "sip:192.0.2.3;transport=tcp", ME.address, "t1", 300, ME.credentials)
    registrar.apply(elsewhere)
    assert [request.headers.get("Expires") for _, request in registrar.asked] == ["300", "300", "0", "300", "300"]


def test_two_at_once_know_nothing_of_each_other() -> None:
    registrar = Registrar()
    second = commands.Register("second", ME.registrar, "<sip:you@192.0.2.2>", "t2", 300, ME.credentials)
    registrar.apply(second)
    assert len(registrar.bindings) == 2
    assert len({request.call_id for _, request in registrar.asked}) == 2
    registrar.apply(commands.Unregister("acme"))
    assert list(registrar.bindings) == ["sip:t2@192.0.2.1:5060;transport=tcp"]
    registrar.run(300)
    assert registrar.bindings["sip:t2@192.0.2.1:5060;transport=tcp"] > registrar.now


def test_a_registrar_that_answers_without_our_contact_did_not_keep_it() -> None:
    registrar = Registrar()
    registrar.plan = [(200, {"Contact": "<sip:t1@192.0.2.1:5060;transport=tcp>;expires=0"})]
    registrar.run(241)
    last = registrar.events[-1][1]
    assert isinstance(last, Unregistered)
    assert last.reason == "the registrar did not keep our contact"


@pytest.mark.parametrize("seed", range(8))
def test_a_challenge_is_answered_where_it_came_from(seed: int) -> None:
    """A nonce is known where it was made: not at the other server of the domain."""
    agent = Agent(Random(seed))
    command = commands.Register("acme", "sip:reg.example", "<sip:me@reg.example>", "t1", 300, ME.credentials)
    dns = {"_sip._udp.reg.example": (Srv(0, 0, 5060, "192.0.2.11"), Srv(0, 0, 5060, "192.0.2.12"))}
    sent: list[tuple[str, Request]] = []

    def do(outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Resolve):
                do(agent.apply(Resolved(output.question, dns.get(output.question.name, ()), 0.0), 0.0))
            elif isinstance(output, Connect):
                flow = Flow("udp", ("192.0.2.1", 5060), (output.target.host, output.target.port))
                do(agent.apply(FlowOpened(output.request, flow), 0.0))
            elif isinstance(output, Transmit):
                request = parse_message(output.data)
                assert isinstance(request, Request)
                sent.append((output.flow.remote[0], request))

    do(agent.apply(command, 0.0))
    for number in range(4):
        where, request = sent[-1]
        response = request.reply(401, to_tag="r")
        stale = "" if number == 0 else ", stale=true"
        response.headers.add("WWW-Authenticate", CHALLENGE.format(number) + stale)
        do(agent.receive(bytes(response), Flow("udp", ("192.0.2.1", 5060), (where, 5060)), 0.0))
    assert len(sent) == 5
    assert len({where for where, _ in sent}) == 1
    assert {request.contact[0].uri.user for _, request in sent} == {"t1"}
