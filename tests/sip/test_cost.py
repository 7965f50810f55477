"""What a message may cost at most: no input up to the size limit takes an agent more than 10 ms of CPU."""

from __future__ import annotations

import time
from random import Random

import pytest

from sip.agent import Agent
from sip.headers import LIMITS
from sip.message import parse_message
from sip.outputs import Flow, Transmit
from tests.lib.mutator import MUTATIONS, valid

MOST = 0.010  # seconds
FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
NAMES = (
    "Via", "Route", "Record-Route", "Contact", "Path", "Require", "Supported", "Accept", "Authorization", "Reason",
    "Identity", "Diversion", "History-Info", "P-Asserted-Identity", "Session-Expires", "Replaces", "To", "From", "X-A",
)  # fmt: skip
UNITS = (
    "a", "a,", "<sip:a@h>,", "SIP/2.0/UDP h;branch=z,", '"', "\\", '"\\', "(", "<", ";a=b", ";", ",", "=", "%41", " ",
    'Digest a="b",', "<sip:a@h;a=b?c=d>,", "<sip:a@h>" + ";a=b" * 99 + ",", "<sip:a@h" + ";a=b" * 99 + ">,",
)  # fmt: skip


def filled(method: str, name: str, unit: str, line: int, commas: int) -> bytes:
    """A message as large as it may be, of header lines that are made of one piece; with so many commas at most."""
    rows = [
        f"{method} sip:b@h SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa;rport", "From: <sip:a@h>;tag=a",
        "To: <sip:b@h>", "Call-ID: a", f"CSeq: 1 {method}", "Max-Forwards: 70",
    ]  # fmt: skip
    row = f"{name}: {unit * max(1, line // len(unit))}"
    left = LIMITS.message - 40 - sum(len(one) + 2 for one in rows)
    most = min(left // (len(row) + 2), commas // max(1, row.count(",")), LIMITS.headers - 2 - len(rows))
    rows += [row] * most
    return "\r\n".join([*rows, "Content-Length: 0", "", ""]).encode()


def cost(data: bytes) -> float:
    """Seconds of CPU: of three new agents the quickest, as the first has caches to fill."""
    times = []
    for seed in range(3):
        agent = Agent(Random(seed), registrar=True)
        began = time.thread_time()
        agent.receive(data, FLOW, 0.0)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS"])
@pytest.mark.parametrize("commas", [LIMITS.commas, LIMITS.message])
def test_no_header_takes_long(method: str, commas: int) -> None:
    costs = {
        (name, unit, line): cost(filled(method, name, unit, line, commas))
        for name in NAMES for unit in UNITS for line in (300, 8000)
    }  # fmt: skip
    worst = max(costs, key=lambda one: costs[one])
    print(f"{method}: {costs[worst] * 1000:.2f} ms for {worst}")
    assert costs[worst] <= MOST, worst


def test_no_mutation_takes_long() -> None:
    random, worst = Random(3), 0.0
    for _ in range(1500):
        data = valid(random, "UDP", 5060, None)
        for _ in range(random.choice((1, 2, 3, 8, 40))):
            data = random.choice(MUTATIONS)(data, random) or b"x"
        worst = max(worst, cost(data[: LIMITS.message]))
    print(f"mutations: {worst * 1000:.2f} ms")
    assert worst <= MOST


def test_what_has_too_many_values_is_told_so() -> None:
    """RFC 3261 §21.5.7."""
    agent = Agent(Random(1))
    sent = agent.receive(filled("OPTIONS", "Subject", ",", 300, LIMITS.message), FLOW, 0.0)
    (answer,) = (parse_message(one.data) for one in sent if isinstance(one, Transmit))
    assert answer.start_line() == "SIP/2.0 513 Message Too Large"
    allowed = filled("OPTIONS", "Subject", ",", 300, LIMITS.commas)
    (answer,) = (parse_message(one.data) for one in agent.receive(allowed, FLOW, 0.0) if isinstance(one, Transmit))
    assert answer.start_line() == "SIP/2.0 200 OK"
