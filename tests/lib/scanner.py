"""A scanner as the internet has them: sweeps, guesses and nonsense, each message as new as it can be made to look."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from sip.digest import answer, strongest
from sip.message import Response, parse_message
from sip.outputs import Address
from tests.lib.whole import Wire

AGENTS = ("friendly-scanner", "sipvicious", "VaxSIPUserAgent/3.1", "Cisco-SIPGateway/IOS-12.x", "eyeBeam release 3006o")
GUESSES = ("100", "101", "1000", "2001", "admin", "test", "bob", "alice")
PASSWORDS = ("1234", "100", "secret", "password")
NUMBERS = ("00972592277524", "9011442071838750", "900972599", "+15555550100", "0015555550100", "100")
SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ECHOED = ("via", "from", "to", "call-id", "cseq", "record-route")


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: when it came, to what kind of question about whom, and what it said besides what it echoed."""

    at: float
    kind: str
    guess: str
    said: str


class Scanner:
    """One source. `domains`: which hosts it asks for."""

    def __init__(self, wire: Wire, address: Address, gateway: Address, domains: tuple[str, ...], seed: int) -> None:
        self.address = address
        self.heard: list[Heard] = []
        self.sent = 0
        self._wire, self._gateway, self._domains = wire, gateway, domains
        self._random = Random(seed)
        self._asked: dict[str, tuple[str, str, str]] = {}  # Call-ID -> kind, guess, host
        self._last = b"", Heard(0.0, "", "", "")
        self._loop = asyncio.get_running_loop()
        wire[address] = self

    def step(self) -> None:
        """One more try."""
        tries: tuple[Callable[[], None], ...] = (
            self.sweep,
            self.guess,
            self.guess,
            self.dial,
            self.dial,
            self.nonsense,
        )
        self._random.choice(tries)()

    def sweep(self) -> None:
        """OPTIONS, and what else may get an answer."""
        self._ask(self._random.choice(("OPTIONS", "OPTIONS", "OPTIONS", "BYE", "SUBSCRIBE", "CANCEL", "INFO")))

    def guess(self) -> None:
        """REGISTER of somebody who may exist."""
        self._ask("REGISTER")

    def dial(self) -> None:
        """INVITE to a number abroad, or to one that may be ours."""
        self._ask("INVITE", self._random.choice(NUMBERS))

    def nonsense(self) -> None:
        """A message with something wrong."""
        data = self._message("OPTIONS", "100", self._domains[0], "")
        at = self._random.randrange(len(data))
        spoilt = (
            data[:at], data[:at] + bytes([self._random.randrange(256)]) * 40 + data[at:],
            data.replace(b"CSeq: 1", b"CSeq: -1"), data.replace(b"Call-ID", b"X"), data.replace(b" SIP/2.0\r", b"\r"),
        )  # fmt: skip
        self._send(self._random.choice(spoilt))

    def receive(self, data: bytes, source: Address) -> None:
        """An answer. Who is asked for a password tries one."""
        if data == self._last[0]:  # it was repeated
            self.heard.append(replace(self._last[1], at=self._loop.time()))
            return
        response = parse_message(data)
        assert isinstance(response, Response)
        kind, guess, host = self._asked.get(response.headers.get("Call-ID") or "", ("nonsense", "", ""))
        self.heard.append(Heard(self._loop.time(), f"{kind} at {host}", guess, _said(response)))
        self._last = data, self.heard[-1]
        if response.status == 401 and kind == "REGISTER":
            challenge = strongest(response.headers.all("WWW-Authenticate"))
            assert challenge is not None
            password = self._random.choice(PASSWORDS)
            value = answer(challenge, guess, password, "REGISTER", f"sip:{host}", "c")
            self._ask("REGISTER", guess, host, f"Authorization: {value}\r\n", "REGISTER with a password")

    def _ask(self, method: str, guess: str = "", host: str = "", more: str = "", kind: str = "") -> None:
        guess = guess or self._random.choice(GUESSES)
        host = host or self._random.choice(self._domains)
        data = self._message(method, guess, host, more)
        found = re.search(rb"Call-ID: (.*)\r", data)
        assert found is not None
        self._asked[found[1].decode()] = kind or method, guess, host
        if len(self._asked) > 200:
            del self._asked[next(iter(self._asked))]
        self._send(data)

    def _message(self, method: str, guess: str, host: str, more: str) -> bytes:
        token, ip = f"{self._random.getrandbits(48):x}", f"[{self.address[0]}]" if ":" in self.address[0] else ""
        ip = ip or self.address[0]
        body = SDP.format(self.address[0]) if method == "INVITE" else ""
        uri = f"sip:{host}" if method == "REGISTER" else f"sip:{guess}@{host}"
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{self.address[1]};branch=z9hG4bK{token};rport\r\n"
            f"From: <sip:{guess}@{host}>;tag={token}\r\nTo: <sip:{guess}@{host}>\r\nCall-ID: {token}@{ip}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:{guess}@{ip}:{self.address[1]}>\r\nMax-Forwards: 70\r\n"
            f"User-Agent: {self._random.choice(AGENTS)}\r\n{more}"
            f"{'Content-Type: application/sdp' if body else 'Accept: application/sdp'}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _send(self, data: bytes) -> None:
        self.sent += 1
        self._loop.call_later(0.01, self._wire[self._gateway].receive, data, self.address)


def _said(response: Response) -> str:
    """What an answer says besides what it repeats of the question; nonces are always new."""
    lines = bytes(response).decode(errors="replace").split("\r\n")
    own = [line for line in lines if line.partition(":")[0].lower() not in ECHOED]
    return re.sub(r'nonce="[^"]*"', "nonce", "\n".join(own))
