"""What comes in, before any state is made or changed by it: what a message must have, how what it lacks is refused."""

from __future__ import annotations

import re

from sip.errors import ParseError, SipError
from sip.grammar import lookup, split_list, text_of
from sip.headers import Headers
from sip.layer import ALLOW
from sip.locate import DEFAULT_PORT
from sip.message import Request, Response, end_of_head, unfolded
from sip.outputs import Alias, Flow
from sip.served import reply_flow

METHODS = frozenset(ALLOW.split(", "))
KNOWN_METHODS = METHODS | {"REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE"}
STREAMS = ("tcp", "tls")  # WebSocket has frames of its own (RFC 7118 §5)
DIALLED = ("sip", "sips")  # what may be a remote target (RFC 3261 §8.1.1.8)
MAKES_TARGET = ("INVITE", "UPDATE")
GLIMPSED = 4096  # bytes
_BRANCH = re.compile(rb";[ \t]*+branch[ \t]*+=[ \t]*+([^;,\s]++)", re.I)
_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*+:([^\r\n]++)", re.I)
_REQUEST = re.compile(rb"[^\s/]{1,64}[ \t]++.*[ \t]SIP/[0-9.]++[ \t]*+$", re.I)


def check(message: Request | Response, flow: Flow) -> None:
    """Reads what every message must have: an unreadable one raises here."""
    if not message.via:
        raise ParseError("Via is missing")
    _ = message.from_, message.to, message.call_id, message.record_route
    if flow.transport in STREAMS and "Content-Length" not in message.headers:
        raise ParseError("a message on a stream needs a Content-Length")
    if isinstance(message, Request):
        _ = message.max_forwards, message.contact
        if message.method != message.cseq.method and message.method in KNOWN_METHODS:
            raise ParseError(f"CSeq names {message.cseq.method[:20]}, the request is {message.method}")
    if message.cseq.method in MAKES_TARGET and _target(message) not in DIALLED:
        raise ParseError(f"the Contact {message.headers.get('Contact')!r:.60} is not a SIP URI")


def _target(message: Request | Response) -> str:
    """The scheme of what a message makes the remote target of a dialog."""
    if isinstance(message, Response):
        return message.contact[0].uri.scheme if message.status < 300 and message.contact else "sip"
    return message.contact[0].uri.scheme if message.contact else message.from_.uri.scheme


def complete_top_via(request: Request, flow: Flow) -> None:
    """Adds what the server adds to the topmost Via; the others stay as they came."""
    first = request.via[0]
    via = first.received_from(*flow.remote)
    if via is not first:
        others = split_list(request.headers.get("Via") or "")[1:]
        request.headers.change("Via", ", ".join((str(via), *others)))
        request.via[0] = via


def aliases(request: Request, flow: Flow) -> list[Alias]:
    """What a connection is good for besides, where the peer says so and its certificate vouches for it (RFC 5923)."""
    via = request.via[0]
    if flow.transport != "tls" or not flow.names or lookup(via.params, "alias") is None:
        return []
    return [Alias(flow, via.port or DEFAULT_PORT["tls"])]


def glimpse(data: bytes) -> str:
    """The branch of a response, the Call-ID of a request; empty where none is seen."""
    found = (_BRANCH if data[:4].upper() == b"SIP/" else _CALL_ID).search(data, 0, GLIMPSED)
    return text_of(found[1]).strip() if found is not None else ""


def call_id_of(data: bytes) -> str:
    """The Call-ID that a message seems to have; empty where none is seen."""
    found = _CALL_ID.search(data)
    return text_of(found[1]).strip() if found is not None else ""


def salvage(data: bytes, flow: Flow, error: SipError) -> tuple[Response | None, Flow]:
    """The refusal of a request that cannot be read, made of its lines, and its way back; None for what is no request.

    Nothing is kept of it, so the tag is the same each time (RFC 3261 §8.2.7).
    """
    data = data.lstrip(b"\r\n")
    end = end_of_head(data) or (len(data.rstrip(b"\r\n")), len(data))
    first, *lines = unfolded(data[: end[0]])
    if not _REQUEST.match(first) or first[:4] == b"ACK ":
        return None, flow
    request = Request(Headers.readable(lines))
    try:
        if not request.via:
            return None, flow
        complete_top_via(request, flow)
        flow = reply_flow(request.via[0], flow)
    except SipError:
        pass  # a Via that cannot be read either: back to where it came from
    return request.reply(error.status, to_tag="unread"), flow
