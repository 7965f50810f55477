"""A byte stream as messages (RFC 3261 §18.3): Content-Length says where each ends. Bounded, no I/O."""

from __future__ import annotations

import re

from sip.errors import ParseError, SipError, TooLarge
from sip.grammar import text_of
from sip.message import LIMITS, Limits, content_length, end_of_head, unfolded

_KEEPALIVES = re.compile(rb"(?:\r\n)*+")
_LENGTH = re.compile(rb"(?:Content-Length|l)[ \t]*+:(.*+)", re.I | re.S)


class Framer:
    """Takes what a connection received; gives whole messages as bytes.

    `lost` says why the stream cannot be read any more. What was whole before that is still given, and so are headers
    that do not say where their message ends: that is answered before the connection is closed (RFC 4475 §3.1.2.3).
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.lost: SipError | None = None
        self.pings = 0  # CRLF keep-alives that want a CRLF back (RFC 5626 §3.5.1)
        self._buffer = bytearray()
        self._limits = limits
        self._searched = 0  # up to here there is no end of the headers
        self._total = 0  # bytes of the message that is under way, once its headers are there

    def receive(self, data: bytes) -> list[bytes]:
        """The messages that are complete now."""
        if self.lost is not None:
            return []
        self._buffer += data
        messages = []
        try:
            while (message := self._next()) is not None:
                messages.append(message)
        except SipError as error:
            self.lost = error
            if self._total:
                messages.append(bytes(self._buffer[: self._total]))
        return messages

    def _next(self) -> bytes | None:
        if not self._total and not self._measured():
            return None
        if len(self._buffer) < self._total:
            return None
        message = bytes(self._buffer[: self._total])
        del self._buffer[: self._total]
        self._total = self._searched = 0
        return message

    def _measured(self) -> bool:
        """Whether the headers are there, and so the length of the message."""
        self._skip_keepalives()
        end = end_of_head(self._buffer, self._searched)
        if end is None:
            if len(self._buffer) > self._limits.message:
                raise TooLarge(f"headers of more than {self._limits.message} bytes")
            self._searched = max(0, len(self._buffer) - 3)
            return False
        self._total = end[1]
        total = end[1] + self._length(bytes(self._buffer[: end[0]]))
        if total > self._limits.message:
            raise TooLarge(f"a message of {total} bytes is over {self._limits.message}")
        self._total = total
        return True

    @staticmethod
    def _length(head: bytes) -> int:
        values = [text_of(found[1]).strip() for line in unfolded(head) if (found := _LENGTH.fullmatch(line))]
        length = content_length(values)
        if length is None:
            raise ParseError("a message on a stream needs a Content-Length")
        return length

    def _skip_keepalives(self) -> None:
        """A lone CRLF may be half of a ping, or one too many after a message: it waits for what follows."""
        if self._searched or self._buffer[:2] != b"\r\n":
            return
        found = _KEEPALIVES.match(self._buffer)
        assert found is not None, "it matches nothing, too"
        pairs, odd = divmod(found.end(), 4)
        self.pings += pairs
        alone = odd and bytes(self._buffer[found.end() : found.end() + 2]) not in (b"", b"\r")
        del self._buffer[: 4 * pairs + (2 if alone else 0)]
