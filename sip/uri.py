"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sip.errors import ParseError, UnsupportedScheme
from sip.grammar import HOST, Params, lookup

_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@:;?\s<>]*(?:;[^@:?\s<>]*)?(?:\?[^@:\s<>]*)?)(?::(?P<password>[^@\s<>]*))?@)?"
    rf"(?P<host>{HOST.pattern})(?::(?P<port>\d{{1,5}}))?(?P<params>(?:;[^;?\s<>]*)*)(?:\?(?P<headers>[^\s<>]*))?",
    re.I,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_USER_SAFE = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]")


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI taken apart. `user` is unescaped; for `tel:` the number is the user and the host is empty."""

    scheme: str
    user: str | None
    host: str
    port: int | None = None
    params: Params = ()
    headers: str = ""
    password: str | None = None

    @classmethod
    def parse(cls, text: str) -> Uri:
        """ParseError for what is no URI, UnsupportedScheme for one of another kind."""
        text = text.strip()
        if text[:4].lower() == "tel:":
            number, *params = text[4:].split(";")
            return cls("tel", number, "", None, _pairs(";".join(params)))
        found = _URI.fullmatch(text)
        if found is None:
            if _SCHEME.match(text) and not text.lower().startswith(("sip:", "sips:")):
                raise UnsupportedScheme(f"URI scheme {text.partition(':')[0]!r} is not supported")
            raise ParseError(f"{text[:80]!r} is not a SIP URI")
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 0 < port < 65536:
            raise ParseError(f"port {port} is out of range")
        user = found["user"]
        return cls(
            found["scheme"].lower(),
            unescape(user) if user is not None else None,
            found["host"].strip("[]").lower(),
            port,
            _pairs(found["params"][1:]),
            found["headers"] or "",
            found["password"],
        )

    def __str__(self) -> str:
        params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.params)
        if self.scheme == "tel":
            return f"tel:{self.user}{params}"
        user = "" if self.user is None else escape(self.user)
        if self.password is not None:
            user += f":{self.password}"
        at = "@" if self.user is not None else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{at}{host}{port}{params}{headers}"

    def param(self, name: str) -> str | None:
        """A parameter's value; the empty string for a flag, None when it is absent."""
        return lookup(self.params, name)

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
        return replace(self, headers="", params=tuple(p for p in self.params if p[0] != "method"))


def _pairs(text: str) -> Params:
    pairs = []
    for part in filter(None, text.split(";")):
        name, equals, value = part.partition("=")
        pairs.append((name.lower(), value if equals else None))
    return tuple(pairs)


def unescape(text: str) -> str:
    """`%41` as `A`."""
    if "%" not in text:
        return text
    raw = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    try:
        return raw.encode("latin-1").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return raw


def escape(text: str) -> str:
    """What may not stand in a user part as `%XX`."""
    return "".join(
        char if _USER_SAFE.fullmatch(char) else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in text
    )
