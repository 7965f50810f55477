"""Who signs for a call that comes in (RFC 8224 §6.2, SHAKEN), as Twilio's StirVerstat says it. Pure.

`examine` reads what came and says which certificates are needed; `judge` gets them and has the verdict. Nothing here
refuses a call. What cannot be read or is about another call is `No-TN-Validation`, what cannot be believed
`TN-Validation-Failed`, with the level that it claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.x509.verification import Store

from sip.errors import IdentityError, UntrustedError
from sip.passport import DIV, SHAKEN, Passport, canonical, read
from sip.stir_certificates import Chain

if TYPE_CHECKING:
    from datetime import datetime

FRESH = 60  # seconds around iat (RFC 8224 §6.2 step 4)
MOST = 8  # Identity headers: the caller's, and one for each time that the call was sent on
NONE, PASSED, FAILED = "No-TN-Validation", "TN-Validation-Passed", "TN-Validation-Failed"
LEVELS = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that came in: its Identity headers, and the numbers that it is shown with, E.164."""

    identities: tuple[str, ...]
    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict in Twilio's words, the caller's PASSporT, and what is wrong with it."""

    verstat: str
    token: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class CertificatesNeeded:
    """Fetch these, then `judge`. `passports`: the caller's, then those of who sent the call on, in their order."""

    passports: tuple[Passport, ...]

    @property
    def urls(self) -> tuple[str, ...]:
        """What is to be fetched, each once."""
        return tuple(dict.fromkeys(one.url for one in self.passports))

    def verdict(self, passed: str, why: str = "") -> Verdict:
        """The verdict at the level that the caller's PASSporT claims."""
        caller = self.passports[0]
        level = f"-{caller.attest}" if caller.attest in LEVELS else ""
        diverted = "-Diverted" if level and len(self.passports) > 1 else ""
        return Verdict(f"{passed}{level}{diverted}", caller.token, why)


def examine(claim: Claim, now: datetime) -> CertificatesNeeded | Verdict:
    """Reads the Identity headers of a call that has some."""
    token = ""
    try:
        found = _read(claim.identities)
        signed = [one for one in found if one.type == SHAKEN]
        if not signed:
            raise IdentityError("there is no PASSporT of SHAKEN")
        token = signed[0].token
        caller = _of_caller(signed, claim.caller)
        needed = CertificatesNeeded((caller, *_way(caller, found, canonical(claim.called))))
        for one in needed.passports:
            if abs(int(now.timestamp()) - one.iat) > FRESH:
                raise IdentityError(f"the PASSporT was not made within the last {FRESH} s")
    except IdentityError as error:
        return Verdict(NONE, token, str(error))
    return needed


def _read(identities: Sequence[str]) -> list[Passport]:
    if len(identities) > MOST:
        raise IdentityError(f"{len(identities)} Identity headers are more than {MOST}")
    return [one for one in map(read, identities) if one is not None]


def _of_caller(signed: Sequence[Passport], caller: str) -> Passport:
    number = canonical(caller)
    for one in signed:
        if one.orig == number:
            return one
    raise IdentityError(f"the PASSporT is of {signed[0].orig}, the call of {number}")


def _way(caller: Passport, found: Sequence[Passport], called: str) -> list[Passport]:
    """The PASSporTs that lead from whom the caller called to whom the call is for (RFC 8946 §5)."""
    way: list[Passport] = []
    dest, left = caller.dest, [one for one in found if one.type == DIV and one.orig == caller.orig]
    while called not in dest:
        step = next((one for one in left if one.div in dest), None)
        if step is None:
            raise IdentityError(f"the PASSporT is for {', '.join(dest) or 'no number'}, the call for {called}")
        way.append(step)
        left.remove(step)
        dest = step.dest
    return way


def judge(needed: CertificatesNeeded, certificates: Mapping[str, Chain], roots: Store, now: datetime) -> Verdict:
    """The verdict, with the certificates that could be had, by URL."""
    try:
        for one in needed.passports:
            _believe(one, certificates.get(one.url), roots, now)
        if needed.passports[0].attest not in LEVELS:
            raise UntrustedError("attest of the PASSporT is not A, B or C")
    except UntrustedError as error:
        return needed.verdict(FAILED, str(error))
    return needed.verdict(PASSED)


def _believe(passport: Passport, chain: Chain | None, roots: Store, now: datetime) -> None:
    """UntrustedError unless it is signed by who may speak for its number: the caller's, or who sent the call on."""
    if passport.algorithm != "ES256":
        raise UntrustedError(f"the PASSporT is signed with {passport.algorithm[:20]!r}, not with ES256")
    if chain is None:
        raise UntrustedError(f"the certificate {passport.url[:200]} cannot be had")
    passport.check(chain.key(roots, now, passport.div or passport.orig))
