"""A phone in a process of its own that measures: it calls, says a tone, and notes when the kernel got each RTP packet.

`python -m tests.interop.raw_phone GATEWAY NUMBER`: prints `up CALL-ID TAG` once it is answered, hangs up when its input
ends, and prints what it saw as JSON.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import sys
import time

import numpy as np

from media.codecs.g711 import PCM_TO_ULAW, ULAW_TO_PCM
from media.tones import tone

TIMESTAMPS = 35  # SO_TIMESTAMPNS
PACKET = 160


class RawPhone:
    """One call."""

    def __init__(self, gateway: tuple[str, int], number: str) -> None:
        self.gateway, self.number = gateway, number
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for one in (self.sip, self.rtp):
            one.bind(("127.0.0.1", 0))
        self.rtp.setsockopt(socket.SOL_SOCKET, TIMESTAMPS, 1)
        self.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.call_id, self.tag = f"{time.time_ns()}@raw", "rawtag"
        self.to, self.remote = "", ("", 0)
        self.came: list[tuple[float, bytes]] = []

    def close(self) -> None:
        """Its sockets."""
        self.sip.close()
        self.rtp.close()

    def message(self, method: str, cseq: int, body: str = "") -> bytes:
        ip, port = self.sip.getsockname()
        uri = f"sip:{self.number}@{self.gateway[0]}:{self.gateway[1]}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{port};branch=z9hG4bK{method}{time.time_ns()};rport\r\n"
            f"From: <sip:raw@{ip}>;tag={self.tag}\r\nTo: <{uri}>{self.to}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:raw@{ip}:{port}>\r\nMax-Forwards: 70\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def answer(self, method: str) -> bytes:
        """The final response to a request of ours; everything else is let be."""
        self.sip.settimeout(20)
        while True:
            data = self.sip.recv(65536)
            if re.match(rb"SIP/2.0 [2-6]", data) and f"CSeq: 1 {method}".encode() in data.replace(b"2 BYE", b"1 BYE"):
                return data

    def invite(self) -> str:
        """INVITE; its final response."""
        ip, port = self.rtp.getsockname()
        sdp = f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        self.sip.sendto(self.message("INVITE", 1, sdp), self.gateway)
        return self.answer("INVITE").decode()

    def dial(self) -> None:
        """INVITE, 200, ACK."""
        data = self.invite()
        assert data.startswith("SIP/2.0 200"), data[:200]
        found, media = re.search(r"\r\nTo: .*?(;tag=\S+)\r\n", data), re.search(r"m=audio (\d+)", data)
        assert found is not None
        assert media is not None
        self.to, self.remote = found[1], ("127.0.0.1", int(media[1]))
        self.sip.sendto(self.message("ACK", 1), self.gateway)
        print("up", self.call_id, self.to.removeprefix(";tag="), flush=True)

    def talk(self) -> None:
        """Until the input ends."""
        said = PCM_TO_ULAW[tone(440.0, 0.0, on_ms=20000, level=-12.0).view(np.uint16)].tobytes()
        due, number = time.monotonic(), 0
        while True:
            ready, _, _ = select.select([self.rtp, sys.stdin], [], [], max(0.0, due - time.monotonic()))
            if self.rtp in ready:
                self.take()
            if sys.stdin in ready:
                return
            if time.monotonic() >= due:
                at = number * PACKET % (len(said) - PACKET)
                head = struct.pack(">BBHII", 0x80, 0, number & 0xFFFF, number * PACKET & 0xFFFFFFFF, 77)
                self.rtp.sendto(head + said[at : at + PACKET], self.remote)
                due, number = due + 0.02, number + 1

    def take(self) -> None:
        """A packet, with the kernel's time."""
        data, more, _, _ = self.rtp.recvmsg(2048, 64)
        seconds, nanoseconds = struct.unpack("qq", more[0][2][:16])
        self.came.append((seconds + nanoseconds / 1e9, data))

    def hangup(self) -> dict[str, float]:
        """BYE, and what was seen."""
        self.sip.sendto(self.message("BYE", 2), self.gateway)
        data = self.answer("BYE")
        at = np.array([one for one, _ in self.came])
        settled = at > at[0] + 1.0
        wire = b"".join(data[12:] for (_, data), late in zip(self.came, settled, strict=True) if late)
        loud = ULAW_TO_PCM[np.frombuffer(wire, np.uint8)].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(loud))
        return {
            "bye": int(data.split()[1]), "packets": len(at), "gap": float(np.diff(at[settled]).max() * 1000),
            "level": float(20 * np.log10(np.sqrt(np.square(loud).mean()) / 32768)),
            "hertz": float(spectrum.argmax() * 8000 / len(loud)),
        }  # fmt: skip


def main() -> None:
    host, _, port = sys.argv[1].rpartition(":")
    phone = RawPhone((host, int(port)), sys.argv[2])
    phone.dial()
    phone.talk()
    print(json.dumps(phone.hangup()), flush=True)


if __name__ == "__main__":
    main()
