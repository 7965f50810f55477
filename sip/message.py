"""Requests and responses: text to values and back (RFC 3261 §7). Headers are typed on first use, then kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from sip.errors import BadVersion, ParseError, TooLarge
from sip.grammar import TOKEN, number, split_list, text_of
from sip.headers import LIMITS, Headers, Limits
from sip.status import REASONS
from sip.uri import Uri
from sip.values import CSeq, NameAddr, Via

__all__ = ["LIMITS", "Headers", "Limits", "Message", "Request", "Response", "parse_head", "parse_message"]

T = TypeVar("T")

_VERSION = re.compile(r"SIP/[0-9]++\.[0-9]++", re.I)
_STATUS = re.compile(r"SIP/2\.0[ \t]++([1-6][0-9]{2})(?:[ \t]++(.*+))?", re.I)
_FOLD = re.compile(rb"\r?\n[ \t]++")
_COPIED = ("via", "from", "to", "call-id", "cseq")  # RFC 3261 §8.2.6.2
_COPIED_AND_TIME = (*_COPIED, "timestamp")  # RFC 3261 §8.2.6.1
_COPIED_AND_ROUTE = (*_COPIED, "record-route")  # RFC 3261 §12.1.1


class once(Generic[T]):
    """A property that is worked out on first use and then kept, in the instance, under its name."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> once[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> once[T] | T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._work(instance)
        return value


@dataclass(slots=False)
class Message:
    """What requests and responses share. Typed properties raise ParseError for what cannot be read.

    `parts`: what came beside a session description, which is the body then (sip/bodies.py).
    """

    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    parts: tuple[Message, ...] = field(default=(), kw_only=True)

    def _one(self, name: str, parse: Callable[[str], T]) -> T:
        return parse(self.headers.one(name))

    def _many(self, name: str, parse: Callable[[str], T]) -> list[T]:
        items = [item for value in self.headers.all(name) for item in split_list(value)]
        if len(items) > LIMITS.headers:
            raise TooLarge(f"{len(items)} values of {name} are more than {LIMITS.headers}")
        return [parse(item) for item in items]

    @once
    def via(self) -> list[Via]:
        """RFC 3261 §20.42, topmost first."""
        return self._many("Via", Via.parse)

    @once
    def from_(self) -> NameAddr:
        """RFC 3261 §20.20."""
        return self._one("From", NameAddr.parse_any)

    @once
    def to(self) -> NameAddr:
        """RFC 3261 §20.39."""
        return self._one("To", NameAddr.parse_any)

    @once
    def call_id(self) -> str:
        """RFC 3261 §20.8."""
        return self.headers.one("Call-ID")

    @once
    def cseq(self) -> CSeq:
        """RFC 3261 §20.16."""
        return self._one("CSeq", CSeq.parse)

    @once
    def contact(self) -> list[NameAddr]:
        """RFC 3261 §20.10; `*` gives an empty list."""
        return [] if self.headers.get("Contact") == "*" else self._many("Contact", NameAddr.parse_any)

    @once
    def route(self) -> list[NameAddr]:
        """RFC 3261 §20.34."""
        return self._many("Route", NameAddr.parse)

    @once
    def record_route(self) -> list[NameAddr]:
        """RFC 3261 §20.30."""
        return self._many("Record-Route", NameAddr.parse)

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    def tokens(self, name: str) -> list[str]:
        """A header of comma-separated tokens (Require, Supported, Allow …) in lower case."""
        return [
            token.strip().lower() for value in self.headers.all(name) for token in value.split(",") if token.strip()
        ]

    def accepts(self, content_type: str) -> bool:
        """Whether a body of this type may be sent back (RFC 3261 §20.1)."""
        values = self.headers.all("Accept")
        ranges = {item.partition(";")[0].strip().lower() for value in values for item in split_list(value)}
        return not values or not ranges.isdisjoint({content_type, content_type.partition("/")[0] + "/*", "*/*"})

    def start_line(self) -> str:
        """The first line, without its end."""
        raise AssertionError("a message is a request or a response")

    def __bytes__(self) -> bytes:
        first = self.start_line().encode("utf-8", "replace")
        return b"\r\n".join((first, *self.headers.lines(), b"Content-Length: %d" % len(self.body), b"", self.body))


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
        if "Max-Forwards" not in self.headers:
            return None
        text = self.headers.one("Max-Forwards")
        found = number(text, 255)
        if found is None:
            raise ParseError(f"Max-Forwards {text[:20]!r} is not 0-255")
        return found

    def reply(self, status: int, reason: str = "", to_tag: str = "") -> Response:
        """A response with what it must copy, as it came (RFC 3261 §8.2.6.2); `to_tag` where the request has none."""
        copied = _COPIED_AND_TIME if status == 100 else _COPIED_AND_ROUTE if status < 300 else _COPIED
        response = Response(self.headers.only(copied), b"", status, reason or REASONS.get(status, "Status"))
        if to_tag and not self._is_tagged:
            response.headers.extend("To", f";tag={to_tag}")
        return response

    @property
    def _is_tagged(self) -> bool:
        try:
            return bool(self.to.tag)
        except ParseError:
            return ";tag=" in (self.headers.get("To") or "").lower()


