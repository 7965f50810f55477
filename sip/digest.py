"""Digest credentials for a challenge (RFC 7616, RFC 8760, RFC 3261 §22)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sip.errors import ParseError
from sip.grammar import QUOTED, quote, unquote

_FIELD = re.compile(rf'([A-Za-z0-9\-]++)\s*+=\s*+({QUOTED.pattern}|[^\s,"]++)\s*+(?:,|$)\s*+', re.S)

# strongest first; hashlib's names
ALGORITHMS = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}


@dataclass(frozen=True, slots=True)
class Challenge:
    """A WWW-Authenticate or Proxy-Authenticate value that we can answer."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: bool = False  # `auth` was offered
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """ParseError for another scheme, algorithm or form."""
        scheme, _, rest = text.strip().partition(" ")
        if scheme.lower() != "digest":
            raise ParseError(f"authentication scheme {scheme!r} is not supported")
        fields = parse_fields(rest)
        algorithm = fields.get("algorithm", "MD5").upper()
        if algorithm not in ALGORITHMS:
            raise ParseError(f"digest algorithm {algorithm!r} is not supported")
        if "realm" not in fields or "nonce" not in fields:
            raise ParseError("a digest challenge needs realm and nonce")
        offered = [word.strip() for word in fields.get("qop", "").lower().split(",") if word.strip()]
        if offered and "auth" not in offered:
            raise ParseError(f"digest qop {fields['qop']!r} is not supported")
        return cls(
            fields["realm"], fields["nonce"], algorithm, bool(offered), fields.get("opaque"),
            fields.get("stale", "").lower() == "true",
        )  # fmt: skip


def parse_fields(text: str) -> dict[str, str]:
    """`name="value", name=value` as a dictionary with names in lower case."""
    fields, at, text = {}, 0, text.strip()
    while at < len(text):
        found = _FIELD.match(text, at)
        if found is None:
            raise ParseError(f"digest fields {text[at : at + 40]!r} cannot be read")
        fields[found[1].lower()] = unquote(found[2])
        at = found.end()
    return fields


def strongest(values: Iterable[str]) -> Challenge | None:
    """The best challenge that we can answer (RFC 8760 §2.4), None when there is none."""
    found = []
    for value in values:
        try:
            found.append(Challenge.parse(value))
        except ParseError:
            continue
    order = list(ALGORITHMS)
    return min(found, key=lambda challenge: order.index(challenge.algorithm), default=None)


def answer(
    challenge: Challenge, username: str, password: str, method: str, uri: str, cnonce: str, count: int = 1
) -> str:
    """The Authorization or Proxy-Authorization value (RFC 7616 §3.4)."""

    fields = {
        "username": quote(username),
        "realm": quote(challenge.realm),
        "nonce": quote(challenge.nonce),
        "uri": quote(uri),
        "algorithm": challenge.algorithm,
    }
    counted = (f"{count:08x}", cnonce) if challenge.qop else None
    algorithm, realm, nonce = challenge.algorithm, challenge.realm, challenge.nonce
    fields["response"] = quote(response_of(algorithm, username, realm, password, nonce, method, uri, counted))
    if counted is not None:
        fields |= {"qop": "auth", "nc": counted[0], "cnonce": quote(cnonce)}
    if challenge.opaque is not None:
        fields["opaque"] = quote(challenge.opaque)
    return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())


def response_of(
    algorithm: str, username: str, realm: str, password: str, nonce: str, method: str, uri: str,
    counted: tuple[str, str] | None,
) -> str:  # fmt: skip
    """The `response` of credentials in hex (RFC 7616 §3.4.1); `counted`: nc and cnonce, with qop=auth."""

    def digest(text: str) -> str:
        return hashlib.new(ALGORITHMS[algorithm], raw(text)).hexdigest()

    secret, request = digest(f"{username}:{realm}:{password}"), digest(f"{method}:{uri}")
    middle = nonce if counted is None else f"{nonce}:{counted[0]}:{counted[1]}:auth"
    return digest(f"{secret}:{middle}:{request}")


def raw(text: str) -> bytes:
    """Text of a message as the bytes that came."""
    return text.encode("utf-8", "surrogateescape")
