"""Why a request was sent: the Reason header (RFC 3326)."""

from __future__ import annotations

from dataclasses import dataclass

from sip.errors import ParseError
from sip.grammar import lookup, parse_params, quote, split_list
from sip.message import Message


@dataclass(frozen=True, slots=True)
class Reason:
    """`SIP;cause=200;text="Call completed elsewhere"`; a cause of 0 where none is given."""

    protocol: str
    cause: int = 0
    text: str = ""

    @classmethod
    def of(cls, message: Message) -> Reason | None:
        """The first reason of a message that can be read; what cannot explains nothing and breaks nothing."""
        for value in message.headers.all("Reason"):
            for item in split_list(value):
                protocol, semicolon, rest = item.partition(";")
                try:
                    params = parse_params(semicolon + rest)
                except ParseError:
                    continue
                cause = lookup(params, "cause") or ""
                number = int(cause) if cause.isascii() and cause.isdigit() and len(cause) <= 4 else 0
                return cls(protocol.strip(), number, lookup(params, "text") or "")
        return None

    def __str__(self) -> str:
        cause = f";cause={self.cause}" if self.cause else ""
        text = f";text={quote(self.text)}" if self.text else ""
        return f"{self.protocol}{cause}{text}"
