"""What can be wrong with a SIP message; each error carries the status that answers it.

SipError
├── ParseError            400  not a SIP message, or a header that cannot be read
├── BadVersion            505  a request of another SIP version
├── UnsupportedScheme     416  a Request-URI that is not sip, sips or tel
├── TooLarge              513  over a limit
└── IdentityError         438  an Identity header that says nothing about this call
    └── UntrustedError    437  one that says something, but cannot be believed
"""

from __future__ import annotations


class SipError(Exception):
    """Their mistake, in one sentence; `status` answers it."""

    status = 400


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
