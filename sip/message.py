"""Requests and responses: text to values and back (RFC 3261 §7). Headers are typed on first use, then kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from sip.errors import BadVersion, ParseError, TooLarge
from sip.grammar import TOKEN
from sip.uri import Uri
from sip.values import CSeq, NameAddr, Via

T = TypeVar("T")

# RFC 3261 §7.3.3 and the registry of compact forms
COMPACT = {
    "i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length", "c": "Content-Type",
    "f": "From", "s": "Subject", "k": "Supported", "t": "To", "v": "Via", "o": "Event", "r": "Refer-To",
    "u": "Allow-Events", "x": "Session-Expires", "b": "Referred-By",
}  # fmt: skip

_REQUEST = re.compile(rf"({TOKEN.pattern})[ \t]+(\S.*?)[ \t]+SIP/(\d+\.\d+)[ \t]*", re.I)
_RESPONSE = re.compile(r"SIP/(\d+\.\d+)[ \t]+(\d{3})(?:[ \t]+(.*))?", re.I)
_HEADER = re.compile(rf"({TOKEN.pattern})[ \t]*:[ \t]*(.*)", re.S)
_FOLD = re.compile(r"\r?\n[ \t]+")
_LINE = re.compile(r"\r?\n")
_UNSAFE = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a message may be. 64 kB is what fits a datagram; 200 headers is ten times what busy proxies make."""

    message: int = 65536
    headers: int = 200
    line: int = 8192


LIMITS = Limits()


class Headers:
    """Header fields in their order; names are case-insensitive, compact forms are expanded, values are text."""

    __slots__ = ("_fields",)

    def __init__(self, fields: list[tuple[str, str]] | None = None) -> None:
        self._fields = fields if fields is not None else []

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]

    def get(self, name: str) -> str | None:
        """The first field's value."""
        wanted = name.lower()
        for key, value in self._fields:
            if key.lower() == wanted:
                return value
        return None

    def all(self, name: str) -> list[str]:
        """The values of all fields of this name, in their order."""
        wanted = name.lower()
        return [value for key, value in self._fields if key.lower() == wanted]

    def add(self, name: str, value: str) -> None:
        """Appends a field; line breaks become spaces, so that no value can smuggle in another header."""
        self._fields.append((name, _UNSAFE.sub(" ", value)))

    def prepend(self, name: str, value: str) -> None:
        """Puts a field before all others."""
        self._fields.insert(0, (name, _UNSAFE.sub(" ", value)))

    def remove(self, name: str) -> None:
        """Removes all fields of this name."""
        wanted = name.lower()
        self._fields = [(key, value) for key, value in self._fields if key.lower() != wanted]

    def set(self, name: str, value: str) -> None:
        """Makes this the only field of its name."""
        self.remove(name)
        self.add(name, value)


@dataclass(slots=False)
class Message:
    """What requests and responses share. Typed properties raise ParseError for what cannot be read."""

    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def _one(self, name: str, parse: Callable[[str], T]) -> T:
        value = self.headers.get(name)
        if value is None:
            raise ParseError(f"{name} is missing")
        return parse(value)

    def _many(self, name: str, parse: Callable[[str], list[T]]) -> list[T]:
        return [item for value in self.headers.all(name) for item in parse(value)]

    @cached_property
    def via(self) -> list[Via]:
        """RFC 3261 §20.42, topmost first."""
        return self._many("Via", Via.parse_many)

    @cached_property
    def from_(self) -> NameAddr:
        """RFC 3261 §20.20."""
        return self._one("From", NameAddr.parse)

    @cached_property
    def to(self) -> NameAddr:
        """RFC 3261 §20.39."""
        return self._one("To", NameAddr.parse)

    @cached_property
    def call_id(self) -> str:
        """RFC 3261 §20.8."""
        return self._one("Call-ID", str.strip)

    @cached_property
    def cseq(self) -> CSeq:
        """RFC 3261 §20.16."""
        return self._one("CSeq", CSeq.parse)

    @cached_property
    def contact(self) -> list[NameAddr]:
        """RFC 3261 §20.10; `*` gives an empty list."""
        return self._many("Contact", lambda text: [] if text.strip() == "*" else NameAddr.parse_many(text))

    @cached_property
    def route(self) -> list[NameAddr]:
        """RFC 3261 §20.34."""
        return self._many("Route", NameAddr.parse_many)

    @cached_property
    def record_route(self) -> list[NameAddr]:
        """RFC 3261 §20.30."""
        return self._many("Record-Route", NameAddr.parse_many)

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    def tokens(self, name: str) -> list[str]:
        """A header of comma-separated tokens (Require, Supported, Allow …) in lower case."""
        return [
            token.strip().lower() for value in self.headers.all(name) for token in value.split(",") if token.strip()
        ]

    def start_line(self) -> str:
        """The first line, without its end."""
        raise AssertionError("a message is a request or a response")

    def __bytes__(self) -> bytes:
        lines = [self.start_line()]
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() != "content-length"]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + self.body


