"""Certificates of STIR (RFC 8226): the chain to a root, and the numbers that its TNAuthList speaks for.

Revocation lists are not looked at. A list that must be fetched by URL counts as none, and limits on claims (RFC 8226
§8) are not understood: such a certificate is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from sip.errors import UntrustedError

if TYPE_CHECKING:
    from datetime import datetime

TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
CLAIM_LIMITS = {x509.ObjectIdentifier(f"1.3.6.1.5.5.7.1.{last}") for last in (27, 33)}  # RFC 8226 §8, RFC 9118
DEPTH = 3  # intermediates: SHAKEN has one, delegation adds one (RFC 9060)
LONGEST = 8  # certificates in a file
UNREADABLE = (  # what `cryptography` says of certificates with flaws, wherever it comes upon them
    ValueError, TypeError, UnsupportedAlgorithm,
    x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType,
)  # fmt: skip

SEQUENCE, INTEGER, IA5 = 0x30, 0x02, 0x16
PROVIDER, RANGE, ONE = 0xA0, 0xA1, 0xA2  # TNEntry (RFC 8226 §9): explicit tags


@dataclass(frozen=True, slots=True)
class TnAuthList:
    """What a certificate speaks for: providers with whatever numbers they have, ranges, and single numbers."""

    providers: tuple[str, ...] = ()
    ranges: tuple[tuple[str, int], ...] = ()  # first number, how many
    numbers: tuple[str, ...] = ()

    def covers(self, number: str) -> bool:
        """Whether a canonical number is in the list. Which numbers a provider has is nowhere to be read: any."""
        return bool(self.providers) or number in self.numbers or any(_within(number, *one) for one in self.ranges)


def _within(number: str, first: str, count: int) -> bool:
    return number.isdigit() and len(number) == len(first) and 0 <= int(number) - int(first) < count


@dataclass(frozen=True, slots=True)
class Chain:
    """A signer's certificate and the intermediates that came with it."""

    leaf: x509.Certificate
    others: tuple[x509.Certificate, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Chain:
        """From PEM, the signer's first, or one certificate in DER; UntrustedError for anything else."""
        try:
            if b"-----BEGIN" not in data:
                return cls(x509.load_der_x509_certificate(data))
            leaf, *others = x509.load_pem_x509_certificates(data)
        except UNREADABLE:
            raise UntrustedError("what the certificate's URL leads to is no certificate") from None
        if len(others) >= LONGEST:
            raise UntrustedError(f"the certificate comes with {len(others)} others")
        return cls(leaf, tuple(others))

    def key(self, roots: Store, now: datetime, number: str) -> ec.EllipticCurvePublicKey:
        """The key of who may speak for a number now; UntrustedError where nobody vouches for that."""
        for certificate in self._path(roots, now):
            listed = tn_auth_list(certificate)
            if listed is None and certificate is self.leaf:
                raise UntrustedError("the certificate says neither for which provider nor for which numbers it is")
            if listed is not None and not listed.covers(number):
                raise UntrustedError(f"the certificate is not for {number}")
        try:
            key = self.leaf.public_key()
        except UNREADABLE:
            raise UntrustedError("the certificate's key cannot be read") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise UntrustedError("the certificate's key is not one of P-256")
        return key

    def _path(self, roots: Store, now: datetime) -> list[x509.Certificate]:
        """The certificates from the signer's to a root."""
        policy = PolicyBuilder().store(roots).time(now).max_chain_depth(DEPTH)
        policy = policy.extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
        try:
            return policy.build_client_verifier().verify(self.leaf, list(self.others)).chain
        except (VerificationError, *UNREADABLE) as error:
            raise UntrustedError(f"the certificate leads to no trusted root: {_reason(self, now, error)}") from None


def _reason(chain: Chain, now: datetime, error: Exception) -> str:
    """The dates by name, because they are the likely reason; else what the library says."""
    try:
        start, end = chain.leaf.not_valid_before_utc, chain.leaf.not_valid_after_utc
    except UNREADABLE:
        return "its dates cannot be read"
    if not start <= now <= end:
        return f"it holds from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    return str(error).partition("\n")[0][:200]


def roots(pem: bytes) -> Store:
    """The certificates that end a chain; ValueError where there are none."""
    return Store(x509.load_pem_x509_certificates(pem))


def tn_auth_list(certificate: x509.Certificate) -> TnAuthList | None:
    """The certificate's list, None without one; UntrustedError for one that cannot be read."""
    try:
        extensions = {one.oid: one.value for one in certificate.extensions}
    except UNREADABLE:
        raise UntrustedError("the certificate's extensions cannot be read") from None
    if not CLAIM_LIMITS.isdisjoint(extensions):
        raise UntrustedError("the certificate limits what may be claimed, which is not supported")
    found = extensions.get(TN_AUTH_LIST)
    if found is None:
        return None
    assert isinstance(found, x509.UnrecognizedExtension)
    return parse_list(found.value)


def parse_list(der: bytes) -> TnAuthList:
    """A TNAuthorizationList (RFC 8226 §9)."""
    providers, ranges, numbers = [], [], []
    for tag, value in _elements(_only(der, SEQUENCE)):
        if tag == PROVIDER:
            providers.append(_text(_only(value, IA5)))
        elif tag == RANGE:
            (first_tag, first), (count_tag, count), *_ = [*_elements(_only(value, SEQUENCE)), (0, b""), (0, b"")]
            if (first_tag, count_tag) != (IA5, INTEGER) or not _text(first).isdigit():
                raise UntrustedError("the certificate's range of numbers cannot be read")
            ranges.append((_text(first), int.from_bytes(count, "big", signed=True)))
        elif tag == ONE:
            numbers.append(_text(_only(value, IA5)))
        else:
            raise UntrustedError("the certificate's list of numbers has an entry of an unknown kind")
    return TnAuthList(tuple(providers), tuple(ranges), tuple(numbers))


def _only(der: bytes, tag: int) -> bytes:
    """The content of the one element, which has this tag."""
    found = _elements(der)
    if [one for one, _ in found] != [tag]:
        raise UntrustedError("the certificate's list of numbers cannot be read")
    return found[0][1]


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """DER taken apart, one level deep: tags of one byte, definite lengths (X.690 §8.1)."""
    found, at = [], 0
    while at < len(der):
        tag, more = der[at], der[at + 1 : at + 2]
        length, at = (more[0] if more else len(der)), at + 2
        if length > 0x80 and length <= 0x84:
            size = length - 0x80
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        elif length >= 0x80:
            length = len(der)
        if at + length > len(der):
            raise UntrustedError("the certificate's list of numbers is cut short")
        found.append((tag, der[at : at + length]))
        at += length
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise UntrustedError("the certificate's list of numbers has other letters than ASCII") from None
