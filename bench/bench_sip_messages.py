"""Claim: a request is read, and a reply to it printed, in well under 50 µs; nothing is parsed that nobody asks for.

Cases: the reply alone; with every value that the agent reads of an INVITE typed as well. One JSON line each:
microseconds of CPU per message (best of seven runs).
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable

from sip.message import Request, parse_message

RUNS, MESSAGES = 7, 3000
INVITE = "\r\n".join((
    "INVITE sip:+15555550100@192.0.2.2:5060 SIP/2.0",
    "Via: SIP/2.0/UDP 198.51.100.7:5060;rport;branch=z9hG4bKPj7d2c1a9e0b",
    "Via: SIP/2.0/UDP 203.0.113.9:5060;received=203.0.113.9;branch=z9hG4bK8f21.3",
    "Record-Route: <sip:198.51.100.7;lr;ftag=8a6f>",
    "Max-Forwards: 69",
    'From: "Alice Example" <sip:+15551230000@carrier.example>;tag=8a6f3b2c',
    "To: <sip:+15555550100@gateway.example>",
    "Contact: <sip:+15551230000@203.0.113.9:5060;transport=udp>",
    "Call-ID: 7f3e9c1b-55aa-4c0e-9f0e-0d6f1b2a3c4d",
    "CSeq: 20871 INVITE",
    "Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS",
    "Supported: replaces, 100rel, timer, norefersub",
    "Session-Expires: 1800",
    "Min-SE: 90",
    "User-Agent: SBC 7.2",
    "P-Asserted-Identity: <sip:+15551230000@carrier.example>",
    "Content-Type: application/sdp",
    "Content-Length: 150",
    "",
    "v" * 150,
)).encode()  # fmt: skip


def reply() -> bytes:
    """Read, answered, printed."""
    request = parse_message(INVITE)
    assert isinstance(request, Request)
    return bytes(request.reply(180, to_tag="abc"))


def typed() -> bytes:
    """The same, and all that an agent looks at."""
    request = parse_message(INVITE)
    assert isinstance(request, Request)
    _ = request.via, request.from_, request.to, request.call_id, request.cseq, request.max_forwards
    _ = request.contact, request.record_route
    return bytes(request.reply(180, to_tag="abc"))


def time_case(case: Callable[[], bytes]) -> None:
    """Times one case and prints its line."""
    spent = []
    for _ in range(RUNS):
        began = time.process_time()
        for _ in range(MESSAGES):
            case()
        spent.append((time.process_time() - began) / MESSAGES * 1e6)
    line = {"bench": "sip_messages", "case": case.__name__, "us": round(min(spent), 1), "machine": platform.node()}
    print(json.dumps(line))


if __name__ == "__main__":
    time_case(reply)
    time_case(typed)
