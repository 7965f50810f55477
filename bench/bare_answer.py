"""The reference of bench_call_setup: the same messages through bare sockets, without any thought.

Each INVITE is answered with 100, 180 and, after a POST to the app, 200; each ACK gets a BYE. `python bare_answer.py
SIP_PORT APP_PORT`.
"""

from __future__ import annotations

import http.client
import socket
import sys

COPIED = ("via:", "from:", "to:", "call-id:", "cseq:")
FORM = "&".join(f"Parameter{number}=value{number}" for number in range(30))
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def reply(lines: list[str], status: str, body: str = "") -> bytes:
    """A response with the headers that it must copy."""
    copied = [f"{line};tag=x" if line.lower().startswith("to:") else line for line in lines[1:]
              if line.lower().startswith(COPIED)]  # fmt: skip
    head = [f"SIP/2.0 {status}", *copied, "Contact: <sip:127.0.0.1>", f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(head).encode()


def bye(lines: list[str]) -> bytes:
    """A BYE in the dialog of an ACK."""
    fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:] if ":" in line}
    head = (
        "BYE sip:carrier@127.0.0.1 SIP/2.0", f"Via: {fields['via']}2", f"From: {fields['to']}", f"To: {fields['from']}",
        f"Call-ID: {fields['call-id']}", "CSeq: 1 BYE", "Max-Forwards: 70", "Content-Length: 0", "", "",
    )  # fmt: skip
    return "\r\n".join(head).encode()


def main() -> None:
    """Answers until it is killed."""
    sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sip.bind(("127.0.0.1", int(sys.argv[1])))
    app = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))
    print("ready", flush=True)
    while True:
        data, peer = sip.recvfrom(65536)
        lines = data.decode().split("\r\n")
        if lines[0].startswith("INVITE"):
            sip.sendto(reply(lines, "100 Trying"), peer)
            sip.sendto(reply(lines, "180 Ringing"), peer)
            app.request("POST", "/voice", FORM, {"Content-Type": "application/x-www-form-urlencoded"})
            app.getresponse().read()
            sip.sendto(reply(lines, "200 OK", SDP), peer)
        elif lines[0].startswith("ACK"):
            sip.sendto(bye(lines), peer)


if __name__ == "__main__":
    main()
