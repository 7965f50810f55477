"""What can be wrong with a SIP message; each error carries the status that answers it.

SipError
├── ParseError            400  not a SIP message, or a header that cannot be read
├── BadVersion            505  a request of another SIP version
├── UnsupportedScheme     416  a Request-URI that is not sip, sips or tel
├── TooLarge              513  over a limit
├── IntervalTooBrief      423  a registration that would end too soon
├── FirstHopLacksOutbound 439  a flow that a proxy on the way does not keep
├── OutOfOrder            500  a registration that was overtaken by a later one
└── IdentityError         438  an Identity header that says nothing about this call
    └── UntrustedError    437  one that says something, but cannot be believed
"""

from __future__ import annotations


class SipError(Exception):
    """Their mistake, in one sentence; `status` answers it, with `headers`."""

    status = 400
    headers: tuple[tuple[str, str], ...] = ()


class ParseError(SipError):
    """Not a SIP message, or a header that cannot be read."""


class BadVersion(SipError):
    """A request of another SIP version (RFC 3261 §21.5.6)."""

    status = 505


class UnsupportedScheme(SipError):
    """A Request-URI that we cannot route (RFC 3261 §21.4.14)."""

    status = 416


class TooLarge(SipError):
    """Over a limit (RFC 3261 §21.5.7)."""

    status = 513


class IdentityError(SipError):
    """An Identity header that cannot be read, or that is about another call (RFC 8224 §6.2.2)."""

    status = 438


class UntrustedError(IdentityError):
    """A signature, or a certificate, that cannot be believed (RFC 8224 §6.2.2)."""

    status = 437


class IntervalTooBrief(SipError):
    """A registration that asks for less time than we grant (RFC 3261 §21.4.17)."""

    status = 423

    def __init__(self, least: int) -> None:
        super().__init__(f"a registration lasts {least} seconds at least")
        self.headers = (("Min-Expires", str(least)),)


class FirstHopLacksOutbound(SipError):
    """The first proxy on the way of a REGISTER keeps no flows (RFC 5626 §11.6)."""

    status = 439


class OutOfOrder(SipError):
    """A REGISTER with an older CSeq than the binding that it is for (RFC 3261 §10.3)."""

    status = 500
