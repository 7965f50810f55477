"""Many calls at once by bare SIP over UDP, for benches: placed one after the other, answered, ended all together.

The audio is another program's (`load/generator.c`): caller i has its RTP port `first + 2 * i`; `far` says which port
of the gateway belongs to it. Calls that the gateway places to `uri` are answered, as callers behind those placed.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field

HOST = "127.0.0.1"
BRANCH = "z9hG4bK"


@dataclass(slots=True)
class Dialog:
    """One call, as we need it to end it."""

    number: int
    call_id: str
    ours: str  # From or To of ours, with its tag
    theirs: str = ""
    target: str = ""
    far: int = 0  # RTP port of the gateway
    over: bool = False


@dataclass(slots=True)
class Callers:
    """The calls through one socket."""

    first: int  # RTP port of the first caller
    codecs: str = "0 101"
    gateway_port: int = 0
    socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    placed: list[Dialog] = field(default_factory=list)
    taken: list[Dialog] = field(default_factory=list)  # calls that came to us
    _behind: int = 0  # calls that we place

    def __post_init__(self) -> None:
        self.socket.bind((HOST, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    @property
    def port(self) -> int:
        port: int = self.socket.getsockname()[1]
        return port

    @property
    def uri(self) -> str:
        """Where the gateway reaches us."""
        return f"sip:bench@{HOST}:{self.port}"

    @property
    def far(self) -> list[int]:
        """The gateway's RTP port for each caller."""
        return [dialog.far for dialog in (*self.placed, *self.taken)]

    def place(self, number: str, count: int, rate: float, *, answers: int = 0) -> None:
        """So many calls at that rate, and waits until they are up, and so many came to us."""
        self._behind = count
        due = time.monotonic()
        for index in range(count):
            dialog = Dialog(index, f"bench-{index}@{self.port}", f"<sip:+1555556{index:04}@{HOST}>;tag=b{index}")
            self.placed.append(dialog)
            self._invite(dialog, number)
            due += 1 / rate
            while (left := due - time.monotonic()) > 0:
                self._hear(left)
        until = time.monotonic() + 30
        while sum(map(bool, self.far)) < count + answers and time.monotonic() < until:
            self._hear(0.1)
        up = sum(map(bool, self.far))
        assert up == count + answers, f"{up} of {count + answers} calls are up"

    def end(self) -> None:
        """BYE to all."""
        for dialog in (*self.placed, *self.taken):
            if not dialog.over:
                self._request(dialog, "BYE", 2, f"{BRANCH}-bye-{dialog.call_id}")
        until = time.monotonic() + 5
        while time.monotonic() < until and not all(dialog.over for dialog in (*self.placed, *self.taken)):
            self._hear(0.1)

    def _sdp(self, index: int) -> str:
        rtp = self.first + 2 * index
        events = "a=rtpmap:101 telephone-event/8000\r\n" if "101" in self.codecs else ""
        return (
            f"v=0\r\no=b 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {rtp} RTP/AVP {self.codecs}\r\na=rtpmap:0 PCMU/8000\r\n{events}"
        )

    def _invite(self, dialog: Dialog, number: str) -> None:
        dialog.target = f"sip:{number}@{HOST}:{self.gateway_port}"
        dialog.theirs = f"<sip:{number}@{HOST}>"
        self._request(dialog, "INVITE", 1, f"{BRANCH}-{dialog.call_id}", self._sdp(dialog.number))

    def _request(self, dialog: Dialog, method: str, cseq: int, branch: str, body: str = "") -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._send(
            f"{method} {dialog.target} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{self.port};branch={branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: {dialog.ours}\r\nTo: {dialog.theirs}\r\nCall-ID: {dialog.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:bench@{HOST}:{self.port}>\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _send(self, message: str) -> None:
        self.socket.sendto(message.encode(), (HOST, self.gateway_port))

    def _hear(self, seconds: float) -> None:
        self.socket.settimeout(seconds)
        try:
            message = self.socket.recv(65536).decode()
        except TimeoutError:
            return
        start, _, rest = message.partition("\r\n")
        call_id, method = _value(rest, "Call-ID"), _value(rest, "CSeq").split()[1]
        dialog = next((one for one in self._of(call_id)), None)
        if start.startswith("SIP/2.0 "):
            if dialog is not None:
                self._answered(dialog, method, int(start.split()[1]), rest)
        elif method == "INVITE" and dialog is None:
            self._take(call_id, rest)
        elif method != "ACK":
            if dialog is not None and method == "BYE":
                dialog.over = True
            self._send(_answer(rest, ""))

    def _of(self, call_id: str) -> list[Dialog]:
        if found := re.match(r"bench-(\d+)@", call_id):
            return self.placed[int(found[1]) : int(found[1]) + 1]
        return [one for one in self.taken if one.call_id == call_id]

    def _answered(self, dialog: Dialog, method: str, status: int, rest: str) -> None:
        if method == "BYE":
            dialog.over = True
        elif method == "INVITE" and status == 200:
            dialog.theirs = _value(rest, "To")
            dialog.target = _value(rest, "Contact").partition("<")[2].partition(">")[0]
            dialog.far = int(rest.partition("m=audio ")[2].split()[0])
            self._request(dialog, "ACK", 1, f"{BRANCH}-ack-{dialog.call_id}")
        elif method == "INVITE" and status >= 300:
            raise SystemExit(f"call {dialog.number}: {status}")

    def _take(self, call_id: str, rest: str) -> None:
        dialog = Dialog(self._behind + len(self.taken), call_id, _value(rest, "To") + f";tag=a{len(self.taken)}")
        dialog.theirs = _value(rest, "From")
        dialog.target = _value(rest, "Contact").partition("<")[2].partition(">")[0]
        self.taken.append(dialog)
        dialog.far = int(rest.partition("m=audio ")[2].split()[0])
        self._send(_answer(rest, self._sdp(dialog.number), dialog.ours, f"<sip:bench@{HOST}:{self.port}>"))


def _value(message: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r$", message, re.MULTILINE | re.IGNORECASE)
    assert found, f"no {name} in {message}"
    return found[1]


def _answer(rest: str, body: str, to: str = "", contact: str = "") -> str:
    kept = [line for line in rest.split("\r\n") if line.lower().startswith(("via:", "from:", "call-id:", "cseq:"))]
    kept += [f"To: {to or _value(rest, 'To')}"]
    if body:
        kept += [f"Contact: {contact}", "Content-Type: application/sdp"]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, f"Content-Length: {len(body)}", "", body])
