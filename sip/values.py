"""Header values: one frozen value per kind, each with `parse` and `str`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from sip.errors import ParseError
from sip.grammar import (
    HOST,
    QUOTED,
    TOKEN,
    Params,
    bare_host,
    lookup,
    number,
    parse_params,
    print_params,
    quote,
    split_list,
    unquote,
)
from sip.uri import Uri

_VIA = re.compile(
    rf"[Ss][Ii][Pp]\s*+/\s*+2\.0\s*+/\s*+({TOKEN.pattern})\s++({HOST.pattern})\s*+(?::\s*+([0-9]{{1,5}})\s*+)?(;.*+)?",
    re.S,
)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """From, To, Contact, Route …: a display name, a URI, parameters (RFC 3261 §20.10)."""

    uri: Uri
    display: str = ""
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """A name-addr or an addr-spec; UnsupportedScheme for another URI than SIP, SIPS or tel."""
        found = cls.parse_any(text)
        found.uri.check()
        return found

    @classmethod
    @lru_cache(512)  # a call's messages name the same few
    def parse_any(cls, text: str) -> NameAddr:
        """One of whatever scheme; without brackets the parameters are the header's, not the URI's."""
        text = text.strip()
        display, bracket, rest = _display(text)
        if not bracket:
            bare, semicolon, params = text.partition(";")
            return cls(Uri.parse_any(bare), "", parse_params(semicolon + params))
        uri, bracket, params = rest.partition(">")
        if not bracket:
            raise ParseError(f"the bracket in {text[:80]!r} is not closed")
        return cls(Uri.parse_any(uri), display, parse_params(params.strip()))

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
        found = _VIA.fullmatch(text.strip())
        if found is None:
            raise ParseError(f"Via {text[:80]!r} cannot be read")
        transport, host, digits, params = found.groups()
        port = number(digits, 65535) if digits else None
        if digits and not port:
            raise ParseError(f"Via port {digits} is out of range")
        return cls(transport.upper(), bare_host(host), port, parse_params(params) if params else ())

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
        if lookup(self.params, "rport") is not None:
            params = [("rport", str(port)) if p[0] == "rport" else p for p in params]
            params.append(("received", ip))
        elif self.host != ip:
            params.append(("received", ip))
        return (
            self
            if len(params) == len(self.params) and params == list(self.params)
            else replace(self, params=tuple(params))
        )

    def reply_address(self) -> tuple[str, int]:
        """Where a response goes (RFC 3261 §18.2.2, RFC 3581 §4)."""
        host = lookup(self.params, "received") or lookup(self.params, "maddr") or self.host
        port = number(lookup(self.params, "rport") or "", 65535) or self.port or 5060
        return host.strip("[]"), port  # with brackets, too: RFC 5118 §4.5


@dataclass(frozen=True, slots=True)
class CSeq:
    """Number and method (RFC 3261 §20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """ParseError also for a number of 2**31 or more."""
        digits, method = [*text.split(None, 1), "", ""][:2]
        found = number(digits, 2**31 - 1)
        if found is None or TOKEN.fullmatch(method := method.strip()) is None:
            raise ParseError(f"CSeq {text[:40]!r} cannot be read")
        return cls(found, method)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def _display(text: str) -> tuple[str, str, str]:
    """Display name, the bracket (empty where there is none), what follows it. Missing quotes are inferred."""
    if text[:1] != '"':
        display, bracket, rest = text.partition("<")
        return display.rstrip(), bracket, rest
    found = QUOTED.match(text)
    rest = text[found.end() :].lstrip() if found is not None else ""
    if found is None or rest[:1] != "<":
        raise ParseError(f"the display name of {text[:80]!r} cannot be read")
    return unquote(found[0]), "<", rest[1:]
