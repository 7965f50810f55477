"""The Replaces header (RFC 3891): a call that takes the place of another."""

from __future__ import annotations

from dataclasses import dataclass

from sip.errors import ParseError
from sip.grammar import lookup, parse_params
from sip.message import Request


@dataclass(frozen=True, slots=True)
class Replaces:
    """Which dialog: its Call-ID and tags as the one who gets it sees them (`to_tag` is ours)."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def of(cls, request: Request) -> Replaces | None:
        """That of an INVITE; ParseError where it cannot be read or there are two (RFC 3891 §3)."""
        values = request.headers.all("Replaces")
        if not values:
            return None
        if len(values) > 1:
            raise ParseError("an INVITE has at most one Replaces header")
        call_id, semicolon, rest = values[0].partition(";")
        params = parse_params(semicolon + rest)
        to_tag, from_tag = lookup(params, "to-tag"), lookup(params, "from-tag")
        if not call_id.strip() or to_tag is None or from_tag is None:
            raise ParseError("Replaces needs a Call-ID, to-tag and from-tag")
        return cls(call_id.strip(), to_tag, from_tag, lookup(params, "early-only") is not None)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"
