"""Mutations of SIP messages, seeded: what a fuzzer or a broken peer makes of valid ones."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

METHODS = ("INVITE", "REGISTER", "OPTIONS", "BYE", "ACK", "CANCEL", "SUBSCRIBE", "INFO", "UPDATE", "PRACK", "REFER")
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
HUGE = (
    b"9" * 3000,
    b"4294967296",
    b"-1",
    b"\xff" * 500,
    b"A" * 9000,
    b"%00" * 800,
    b'"' * 200,
    b"(" * 2000,
    b"," * 4000,
)


def valid(random: Random, transport: str, port: int, live: tuple[str, str] | None) -> bytes:
    """A valid message; `live`: (Call-ID, tag of the gateway) of a call that is up, which it names with wrong tags."""
    method, token = random.choice(METHODS), f"{random.getrandbits(48):x}"
    call_id, tag = token, ""
    if live is not None and random.random() < 0.5:
        call_id, tag = live[0], f";tag={random.choice((token, live[1], live[1][::-1]))}"
    body = SDP if method in ("INVITE", "UPDATE") else ""
    first = f"{method} sip:+15555550199@127.0.0.1 SIP/2.0"
    if random.random() < 0.15:
        first = f"SIP/2.0 {random.choice((100, 180, 200, 302, 401, 486, 503))} Whatever"
    return (
        f"{first}\r\nVia: SIP/2.0/{transport} 127.0.0.1:{port};branch=z9hG4bK{token};rport\r\n"
        f"From: <sip:a@127.0.0.1>;tag={token}\r\nTo: <sip:b@127.0.0.1>{tag}\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {random.randrange(1, 9)} {method}\r\nContact: <sip:a@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\n"
        f"{'Content-Type: application/sdp' if body else 'Accept: application/sdp'}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def truncated(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data)) + 1]


def flipped(data: bytes, random: Random) -> bytes:
    wrong = bytearray(data)
    for _ in range(random.randrange(1, 8)):
        wrong[random.randrange(len(wrong))] = random.randrange(256)
    return bytes(wrong)


def doubled(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    return b"\r\n".join([*lines[:at], *[lines[at]] * random.choice((1, 2, 300)), *lines[at:]])


def lengthened(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    lines[at] += random.choice(HUGE)
    return b"\r\n".join(lines)


def mismeasured(data: bytes, random: Random) -> bytes:
    wrong = random.choice((b"99999", b"-5", b"1", b"x", b"65536", b"70000", b""))
    head, _, rest = data.partition(b"Content-Length: ")
    return head + b"Content-Length: " + wrong + b"\r\n" + rest.partition(b"\r\n")[2]


def shuffled(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\r\n")
    random.shuffle(lines)
    return b"\r\n".join(lines)


def swapped(data: bytes, random: Random) -> bytes:
    values = [line.partition(b": ")[2] for line in data.split(b"\r\n") if b": " in line]
    return data.replace(random.choice(values), random.choice(values), 1) if values else data


def unchanged(data: bytes, random: Random) -> bytes:
    return data


MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    truncated, flipped, doubled, lengthened, mismeasured, shuffled, swapped, unchanged,
)  # fmt: skip


def mutated(random: Random, transport: str, port: int, live: tuple[str, str] | None) -> bytes:
    """A message with one or two things wrong; a datagram at most."""
    data = valid(random, transport, port, live)
    for _ in range(random.choice((1, 1, 2))):
        data = random.choice(MUTATIONS)(data, random) or b"x"
    return data[:65000]
