"""A byte stream as messages (RFC 3261 §18.3): Content-Length says where each ends. Bounded, no I/O."""

from __future__ import annotations

import re

from sip.errors import ParseError, TooLarge
from sip.message import LIMITS, Limits

_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"(?:^|\n)(?:Content-Length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*(?=\r?\n|$)", re.I)


class Framer:
    """Takes what a connection received; gives whole messages as bytes. An error means that the stream is lost."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._buffer = bytearray()
        self._limits = limits
        self.pings = 0  # CRLF keep-alives that want a CRLF back (RFC 5626 §3.5.1)

    def receive(self, data: bytes) -> list[bytes]:
        """The messages that are complete now. ParseError without Content-Length, TooLarge over the limit."""
        self._buffer += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        self._skip_keepalives()
        end = _END.search(self._buffer)
        if end is None:
            if len(self._buffer) > self._limits.message:
                raise TooLarge(f"headers of more than {self._limits.message} bytes")
            return None
        length = _LENGTH.search(self._buffer, 0, end.start())
        if length is None:
            raise ParseError("a message on a stream needs a Content-Length")
        total = end.end() + int(length[1])
        if total > self._limits.message:
            raise TooLarge(f"a message of {total} bytes is over {self._limits.message}")
        if len(self._buffer) < total:
            return None
        message = bytes(self._buffer[:total])
        del self._buffer[:total]
        return message

    def _skip_keepalives(self) -> None:
        while self._buffer.startswith(b"\r\n"):
            self.pings += self._buffer.startswith(b"\r\n\r\n")
            del self._buffer[: 4 if self._buffer.startswith(b"\r\n\r\n") else 2]
