"""A call that a stranger sends somewhere asks for guarded connections only, to the end of its dialog."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from sip.agent import Agent
from sip.commands import Hangup, Invite
from sip.events import Cause, Ended, Event
from sip.outputs import Connect, Flow, FlowFailed, FlowOpened, Transmit
from sip.transport.endpoint import Endpoint

URI = "sip:bob@10.0.0.1:5080"
OURS = ("192.0.2.1", 5060)


def invite(*, guarded: bool) -> Invite:
    return Invite("s", URI, "<sip:a@192.0.2.1>", f"<{URI}>", b"v=0\r\n", guarded=guarded)


def connects(outputs: list[object]) -> list[Connect]:
    return [output for output in outputs if isinstance(output, Connect)]


@pytest.mark.parametrize("guarded", [True, False])
def test_the_first_connection_is_guarded_as_the_call_is(guarded: bool) -> None:
    (connect,) = connects([*Agent(Random(1)).apply(invite(guarded=guarded), 0.0)])
    assert connect.guarded is guarded


def test_where_it_may_not_go_it_ends() -> None:
    agent = Agent(Random(1))
    (connect,) = connects([*agent.apply(invite(guarded=True), 0.0)])
    (ended,) = agent.apply(FlowFailed(connect.request, "refused"), 0.1)
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.status) == (Cause.TRANSPORT, 503)


def test_the_contact_of_the_far_end_is_guarded_too() -> None:
    """An answer's Contact is where the ACK and the BYE go."""
    agent = Agent(Random(1))
    (connect,) = connects([*agent.apply(invite(guarded=True), 0.0)])
    flow = Flow("udp", OURS, ("93.184.216.34", 5080))
    (sent,) = [one for one in agent.apply(FlowOpened(connect.request, flow), 0.1) if isinstance(one, Transmit)]
    text = sent.data.decode().partition("\r\n\r\n")[0].split("\r\n")
    kept = [line for line in text if line.partition(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = f"To: <{URI}>;tag=x"
    contact = "Contact: <sip:x@8.8.8.8:80;transport=tcp>"
    sdp = ["Content-Type: application/sdp", "Content-Length: 5", "", "v=0\r\n"]
    answer = "\r\n".join(["SIP/2.0 200 OK", *kept, to, contact, *sdp])
    acks = connects([*agent.receive(answer.encode(), flow, 0.2)])
    byes = connects([*agent.apply(Hangup("s"), 0.3)])
    assert [one.guarded for one in acks + byes] == [True, True]
    assert {one.target.host for one in acks + byes} == {"8.8.8.8"}


@pytest.mark.parametrize("guarded", [True, False])
def test_the_endpoint_asks_its_guard_for_what_is_guarded(guarded: bool) -> None:
    asked: list[tuple[str, int]] = []

    def refuse(host: str, port: int) -> str:
        asked.append((host, port))
        return "not there"

    async def main() -> list[Event]:
        events: list[Event] = []
        endpoint = await Endpoint.open(Agent(Random(1)), [("udp", "127.0.0.1", 0)], events.append)
        endpoint.guard = refuse
        try:
            target = "sip:bob@127.0.0.1:9"
            endpoint.apply(Invite("s", target, "<sip:a@127.0.0.1>", f"<{target}>", b"v=0\r\n", guarded=guarded))
            await asyncio.sleep(0)
        finally:
            await endpoint.close()
        return events

    events = asyncio.run(main())
    assert asked == ([("127.0.0.1", 9)] if guarded else [])
    assert [type(event) for event in events] == ([Ended] if guarded else [])
