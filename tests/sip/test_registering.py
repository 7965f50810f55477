"""REGISTER at the agent, and calls back over the ways that phones registered by."""

from __future__ import annotations

from random import Random

import pytest

from sip import commands
from sip.agent import Agent
from sip.events import Cause, Dropped, Ended, Event, FlowLost, Registering
from sip.layer import Output
from sip.message import Request, Response, parse_message
from sip.outputs import Connect, Flow, FlowFailed, FlowOpened, Transmit

TCP = Flow("tcp", ("198.51.100.1", 5060), ("203.0.113.9", 40001), 7)
UDP = Flow("udp", ("198.51.100.1", 5060), ("203.0.113.9", 40001))
REGISTER = (
    "REGISTER sip:phones.example SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.5;branch=z9hG4bK{n}\r\nFrom: <sip:bob@x>;tag=1\r\n"
    "To: <sip:bob@x>\r\nCall-ID: c\r\nCSeq: {n} REGISTER\r\nContact: {contact}\r\nRequire: {require}\r\n"
    "Content-Length: 0\r\n\r\n"
)


def register(n: int = 1, contact: str = "<sip:bob@10.0.0.5>", require: str = "path, outbound, gruu") -> bytes:
    return REGISTER.format(n=n, contact=contact, require=require).encode()


def sent(outputs: list[Output], flow: Flow) -> list[Request | Response]:
    """What goes out on a flow."""
    return [parse_message(one.data) for one in outputs if isinstance(one, Transmit) and one.flow == flow]


def said(outputs: list[Output], kind: type[Event]) -> list[Event]:
    return [one for one in outputs if isinstance(one, kind)]


def asking(agent: Agent, data: bytes, flow: Flow = TCP) -> Registering:
    """The event that a REGISTER becomes."""
    (event,) = agent.receive(data, flow, 0.0)
    assert isinstance(event, Registering)
    return event


def test_a_register_waits_for_the_gateway_and_its_repeats_are_absorbed() -> None:
    agent = Agent(Random(1), registrar=True)
    event = asking(agent, register())
    assert (event.request.method, event.flow) == ("REGISTER", TCP)
    assert agent.receive(register(), TCP, 0.5) == []
    answer = commands.AnswerRegister(event.number, 200, headers=(("Contact", "<sip:a@b>;expires=9"), ("Date", "x")))
    (response,) = sent(agent.apply(answer, 1.0), TCP)
    assert isinstance(response, Response)
    assert (response.status, response.headers.get("Contact")) == (200, "<sip:a@b>;expires=9")
    assert response.to.tag
    agent.tick(1.0)
    assert agent.transactions == 0  # RFC 3261 §17.2.2: timer J is zero on a connection


def test_two_wait_at_once() -> None:
    agent = Agent(Random(1), registrar=True)
    first, second = asking(agent, register(1)), asking(agent, register(2))
    (refused,) = sent(agent.apply(commands.AnswerRegister(second.number, 403), 1.0), TCP)
    (taken,) = sent(agent.apply(commands.AnswerRegister(first.number, 200), 1.0), TCP)
    assert (refused.cseq.number, taken.cseq.number) == (2, 1)


def test_an_extension_that_nobody_knows_is_refused() -> None:
    """RFC 3261 §10.3 step 2: the registrar processes Require as any UAS does."""
    agent = Agent(Random(1), registrar=True)
    (response,) = sent(agent.receive(register(require="path, magic"), TCP, 0.0), TCP)
    assert isinstance(response, Response)
    assert (response.status, response.headers.get("Unsupported")) == (420, "magic")


def test_a_softphone_is_no_registrar() -> None:
    (response,) = sent(Agent(Random(1)).receive(register(), TCP, 0.0), TCP)
    assert isinstance(response, Response)
    assert response.status == 405


@pytest.mark.parametrize("contact", ["<sip:bob@10.0.0.5", "*, <sip:bob@10.0.0.5>"])
def test_a_contact_that_cannot_be_read_is_refused(contact: str) -> None:
    outputs = Agent(Random(1), registrar=True).receive(register(contact=contact), TCP, 0.0)
    assert [one.status for one in sent(outputs, TCP) if isinstance(one, Response)] == [400]
    assert said(outputs, Dropped)


def test_the_end_of_a_connection_is_told() -> None:
    agent = Agent(Random(1), registrar=True)
    asking(agent, register())
    assert agent.apply(FlowFailed(0, "closed", TCP), 1.0) == [FlowLost(TCP)]


