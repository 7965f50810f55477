"""What bodies are for (RFC 3261 §8.2.3, RFC 5621): a session description among other parts, and what may be ignored.

Carriers put ISUP, a location or a caller's picture beside the description; whoever does not insist gets the call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sip.commands import Part
from sip.errors import ParseError
from sip.grammar import lookup, parse_params
from sip.headers import Headers
from sip.message import Message, end_of_head, unfolded

SDP = "application/sdp"
ACCEPTED = f"{SDP}, multipart/mixed"
NEGOTIATING = ("INVITE", "ACK", "PRACK", "UPDATE")
MOST = 32  # parts


def settle(message: Message) -> None:
    """Leaves of a body what a session is made of: the description, or nothing where the rest may be ignored.

    What was beside the description are the message's `parts`. What insists on more stays as it is, and is refused.
    ParseError for parts that cannot be told apart.
    """
    if not message.body or message.content_type == SDP or message.cseq.method not in NEGOTIATING:
        return
    parts = _parts(message) if message.content_type.startswith("multipart/") else []
    found = _description(parts)
    if found is not None:
        message.body = found.body
        message.headers.set("Content-Type", SDP)
        message.parts = tuple(part for part in parts if part is not found)
    elif _handling(message) == "optional":
        message.body = b""
        message.headers.remove("Content-Type")


def combined(sdp: bytes, parts: Sequence[Part], boundary: str) -> tuple[str, bytes]:
    """Content-Type and body of a description with other parts beside it; `boundary` stands in none of them."""
    if not parts:
        return SDP, sdp
    heads = [f"Content-Type: {one.content_type}\r\nContent-Disposition: {one.disposition}" for one in parts]
    bodies = zip((f"Content-Type: {SDP}", *heads), (sdp, *(one.body for one in parts)), strict=True)
    pieces = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + body + b"\r\n" for head, body in bodies]
    return f"multipart/mixed;boundary={boundary}", b"".join((*pieces, f"--{boundary}--\r\n".encode()))


def is_encoded(message: Message) -> bool:
    """Whether a body is written in a way that we do not read."""
    return bool(message.body) and (message.headers.get("Content-Encoding") or "identity").strip().lower() != "identity"


def _description(parts: Sequence[Message]) -> Message | None:
    """The part that is one, unless another part has to be understood."""
    found = next((part for part in parts if part.content_type == SDP and not is_encoded(part)), None)
    return None if any(_handling(part) == "required" for part in parts if part is not found) else found


def _parts(message: Message) -> list[Message]:
    """RFC 2046 §5.1.1."""
    boundary = lookup(parse_params(_params(message, "Content-Type")), "boundary")
    if not boundary:
        raise ParseError("a multipart body has no boundary")
    mark = rb"\r?\n--" + re.escape(boundary.encode("utf-8", "surrogateescape"))
    inner = re.split(mark + b"--", b"\n" + message.body, maxsplit=1)[0]
    pieces = re.split(mark + rb"[ \t]*+\r?\n", inner, maxsplit=MOST)[1:]
    return [part for piece in pieces if (part := _part(b"\n" + piece)) is not None]


def _part(data: bytes) -> Message | None:
    """A part, after a line end; None where it has no end of its headers."""
    end = end_of_head(data)
    if end is None:
        return None
    return Message(Headers.parse(unfolded(data[1 : end[0]]) if end[0] else []), data[end[1] :])


def _handling(message: Message) -> str:
    """RFC 3261 §20.11: `required` or `optional`; empty where it is not said."""
    return (lookup(parse_params(_params(message, "Content-Disposition")), "handling") or "").lower()


def _params(message: Message, name: str) -> str:
    _, semicolon, params = (message.headers.get(name) or "").partition(";")
    return semicolon + params
