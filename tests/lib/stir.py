"""A telephone authority of the tests: signers' certificates with a TNAuthList, and what is signed with them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sip import passport
from sip.stir_certificates import TN_AUTH_LIST

YEAR = timedelta(days=365)


def tlv(tag: int, *content: bytes) -> bytes:
    """One element of DER."""
    body = b"".join(content)
    size = len(body).to_bytes(2, "big") if len(body) > 255 else bytes([len(body)])
    length = size if len(body) < 128 else bytes([0x80 + len(size)]) + size
    return bytes([tag]) + length + body


def auth_list(*entries: str | tuple[str, int]) -> bytes:
    """A TNAuthorizationList: `709J` is a provider, `12125550123` a number, (`12125550100`, 100) a range."""
    found = []
    for entry in entries:
        if isinstance(entry, tuple):
            count = entry[1].to_bytes(4, "big")
            found.append(tlv(0xA1, tlv(0x30, tlv(0x16, entry[0].encode()), tlv(0x02, count))))
        else:
            found.append(tlv(0xA2 if entry.isdigit() else 0xA0, tlv(0x16, entry.encode())))
    return tlv(0x30, *found)


class Signer:
    """A provider: its key, its certificate and what came with it."""

    def __init__(self, key: CertificateIssuerPrivateKeyTypes, *certificates: x509.Certificate) -> None:
        self.key = key
        self.certificates = certificates

    @property
    def pem(self) -> bytes:
        """What its URL answers."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.certificates)

    @property
    def key_pem(self) -> bytes:
        """Its private key."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, url: str, *, orig: str, dest: str, iat: datetime, attest: str = "A") -> str:
        """The Identity header of a call."""
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        origid, at = "123e4567-e89b-12d3-a456-426655440000", int(iat.timestamp())
        return passport.sign(self.key, url, attest=attest, origid=origid, orig=orig, dest=dest, iat=at)

    def claim(self, kind: str, url: str, claims: dict[str, object]) -> str:
        """An Identity header of any type with any claims."""
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        header: dict[str, object] = {"alg": "ES256", "ppt": kind, "typ": "passport", "x5u": url}
        signed = ".".join(_encoded(json.dumps(part, sort_keys=True).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))};info=<{url}>;ppt={kind}"


class Authority:
    """A root that holds for ten years around `now`."""

    def __init__(self, now: datetime, name: str = "STI root") -> None:
        self._now = now
        self._name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._certificate(name, self.key.public_key(), ca=True, start=now - 5 * YEAR, end=now + 5 * YEAR)

    @property
    def pem(self) -> bytes:
        """What `[stir] roots` has."""
        return self.root.public_bytes(Encoding.PEM)

    def signer(
        self,
        *entries: str | tuple[str, int],
        key: CertificateIssuerPrivateKeyTypes | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        more: Sequence[tuple[str, bytes]] = (),
    ) -> Signer:
        """A certificate with a TNAuthList of these entries (none: without one) and more extensions by OID."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        extensions = [(TN_AUTH_LIST.dotted_string, auth_list(*entries)), *more] if entries else [*more]
        made = self._certificate(
            "SHAKEN 709J", key.public_key(), start=start or self._now - YEAR, end=end or self._now + YEAR,
            more=extensions,
        )  # fmt: skip
        return Signer(key, made)

    def intermediate(self, *entries: str | tuple[str, int]) -> Authority:
        """An authority below this one, for these numbers only; its root is signed by this one's."""
        below = Authority(self._now, "STI intermediate")
        extensions = [(TN_AUTH_LIST.dotted_string, auth_list(*entries))] if entries else []
        below.root = self._certificate(
            below._name, below.key.public_key(), ca=True, start=self._now - YEAR, end=self._now + YEAR, more=extensions
        )
        return below

    def _certificate(
        self, name: str, public: object, *, start: datetime, end: datetime, ca: bool = False,
        more: Sequence[tuple[str, bytes]] = (),
    ) -> x509.Certificate:  # fmt: skip
        builder = x509.CertificateBuilder(
            issuer_name=_named(self._name), subject_name=_named(name), public_key=public,  # type: ignore[arg-type]
            serial_number=x509.random_serial_number(), not_valid_before=start, not_valid_after=end,
        )  # fmt: skip
        usage = x509.KeyUsage(not ca, *(False,) * 4, ca, ca, False, False)
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)  # type: ignore[arg-type]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        for oid, value in more:
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