def call(flow: Flow | None, *routes: str, uri: str = "sip:bob@10.0.0.5", pinned: bool = False) -> commands.Invite:
    return commands.Invite("s", uri, "<sip:a@b>", "<sip:bob@x>", b"v=0", routes=routes, flow=flow, pinned=pinned)


@pytest.mark.parametrize("flow", [TCP, UDP])
def test_a_phone_is_called_on_the_flow_that_it_registered_over(flow: Flow) -> None:
    agent = Agent(Random(1), registrar=True)
    agent.receive(register(), flow, 0.0)
    outputs = agent.apply(call(flow), 1.0)
    (invite,) = sent(outputs, flow)
    assert isinstance(invite, Request)
    assert str(invite.uri) == "sip:bob@10.0.0.5"
    assert not said(outputs, Ended)


def test_when_the_flow_is_gone_a_phone_is_called_at_its_contact() -> None:
    agent = Agent(Random(1), registrar=True)
    (connect,) = agent.apply(call(TCP, uri="sip:bob@10.0.0.5;transport=tcp"), 1.0)
    assert isinstance(connect, Connect)
    assert (connect.target.transport, connect.target.host) == ("tcp", "10.0.0.5")


def test_a_kept_flow_that_is_gone_is_the_end_of_the_call() -> None:
    """RFC 5626 §5.3: the request is not sent any other way."""
    (ended,) = Agent(Random(1), registrar=True).apply(call(TCP, pinned=True), 1.0)
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.status) == (Cause.TRANSPORT, 503)


def test_a_kept_flow_that_breaks_under_the_call_is_its_end() -> None:
    agent = Agent(Random(1), registrar=True)
    agent.receive(register(), TCP, 0.0)
    agent.apply(call(TCP, pinned=True), 1.0)
    outputs = agent.apply(FlowFailed(0, "reset", TCP), 2.0)
    assert [one.cause for one in outputs if isinstance(one, Ended)] == [Cause.TRANSPORT]
    assert not [one for one in outputs if isinstance(one, Connect)]


def test_a_path_is_the_route_of_calls_to_the_phone() -> None:
    """RFC 3327 §5.3: the path becomes the preloaded route of requests, its first entry the next hop."""
    agent = Agent(Random(1), registrar=True)
    (connect,) = agent.apply(call(None, "<sip:192.0.2.9:5070;lr>", "<sip:192.0.2.10;lr>"), 1.0)
    assert isinstance(connect, Connect)
    assert (connect.target.host, connect.target.port) == ("192.0.2.9", 5070)
    way = Flow("udp", ("198.51.100.1", 5060), ("192.0.2.9", 5070))
    (invite,) = sent(agent.apply(FlowOpened(connect.request, way), 1.0), way)
    assert isinstance(invite, Request)
    assert [str(one.uri) for one in invite.route] == ["sip:192.0.2.9:5070;lr", "sip:192.0.2.10;lr"]
    assert str(invite.uri) == "sip:bob@10.0.0.5"


@pytest.mark.parametrize("param", ["ob", "gr=urn:uuid:1"])
def test_inside_a_call_a_contact_that_means_a_flow_is_reached_over_it(param: str) -> None:
    """RFC 5626 §4.3, RFC 5627: `ob` and `gr` say that the contact itself leads nowhere."""
    agent = Agent(Random(1))
    invite = (
        "INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9:40001;branch=z9hG4bKi;rport\r\n"
        "From: <sip:bob@x>;tag=1\r\nTo: <sip:x>\r\nCall-ID: i\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:bob@phones.example;{param}>\r\nContent-Length: 0\r\n\r\n"
    )
    agent.receive(invite.encode(), UDP, 0.0)
    accepted = agent.apply(commands.Accept(next(iter(agent._sessions)), b"v=0"), 0.0)
    (ok,) = sent(accepted, UDP)
    ack = invite.replace("INVITE", "ACK").replace("z9hG4bKi", "z9hG4bKa").replace("To: <sip:x>", f"To: {ok.to}")
    agent.receive(ack.encode(), UDP, 0.1)
    (bye,) = sent(agent.apply(commands.Hangup(next(iter(agent._sessions))), 1.0), UDP)
    assert isinstance(bye, Request)
    assert bye.method == "BYE"
