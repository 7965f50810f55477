"""Digest challenges of ours, and the credentials that answer them (RFC 7616 §3.3, RFC 8760).

A nonce carries its time and our seal, so that nothing is kept for those who never answer; for those who did, the
highest count of each nonce is kept, and a request that repeats one is asked again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sip.digest import parse_fields, raw, response_of
from sip.errors import ParseError
from sip.grammar import quote
from sip.message import Request

if TYPE_CHECKING:
    from random import Random

LIFE = 300.0  # seconds of a nonce
KEPT = 65536  # nonces whose counts are kept: a minute of a thousand logins a second
NEEDED = ("username", "realm", "nonce", "uri", "response")
ONCE = 1 << 32  # the count of a nonce that was used without one: no number is above it


@dataclass(frozen=True, slots=True)
class Verdict:
    """`user` has shown its password; or nobody has, `why`, and the next challenge is to say `stale` or not."""

    user: str | None = None
    stale: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """An Authorization or Proxy-Authorization value (RFC 7616 §3.4)."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str
    count: str  # eight hex digits, empty without qop
    cnonce: str

    @classmethod
    def parse(cls, text: str) -> Claim:
        """ParseError for another scheme or form, and for a qop that we never offer."""
        scheme, _, rest = text.strip().partition(" ")
        if scheme.lower() != "digest":
            raise ParseError(f"authentication scheme {scheme[:20]!r} is not supported")
        fields = parse_fields(rest)
        if missing := [name for name in NEEDED if name not in fields]:
            raise ParseError(f"digest credentials without {missing[0]}")
        qop, count = fields.get("qop", "").lower(), fields.get("nc", "")
        if qop not in ("", "auth") or (qop and not (len(count) == 8 and _is_hex(count) and fields.get("cnonce"))):
            raise ParseError("digest credentials with a qop, nc or cnonce that cannot be")
        username, realm, nonce, uri, response = (fields[name] for name in NEEDED)
        algorithm, cnonce = fields.get("algorithm", "MD5").upper(), fields.get("cnonce", "")
        return cls(username, realm, nonce, uri, response, algorithm, count if qop else "", cnonce)


class Challenger:
    """All challenges of one realm. `algorithms`: what is offered and accepted, strongest first."""

    def __init__(self, realm: str, random: Random, algorithms: Iterable[str] = ("SHA-256", "MD5")) -> None:
        self.realm = realm
        self._algorithms = tuple(algorithms)
        self._random = random
        self._key = random.randbytes(32)
        self._counts: dict[str, int] = {}
        self._since = float("-inf")  # nonces made before are not accepted any more

    def values(self, now: float, *, stale: bool = False) -> list[str]:
        """The WWW-Authenticate values of a 401, one per algorithm (RFC 8760 §2.4: most preferred first)."""
        nonce = self._nonce(now)
        more = ", stale=true" if stale else ""
        return [
            f'Digest realm={quote(self.realm)}, nonce="{nonce}", algorithm={algorithm}, qop="auth"{more}'
            for algorithm in self._algorithms
        ]

    def claimed(self, request: Request) -> str | None:
        """The user that a request's credentials for our realm name, for whoever has to ask for its password."""
        given = self._given(request)
        return given.username if isinstance(given, Claim) else None

    def verify(self, request: Request, password: Callable[[str], str | None], now: float) -> Verdict:
        """Whether a request's Authorization shows the password of its user; `password` is None for unknown users.

        The digest's URI may differ from the Request-URI, which proxies rewrite: what keeps credentials from being used
        for another request is that each count of a nonce is good once.
        """
        given = self._given(request)
        if isinstance(given, Verdict):
            return given
        secret = password(given.username)
        right = response_of(
            given.algorithm, given.username, self.realm, secret if secret is not None else "", given.nonce,
            request.method, given.uri, (given.count, given.cnonce) if given.count else None,
        )  # fmt: skip
        if not hmac.compare_digest(right.encode(), raw(given.response.lower())) or secret is None:
            return Verdict(why=f"wrong password or unknown user {given.username[:40]!r}")
        return self._used(given, now) or Verdict(given.username)

    def _given(self, request: Request) -> Claim | Verdict:
        """The credentials for our realm."""
        why = "no credentials"
        for value in request.headers.all("Authorization"):
            try:
                found = Claim.parse(value)
            except ParseError as error:
                why = str(error)
                continue
            if found.realm == self.realm and found.algorithm in self._algorithms:
                return found
            why = f"credentials for realm {found.realm[:40]!r} and algorithm {found.algorithm[:20]!r}"
        return Verdict(why=why)

    def _used(self, given: Claim, now: float) -> Verdict | None:
        """Takes note of a nonce's use; a verdict where the nonce is not ours, too old, or was used so before."""
        made = self._made_at(given.nonce)
        if made is None or not now - LIFE <= made <= now or made < self._since:
            return Verdict(stale=True, why="the nonce is not ours, or too old")
        count = int(given.count, 16) if given.count else ONCE
        if count <= self._counts.get(given.nonce, 0):
            return Verdict(stale=True, why=f"count {count} of the nonce was used before")
        if given.nonce not in self._counts and len(self._counts) >= KEPT:
            self._forget(now)
        self._counts[given.nonce] = count
        return None

    def _forget(self, now: float) -> None:
        """Drops the counts of nonces that are over; all of them, and every nonce so far, where that is not enough."""
        living = (one for one in self._counts.items() if (self._made_at(one[0]) or 0.0) >= now - LIFE)
        self._counts = dict(living)
        if len(self._counts) >= KEPT:
            self._counts, self._since = {}, now

    def _nonce(self, now: float) -> str:
        made = f"{int(now * 1000):x}.{self._random.getrandbits(64):016x}"
        return f"{made}.{self._seal(made)}"

    def _seal(self, made: str) -> str:
        return hmac.new(self._key, raw(f"{made}|{self.realm}"), "sha256").hexdigest()[:32]

    def _made_at(self, nonce: str) -> float | None:
        """Seconds; None unless the nonce is one of ours."""
        made, _, seal = nonce.rpartition(".")
        if not hmac.compare_digest(self._seal(made).encode(), raw(seal)):
            return None
        return int(made.partition(".")[0], 16) / 1000


def _is_hex(text: str) -> bool:
    return all(one in "0123456789abcdefABCDEF" for one in text)
