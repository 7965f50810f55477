"""Many calls at once by bare SIP over UDP, for benches: placed one after the other, answered, ended all together.

The audio is another program's (`load/generator.c`): caller i has its RTP port `first + 2 * i`; `far` says which port
of the gateway belongs to it. Calls that the gateway places to `uri` are answered, as callers behind those placed.
"""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass(slots=True)
class Dialog:
    """One call, as we need it to end it."""

    caller: int
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
    dialogs: dict[str, Dialog] = field(default_factory=dict)  # by Call-ID, those that are not over
    refused: Counter[int] = field(default_factory=Counter)  # by status
    _serial: int = 0
    _behind: int = 0  # callers that we place; behind them are those that are called

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
    def far(self) -> dict[int, int]:
        """The gateway's RTP port for each caller whose call is up."""
        return {dialog.caller: dialog.far for dialog in self.dialogs.values() if dialog.far}

    def place(self, number: str, count: int, rate: float, *, answers: int = 0) -> None:
        """So many calls at that rate, and waits until they are up, and so many came to us."""
        self._behind = count
        due = time.monotonic()
        for caller in range(count):
            self.begin(caller, number)
            due += 1 / rate
            self.listen(due)
        until = time.monotonic() + 30
        while len(self.far) < count + answers and time.monotonic() < until:
            self.listen(time.monotonic() + 0.1)
        up = len(self.far)
        assert up == count + answers, f"{up} of {count + answers} calls are up, {dict(self.refused)} were refused"

    def begin(self, caller: int, number: str) -> Dialog:
        """Places one call."""
        self._serial += 1
        serial = self._serial
        ours = f"<sip:+1555556{caller:04}@{HOST}>;tag=b{serial}"
        dialog = self.dialogs[f"b{serial}"] = Dialog(caller, f"b{serial}", ours, f"<sip:{number}@{HOST}>")
        dialog.target = f"sip:{number}@{HOST}:{self.gateway_port}"
        self._request(dialog, "INVITE", 1, self._sdp(caller))
        return dialog

    def hang_up(self, dialog: Dialog) -> None:
        """BYE."""
        self._request(dialog, "BYE", 2)

    def end(self) -> None:
        """BYE to all, one after the other."""
        for dialog in list(self.dialogs.values()):
            self.hang_up(dialog)
            self.listen(time.monotonic() + 0.002)
        until = time.monotonic() + 5
        while time.monotonic() < until and self.dialogs:
            self.listen(time.monotonic() + 0.1)

    def listen(self, until: float) -> None:
        """Hears what comes until then."""
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                self._hear(self.socket.recv(65536).decode())
            except TimeoutError:
                return

    def _sdp(self, caller: int) -> str:
        rtp = self.first + 2 * caller
        events = "a=rtpmap:101 telephone-event/8000\r\n" if "101" in self.codecs else ""
        return (
            f"v=0\r\no=b 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {rtp} RTP/AVP {self.codecs}\r\na=rtpmap:0 PCMU/8000\r\n{events}"
        )

    def _request(self, dialog: Dialog, method: str, cseq: int, body: str = "") -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        branch = f"z9hG4bK-{method}-{dialog.call_id}"
        self._send(
            f"{method} {dialog.target} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{self.port};branch={branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: {dialog.ours}\r\nTo: {dialog.theirs}\r\nCall-ID: {dialog.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:bench@{HOST}:{self.port}>\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _send(self, message: str) -> None:
        self.socket.sendto(message.encode(), (HOST, self.gateway_port))

    def _hear(self, message: str) -> None:
        start, _, rest = message.partition("\r\n")
        call_id, method = _value(rest, "Call-ID"), _value(rest, "CSeq").split()[1]
        dialog = self.dialogs.get(call_id)
        if start.startswith("SIP/2.0 "):
            if dialog is not None:
                self._answered(dialog, method, int(start.split()[1]), rest)
        elif method == "INVITE" and dialog is None:
            self._take(call_id, rest)
        elif method != "ACK":
            if method == "BYE":
                self.dialogs.pop(call_id, None)
            self._send(_answer(rest, ""))

    def _answered(self, dialog: Dialog, method: str, status: int, rest: str) -> None:
        if method == "BYE" or (method == "INVITE" and status >= 300):
            if method == "INVITE":
                self.refused[status] += 1
            del self.dialogs[dialog.call_id]
        elif method == "INVITE" and status == 200:
            dialog.theirs = _value(rest, "To")
            dialog.target = _value(rest, "Contact").partition("<")[2].partition(">")[0]
            dialog.far = int(rest.partition("m=audio ")[2].split()[0])
            self._request(dialog, "ACK", 1)

    def _take(self, call_id: str, rest: str) -> None:
        caller = self._behind
        self._behind += 1
        dialog = self.dialogs[call_id] = Dialog(caller, call_id, f"{_value(rest, 'To')};tag=a{caller}")
        dialog.theirs = _value(rest, "From")
        dialog.target = _value(rest, "Contact").partition("<")[2].partition(">")[0]
        dialog.far = int(rest.partition("m=audio ")[2].split()[0])
        self._send(_answer(rest, self._sdp(caller), dialog.ours, f"<sip:bench@{HOST}:{self.port}>"))


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
