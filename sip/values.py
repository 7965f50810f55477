"""Header values: one frozen value per kind, each with `parse` and `str`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sip.errors import ParseError
from sip.grammar import (
    HOST,
    TOKEN,
    Params,
    lookup,
    parse_params,
    print_params,
    quote,
    split_list,
    unquote,
)
from sip.uri import Uri

_VIA = re.compile(
    rf"\s*SIP\s*/\s*2\.0\s*/\s*({TOKEN.pattern})\s+({HOST.pattern})\s*(?::\s*(\d{{1,5}}))?\s*(;.*)?",
    re.I | re.S,
)
_CSEQ = re.compile(rf"\s*(\d{{1,10}})\s+({TOKEN.pattern})\s*")
_NAMED = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^<"]*?)\s*<\s*([^>]*?)\s*>\s*(;.*)?', re.S)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """From, To, Contact, Route …: a display name, a URI, parameters (RFC 3261 §20.10)."""

    uri: Uri
    display: str = ""
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """A name-addr or an addr-spec; without brackets the parameters are the header's, not the URI's."""
        found = _NAMED.fullmatch(text)
        if found is not None:
            return cls(Uri.parse(found[2]), unquote(found[1]), parse_params(found[3] or ""))
        bare, semicolon, params = text.strip().partition(";")
        return cls(Uri.parse(bare), "", parse_params(semicolon + params))

    @classmethod
    def parse_many(cls, text: str) -> list[NameAddr]:
        """A comma-separated list."""
        return [cls.parse(item) for item in split_list(text)]

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{print_params(self.params)}"

    @property
    def tag(self) -> str:
        """The dialog tag, empty when there is none."""
        return lookup(self.params, "tag") or ""

    def with_tag(self, tag: str) -> NameAddr:
        """The same with this tag."""
        return replace(self, params=(*(p for p in self.params if p[0] != "tag"), ("tag", tag)))


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of the way back (RFC 3261 §20.42, RFC 3581)."""

    transport: str
    host: str
    port: int | None = None
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> Via:
        """One Via value."""
        found = _VIA.fullmatch(text)
        if found is None:
            raise ParseError(f"Via {text[:80]!r} cannot be read")
        port = int(found[3]) if found[3] else None
        if port is not None and not 0 < port < 65536:
            raise ParseError(f"Via port {port} is out of range")
        return cls(found[1].upper(), found[2].strip("[]"), port, parse_params(found[4] or ""))

    @classmethod
    def parse_many(cls, text: str) -> list[Via]:
        """A comma-separated list."""
        return [cls.parse(item) for item in split_list(text)]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport} {host}{port}{print_params(self.params)}"

    @property
    def branch(self) -> str:
        """The transaction's name, empty for RFC 2543 peers."""
        return lookup(self.params, "branch") or ""

    def received_from(self, ip: str, port: int) -> Via:
        """With what the server adds: `received` where it differs, `rport` where it was asked for (RFC 3581 §4)."""
        params = [p for p in self.params if p[0] != "received"]
        asked = lookup(self.params, "rport") is not None
        if asked:
            params = [("rport", str(port)) if p[0] == "rport" else p for p in params]
        if asked or self.host != ip:
            params.append(("received", ip))
        return replace(self, params=tuple(params))

    def reply_address(self) -> tuple[str, int]:
        """Where a response goes (RFC 3261 §18.2.2, RFC 3581 §4)."""
        host = lookup(self.params, "received") or lookup(self.params, "maddr") or self.host
        port = lookup(self.params, "rport") or self.port or 5060
        return host, int(port)


@dataclass(frozen=True, slots=True)
class CSeq:
    """Number and method (RFC 3261 §20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """ParseError also for a number of 2**31 or more."""
        found = _CSEQ.fullmatch(text)
        if found is None or int(found[1]) >= 2**31:
            raise ParseError(f"CSeq {text[:40]!r} cannot be read")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"
