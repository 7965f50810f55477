"""A message of a torture test, given to an agent of its own: what it sends, what it says."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sip.agent import Agent
from sip.events import Event
from sip.message import Request, Response, parse_message
from sip.outputs import Close, Flow, Transmit

US, THEM = ("192.0.2.200", 5060), ("192.0.2.100", 32000)


@dataclass(frozen=True)
class Said:
    """What came of a message."""

    responses: tuple[Response, ...]
    events: tuple[Event, ...]
    closed: bool
    ways: tuple[Flow, ...]

    @property
    def statuses(self) -> tuple[int, ...]:
        return tuple(response.status for response in self.responses)


def given(data: bytes, transport: str = "udp") -> Said:
    """To a fresh agent, over a flow of this transport."""
    outputs = Agent(Random(1)).receive(data, Flow(transport, US, THEM), 0.0)
    sent = [output for output in outputs if isinstance(output, Transmit)]
    responses = [parse_message(output.data) for output in sent]
    assert all(isinstance(response, Response) for response in responses)
    rest = [output for output in outputs if not isinstance(output, Transmit | Close)]
    return Said(
        tuple(responses),  # type: ignore[arg-type]
        tuple(rest),  # type: ignore[arg-type]
        any(isinstance(output, Close) for output in outputs),
        tuple(output.flow for output in sent),
    )


def request(data: bytes) -> Request:
    """It as a request."""
    message = parse_message(data)
    assert isinstance(message, Request)
    return message
