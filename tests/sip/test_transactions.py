"""Every (state, input) of every transaction table: what the RFC lists happens, all else changes nothing."""

from __future__ import annotations

from itertools import product

import pytest

from sip import client_transaction as client
from sip import server_transaction as server
from sip.machine import Alarms
from sip.message import Request, Response, parse_message
from sip.outputs import Flow, Transmit
from sip.timers import Timings

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 1)


def request(method: str) -> Request:
    text = (
        f"{method} sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        f"To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n"
    )
    parsed = parse_message(text.encode())
    assert isinstance(parsed, Request)
    return parsed


def response(method: str, given: client.Input) -> Response:
    status = {client.Input.PROVISIONAL: 180, client.Input.SUCCESS: 200}.get(given, 486)
    return request(method).reply(status, to_tag="2")


@pytest.mark.parametrize(("method", "state", "given"), [*product(("INVITE", "BYE"), client.State, client.Input)])
def test_client_tables(method: str, state: client.State, given: client.Input) -> None:
    transaction = client.ClientTransaction(request(method), UDP, Timings(), Alarms())
    transaction.state = state
    outputs = transaction.step(given, 0.0, response(method, given))
    table = client.INVITE_TABLE if method == "INVITE" else client.OTHER_TABLE
    expected = table.get((state, given))
    assert transaction.state is (expected[0] if expected else state)
    if expected is None:
        assert outputs == []
    else:
        assert any(isinstance(one, Response) for one in outputs) is (client.Act.PASS in expected[1])


@pytest.mark.parametrize(("method", "state", "given"), [*product(("INVITE", "BYE"), server.State, server.Input)])
def test_server_tables(method: str, state: server.State, given: server.Input) -> None:
    transaction = server.ServerTransaction(request(method), UDP, Timings(), Alarms())
    transaction.respond(request(method).reply(180), 0.0)
    transaction.state = state
    outputs = transaction.step(given, 0.0)
    table = server.INVITE_TABLE if method == "INVITE" else server.OTHER_TABLE
    expected = table.get((state, given))
    assert transaction.state is (expected[0] if expected else state)
    sends = {server.Act.SEND, server.Act.REPEAT, server.Act.RESEND}
    assert bool(outputs) is (expected is not None and bool(sends & set(expected[1])))


def sent_at(transaction: client.ClientTransaction, alarms: Alarms, until: float) -> list[float]:
    """When it transmits, letting time jump from deadline to deadline."""
    times = [0.0 for output in transaction.start(0.0) if isinstance(output, Transmit)]
    while (at := alarms.next()) is not None and at <= until:
        due = alarms.due(at)
        assert due is not None
        outputs = due[0].ring(due[1], at)
        times += [at for output in outputs if isinstance(output, Transmit)]
    return times


def test_invite_doubles_until_timer_b() -> None:
    """RFC 3261 §17.1.1.2."""
    alarms = Alarms()
    transaction = client.ClientTransaction(request("INVITE"), UDP, Timings(), alarms)
    assert sent_at(transaction, alarms, 100) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert transaction.state is client.State.TERMINATED


def test_other_requests_double_up_to_t2() -> None:
    """RFC 3261 §17.1.2.2."""
    alarms = Alarms()
    transaction = client.ClientTransaction(request("BYE"), UDP, Timings(), alarms)
    assert sent_at(transaction, alarms, 100) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_a_reliable_transport_repeats_nothing() -> None:
    alarms = Alarms()
    transaction = client.ClientTransaction(request("INVITE"), TCP, Timings(), alarms)
    assert sent_at(transaction, alarms, 100) == [0]
