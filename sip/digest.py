"""Digest credentials for a challenge (RFC 7616, RFC 8760, RFC 3261 §22)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sip.errors import ParseError
from sip.grammar import quote, unquote

_FIELD = re.compile(r'([A-Za-z0-9\-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)\s*(?:,|$)\s*')

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

    def digest(text: str) -> str:
        return hashlib.new(ALGORITHMS[challenge.algorithm], text.encode()).hexdigest()

    secret = digest(f"{username}:{challenge.realm}:{password}")
    request = digest(f"{method}:{uri}")
    fields = {
        "username": quote(username),
        "realm": quote(challenge.realm),
        "nonce": quote(challenge.nonce),
        "uri": quote(uri),
        "algorithm": challenge.algorithm,
    }
    if challenge.qop:
        nc = f"{count:08x}"
        fields["response"] = quote(digest(f"{secret}:{challenge.nonce}:{nc}:{cnonce}:auth:{request}"))
        fields |= {"qop": "auth", "nc": nc, "cnonce": quote(cnonce)}
    else:
        fields["response"] = quote(digest(f"{secret}:{challenge.nonce}:{request}"))
    if challenge.opaque is not None:
        fields["opaque"] = quote(challenge.opaque)
    return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())
