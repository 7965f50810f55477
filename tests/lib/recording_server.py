"""A recording server (SRS, RFC 7866) of the tests: SIP over datagrams; how they go, and RTP, is the test's.

It reads bodies with Python's own MIME parser and holds metadata against the elements of RFC 7865 §10.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes, policy

from lxml import etree

from sip.message import Request, Response, parse_message
from sip.outputs import Address

NAMESPACE = "{urn:ietf:params:xml:ns:recording:1}"
BASE64_UUID = re.compile(r"[A-Za-z0-9+/]{22}==")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MEMBERS = {
    "recording": ((), ("datamode", "group", "session", "participant", "stream", "sessionrecordingassoc",
                       "participantsessionassoc", "participantstreamassoc")),
    "datamode": ((), ()),
    "session": (("session_id",), ("sipSessionID", "reason", "group-ref", "start-time", "stop-time")),
    "participant": (("participant_id",), ("nameID",)),
    "nameID": (("aor",), ("name",)),
    "name": ((), ()),
    "stream": (("stream_id", "session_id"), ("label", "content-type")),
    "label": ((), ()),
    "sessionrecordingassoc": (("session_id",), ("associate-time", "disassociate-time")),
    "participantsessionassoc": (("participant_id", "session_id"), ("associate-time", "disassociate-time", "param")),
    "participantstreamassoc": (("participant_id",), ("send", "recv", "associate-time", "disassociate-time")),
    "send": ((), ()), "recv": ((), ()),
    "start-time": ((), ()), "associate-time": ((), ()), "disassociate-time": ((), ()),
}  # fmt: skip
"""Element -> its attributes, all required, and its children in their order (RFC 7865 §10)."""


def checked(element: etree._Element) -> None:
    """AssertionError where an element is not as RFC 7865 has it; those of other namespaces may stand behind its own."""
    tag = element.tag.removeprefix(NAMESPACE)
    attributes, order = MEMBERS[tag]
    assert sorted(element.attrib) == sorted(attributes), tag
    for name in ("session_id", "participant_id", "stream_id"):
        assert name not in element.attrib or BASE64_UUID.fullmatch(_text(element, name))
    if tag in ("send", "recv"):
        assert BASE64_UUID.fullmatch(element.text or "")
    if tag.endswith("-time"):
        assert TIME.fullmatch(element.text or "")
    own = [child for child in element if child.tag.startswith(NAMESPACE)]
    assert list(element)[: len(own)] == own, f"what is no part of RFC 7865 stands last in {tag}"
    places = [order.index(child.tag.removeprefix(NAMESPACE)) for child in own]
    assert places == sorted(places), f"order in {tag}"
    for child in own:
        checked(child)


def _text(element: etree._Element, name: str) -> str:
    return str(element.get(name))


class Metadata:
    """A document."""

    def __init__(self, data: bytes) -> None:
        self.root = etree.fromstring(data)
        checked(self.root)

    def all(self, path: str) -> list[etree._Element]:
        """Elements below the root."""
        return self.root.findall("/".join(NAMESPACE + step for step in path.split("/")))

    @property
    def present(self) -> list[str]:
        """The addresses of those who take part."""
        there = {one.get("participant_id") for one in self.all("participantstreamassoc")}
        return [_text(one[0], "aor") for one in self.all("participant") if one.get("participant_id") in there]

    def label(self, aor: str, way: str = "send") -> list[str]:
        """The labels of the streams that somebody sends, or receives."""
        labels = {one.get("stream_id"): one[0].text or "" for one in self.all("stream")}
        (who,) = [one.get("participant_id") for one in self.all("participant") if one[0].get("aor") == aor]
        parts = [one for one in self.all("participantstreamassoc") if one.get("participant_id") == who]
        return [labels[child.text] for one in parts for child in one if child.tag == NAMESPACE + way]

    @property
    def parameters(self) -> dict[str, str]:
        """Those of the app."""
        own = "{urn:trunkline:siprec:1}"
        return {_text(one, "name"): one.text or "" for one in self.root.iter(own + "parameter")}


class RecordingServer:
    """One session at a time. `rtp`: where it wants each stream (port 0: refused)."""

    def __init__(self, ip: str, port: int, rtp: tuple[int, ...], send: Callable[[bytes, Address], None]) -> None:
        self.ip, self.port, self.rtp = ip, port, rtp
        self.invites: list[Request] = []
        self.offers: list[str] = []
        self.metadata: list[Metadata] = []
        self.answers: list[Response] = []  # final ones, to requests of ours
        self.byes = 0
        self.cancels = 0
        self.acks: list[Request] = []
        self.status = 200
        self.silent = False
        self._send, self._gateway = send, ("", 0)
        self._cseq = 0

    def receive(self, data: bytes, source: Address) -> None:
        """A datagram."""
        self._gateway = source
        message = parse_message(data)
        if isinstance(message, Response):
            if message.status >= 200:
                self.answers.append(message)
                if message.cseq.method == "INVITE":
                    self._request("ACK")
            return
        match message.method:
            case "INVITE" if not self.silent:
                self._invited(message)
            case "ACK":
                self.acks.append(message)
            case "BYE":
                self.byes += 1
                self._reply(message, 200)
            case "CANCEL":
                self.cancels += 1
                self._reply(message, 200)

    def reoffer(self, direction: str, method: str = "INVITE", *, asks: bool = False) -> None:
        """A re-INVITE: `inactive` is a hold. `asks`: for all of the metadata, in a part beside the offer."""
        self._cseq += 1
        sdp = self._sdp(direction)
        if not asks:
            self._request(method, sdp)
            return
        head = "Content-Type: application/rs-metadata-request\r\nContent-Disposition: recording-session"
        parts = (
            f"--x\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--x\r\n{head}\r\n\r\nI was restarted\r\n--x--\r\n"
        )
        self._request(method, parts, "multipart/mixed;boundary=x")

    def asks_for_metadata(self, kind: str = "application/rs-metadata-request") -> None:
        """An UPDATE without an offer."""
        self._cseq += 1
        self._request("UPDATE", "I was restarted", f"{kind}\r\nContent-Disposition: recording-session")

    def hangup(self) -> None:
        """BYE."""
        self._cseq += 1
        self._request("BYE")

    def _invited(self, invite: Request) -> None:
        if any((one.call_id, one.cseq) == (invite.call_id, invite.cseq) for one in self.invites):
            return  # again
        self.invites.append(invite)
        head = f"Content-Type: {invite.headers.get('Content-Type')}\r\n\r\n".encode()
        parts = message_from_bytes(head + invite.body, policy=policy.default)
        for part in parts.iter_parts() if parts.is_multipart() else (parts,):
            body = part.get_payload(decode=True)
            assert isinstance(body, bytes)
            if part.get_content_type() == "application/sdp":
                self.offers.append(body.decode())
            elif part.get_content_type() == "application/rs-metadata+xml":
                assert part["Content-Disposition"] == "recording-session"
                self.metadata.append(Metadata(body))
        self._reply(invite, self.status, self._sdp("recvonly") if self.status < 300 else "")

    def _sdp(self, direction: str) -> str:
        head = f"v=0\r\no=srs 1 {self._cseq} IN IP4 {self.ip}\r\ns=-\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
        return head + "".join(f"m=audio {port} RTP/AVP 0\r\na={direction}\r\n" for port in self.rtp)

    def _reply(self, request: Request, status: int, sdp: str = "") -> None:
        response = request.reply(status, to_tag="srs")
        response.headers.add("Contact", f"<sip:srs@{self.ip}:{self.port}>;+sip.srs")
        if sdp:
            response.headers.add("Content-Type", "application/sdp")
            response.body = sdp.encode()
        self._send(bytes(response), self._gateway)

    def _request(self, method: str, sdp: str = "", kind: str = "application/sdp") -> None:
        """In the dialog that the first INVITE made."""
        invite = self.invites[0]
        kind = f"Content-Type: {kind}\r\n" if sdp else ""
        contact, via = invite.contact[0].uri, f"{self.ip}:{self.port};branch=z9hG4bK{method}{self._cseq}"
        text = (
            f"{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\n"
            f"From: {invite.headers.get('To')};tag=srs\r\nTo: {invite.headers.get('From')}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: {self._cseq} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:srs@{self.ip}:{self.port}>;+sip.srs\r\n{kind}Content-Length: {len(sdp)}\r\n\r\n{sdp}"
        )
        self._send(text.encode(), self._gateway)