@dataclass(slots=False)
class Response(Message):
    """A response (RFC 3261 §7.2)."""

    status: int = 0
    reason: str = ""

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"


def parse_head(head: bytes, limits: Limits = LIMITS) -> Request | Response:
    """Everything before the empty line, as a message without its body."""
    first, *lines = unfolded(head)
    if len(head) > limits.line and (longest := max(map(len, lines), default=0)) > limits.line:
        raise TooLarge(f"a header line of {longest} bytes is over {limits.line}")
    if len(head) > limits.commas and (commas := head.count(b",")) > limits.commas:
        raise TooLarge(f"{commas} commas in the headers are more than {limits.commas}")
    return _message(text_of(first), Headers.parse(lines, limits))


def unfolded(head: bytes) -> list[bytes]:
    """The lines of a head; those that go on in the next one are joined (RFC 3261 §7.3.1), stray CRs are spaces."""
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    lines = head.split(b"\r\n")
    if not head.count(b"\n") == head.count(b"\r") == len(lines) - 1:
        lines = head.replace(b"\r\n", b"\n").replace(b"\r", b" ").split(b"\n")
    return lines


def parse_message(data: bytes, limits: Limits = LIMITS) -> Request | Response:
    """A whole datagram as a message (RFC 3261 §18.3: surplus bytes are dropped, missing ones are an error)."""
    if len(data) > limits.message:
        raise TooLarge(f"{len(data)} bytes are more than {limits.message}")
    data = data.lstrip(b"\r\n")
    end = end_of_head(data)
    if end is None:
        raise ParseError("there is no empty line after the headers")
    message = parse_head(data[: end[0]], limits)
    body = data[end[1] :]
    length = content_length(message.headers.all("Content-Length"))
    if length is not None and length > limits.message:
        raise TooLarge(f"a body of {length} bytes is more than {limits.message}")
    if length is not None and length > len(body):
        raise ParseError(f"Content-Length is {length}, but only {len(body)} bytes came")
    message.body = body if length is None else body[:length]
    return message


def end_of_head(data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """Where the headers end and where the body begins: around the first empty line, CRs or not."""
    at = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start, None if at < 0 else at + 1)
    if bare >= 0:
        return bare, bare + 2
    if at < 0:
        return None
    return at - (data[at - 1 : at] == b"\r"), at + 3


def content_length(values: list[str]) -> int | None:
    """What the Content-Length headers say; ParseError unless it is one number, None without any."""
    if not values:
        return None
    found = number(values[0], 999_999_999)
    if found is None or any(value != values[0] for value in values):
        raise ParseError(f"Content-Length {', '.join(values)[:40]!r} cannot be read")
    return found


def _message(line: str, headers: Headers) -> Request | Response:
    if line[:4].upper() == "SIP/":
        found = _STATUS.fullmatch(line)
        if found is None:
            raise ParseError(f"status line {line[:60]!r} cannot be read")
        return Response(headers, b"", int(found[1]), found[2] or "")
    parts = line.split()  # more than one space between them is tolerated
    method, uri, version = parts if len(parts) == 3 else ("", "", "")
    if not TOKEN.fullmatch(method) or not _VERSION.fullmatch(version):
        raise ParseError(f"start line {line[:60]!r} cannot be read")
    if version[4:] != "2.0":
        raise BadVersion(f"{version[:20]} is not supported")
    return Request(headers, b"", method, Uri.parse_any(uri).without_headers())