@dataclass(slots=False)
class Request(Message):
    """A request (RFC 3261 §7.1)."""

    method: str = ""
    uri: Uri = field(default_factory=lambda: Uri("sip", None, "invalid"))

    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    @property
    def max_forwards(self) -> int | None:
        """RFC 3261 §20.22; ParseError unless 0-255."""
        text = self.headers.get("Max-Forwards")
        if text is None:
            return None
        if not text.strip().isdigit() or int(text) > 255:
            raise ParseError(f"Max-Forwards {text[:20]!r} is not 0-255")
        return int(text)

    def reply(self, status: int, reason: str = "", to_tag: str = "") -> Response:
        """A response with what it must copy (RFC 3261 §8.2.6.2); `to_tag` where the request has none."""
        response = Response(status=status, reason=reason or REASONS.get(status, "Status"))
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            for value in self.headers.all(name):
                if name == "To" and to_tag and ";tag=" not in value.lower():
                    value = f"{value};tag={to_tag}"
                response.headers.add(name, value)
        if 100 < status < 300:
            for value in self.headers.all("Record-Route"):
                response.headers.add("Record-Route", value)
        return response


@dataclass(slots=False)
class Response(Message):
    """A response (RFC 3261 §7.2)."""

    status: int = 0
    reason: str = ""

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"


def parse_head(head: bytes) -> Request | Response:
    """Everything before the empty line, as a message without its body."""
    text = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape"))
    first, *rest = _LINE.split(text)
    message = _start(first)
    message.headers = _headers(rest)
    return message


def parse_message(data: bytes, limits: Limits = LIMITS) -> Request | Response:
    """A whole datagram as a message (RFC 3261 §18.3: surplus bytes are dropped, missing ones are an error)."""
    if len(data) > limits.message:
        raise TooLarge(f"{len(data)} bytes are more than {limits.message}")
    head, body = split(data.lstrip(b"\r\n"))
    message = parse_head(head)
    length = content_length(message)
    if length is not None and length > len(body):
        raise ParseError(f"Content-Length is {length}, but only {len(body)} bytes came")
    message.body = body if length is None else body[:length]
    return message


def split(data: bytes) -> tuple[bytes, bytes]:
    """Head and body around the empty line; ParseError without one."""
    for end in (b"\r\n\r\n", b"\n\n"):
        head, found, body = data.partition(end)
        if found:
            return head, body
    raise ParseError("there is no empty line after the headers")


def content_length(message: Message) -> int | None:
    """Its Content-Length; ParseError unless one number, None without the header."""
    values = {value.strip() for value in message.headers.all("Content-Length")}
    if not values:
        return None
    text = values.pop()
    if values or not text.isdigit() or not text.isascii() or len(text) > 9:
        raise ParseError(f"Content-Length {text[:20]!r} cannot be read")
    return int(text)


def _start(line: str) -> Request | Response:
    if found := _RESPONSE.fullmatch(line):
        if found[1] != "2.0" or not 100 <= int(found[2]) <= 699:
            raise ParseError(f"status line {line[:60]!r} cannot be read")
        return Response(status=int(found[2]), reason=found[3] or "")
    found = _REQUEST.fullmatch(line)
    if found is None:
        raise ParseError(f"start line {line[:60]!r} cannot be read")
    if found[3] != "2.0":
        raise BadVersion(f"SIP/{found[3]} is not supported")
    return Request(method=found[1], uri=Uri.parse(found[2]))


def _headers(lines: list[str]) -> Headers:
    if len(lines) > LIMITS.headers:
        raise TooLarge(f"{len(lines)} header lines are more than {LIMITS.headers}")
    fields = []
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise ParseError(f"header line {line[:60]!r} cannot be read")
        if len(line) > LIMITS.line:
            raise TooLarge(f"a header line of {len(line)} characters is over {LIMITS.line}")
        fields.append((COMPACT.get(found[1].lower(), found[1]), found[2].strip()))
    return Headers(fields)


REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK",
    202: "Accepted", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 407: "Proxy Authentication Required", 408: "Request Timeout",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere",
    603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip
