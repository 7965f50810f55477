"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966); those of other kinds are kept as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from sip.errors import ParseError, UnsupportedScheme
from sip.grammar import HOST, Params, bare_host, bounded, lookup, text_of

_CHAR = r"[^\x00-\x20\x7f<>\"@"  # what a part of a URI may be made of is said by what it may not
_URI = re.compile(
    rf"([Ss][Ii][Pp][Ss]?):(?:({_CHAR}:]*+)(?::({_CHAR}]*+))?@)?({HOST.pattern})(?::([0-9]{{1,5}}))?"
    rf"((?:;[^\x00-\x20\x7f<>\";?]*+)*+)(?:\?([^\x00-\x20\x7f<>\"]*+))?"
)
_OTHER = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):([^\x00-\x20\x7f<>\"]++)")
_USER_UNSAFE = re.compile(rb"[^A-Za-z0-9\-_.!~*'()&=+$,;?/]")
_PARAM_UNSAFE = re.compile(rb"[^A-Za-z0-9\-_.!~*'()\[\]/:&+$]")


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI taken apart. `user` is unescaped; for `tel:` the number is the user and the host is empty.

    Printed, it is what was read, character for character. Of another scheme, all behind the colon is the user.
    """

    scheme: str
    user: str | None
    host: str
    port: int | None = None
    params: Params = ()
    headers: str = ""
    password: str | None = None
    _text: str = field(default="", init=False, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Uri:
        """ParseError for what is no URI, UnsupportedScheme for one that is no SIP, SIPS or tel URI."""
        found = cls.parse_any(text)
        found.check()
        return found

    @classmethod
    @lru_cache(512)  # a call's messages name the same few
    def parse_any(cls, text: str) -> Uri:
        """A URI of whatever scheme; ParseError for what is none."""
        text = text.strip()
        found = _URI.fullmatch(text)
        uri = _other(text) if found is None else _sip(*found.groups())
        object.__setattr__(uri, "_text", text)
        return uri

    def check(self) -> None:
        """UnsupportedScheme unless it is a SIP, SIPS or tel URI."""
        if self.scheme not in ("sip", "sips", "tel"):
            raise UnsupportedScheme(f"URI scheme {self.scheme[:20]!r} is not supported")

    def __str__(self) -> str:
        if self._text:
            return self._text
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{self.user}{_printed(self.params)}"
        user = "" if self.user is None else escape(self.user)
        if self.password is not None:
            user += f":{self.password}"
        at = "@" if self.user is not None else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{at}{host}{port}{_printed(self.params)}{headers}"

    def param(self, name: str) -> str | None:
        """A parameter's value; the empty string for a flag, None when it is absent."""
        return lookup(self.params, name)

    @property
    def goes_to(self) -> str:
        """The host that requests are sent to (RFC 3261 §19.1.1: maddr)."""
        return self.param("maddr") or self.host

    @property
    def transport(self) -> str:
        """`udp`, `tcp`, … as the URI asks for it (RFC 3263 §4.1, without DNS)."""
        asked = self.param("transport")
        return asked.lower() if asked else ("tls" if self.scheme == "sips" else "udp")

    def with_user(self, user: str | None) -> Uri:
        """The same URI for another user."""
        return replace(self, user=user)

    def without_headers(self) -> Uri:
        """What may stand in a request line (RFC 3261 §19.1.1)."""
        if not self.headers and self.param("method") is None:
            return self
        return replace(self, headers="", params=tuple(p for p in self.params if p[0] != "method"))


def _sip(scheme: str, user: str | None, password: str | None, host: str, port: str, params: str, headers: str) -> Uri:
    if user is None and "@" in f"{params}{headers}":
        raise ParseError("what follows the @ of a SIP URI is no host")
    if port and not 0 < int(port) < 65536:
        raise ParseError(f"port {port} is out of range")
    return Uri(
        scheme.lower(),
        user if user is None else unescape(user),
        bare_host(host).lower(),
        int(port) if port else None,
        _pairs(params) if params else (),
        headers.replace("@", "%40") if headers else "",  # Replaces in a Refer-To comes like that
        password,
    )


def _other(text: str) -> Uri:
    found = _OTHER.fullmatch(text)
    if found is None or found[1].lower() in ("sip", "sips"):
        raise ParseError(f"{text[:80]!r} is not a SIP URI")
    scheme, rest = found[1].lower(), found[2]
    if scheme != "tel":
        return Uri(scheme, rest, "")
    digits, _, params = rest.partition(";")
    return Uri(scheme, digits, "", None, _pairs(params))


def _pairs(text: str) -> Params:
    pairs = []
    parts = text.split(";")
    bounded(len(parts))
    for part in parts:
        name, equals, value = part.partition("=")
        if part:
            pairs.append((unescape(name).lower(), unescape(value) if equals else None))
    return tuple(pairs)


def _printed(params: Params) -> str:
    names = [(_escape(name, _PARAM_UNSAFE), value) for name, value in params]
    return "".join(f";{n}" if value is None else f";{n}={_escape(value, _PARAM_UNSAFE)}" for n, value in names)


def unescape(text: str) -> str:
    """`%41` as `A`, once (RFC 3986 §2.4)."""
    if "%" not in text:
        return text
    return text_of(unquote_to_bytes(text.encode("utf-8", "replace")))


def escape(text: str) -> str:
    """What may not stand in a user part as `%XX`."""
    return _escape(text, _USER_UNSAFE)


def _escape(text: str, unsafe: re.Pattern[bytes]) -> str:
    return unsafe.sub(lambda found: b"%%%02X" % found[0][0], text.encode("utf-8", "replace")).decode()
