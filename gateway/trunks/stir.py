"""STIR/SHAKEN at the trunks: who signs for calls that come in, and our word for calls that go out.

A verdict never refuses a call: the app is told (`StirVerstat`, `StirPassportToken`; webhooks.md: incoming call).
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import Store

from gateway.clock import Clock
from gateway.config import ConfigError
from gateway.sections import Stir
from gateway.trunks.certificates import Certificates
from gateway.trunks.model import Trunk
from sip import passport, stir
from sip.errors import SipError
from sip.stir_certificates import Chain, roots, tn_auth_list

LOG = logging.getLogger(__name__)

CONTENT_TYPE = "application/pem-certificate-chain"  # RFC 8555 §9.1
HTTPS = "https://"


class Verifier:
    """Judges the Identity headers of calls. `roots` None: nobody is believed, because nobody said whom to believe."""

    def __init__(self, certificates: Certificates, trusted: Store | None, clock: Clock) -> None:
        self._certificates = certificates
        self._roots = trusted
        self._clock = clock

    async def told(self, claim: stir.Claim, *, hidden: bool) -> dict[str, str]:
        """What the app is told; nothing where the call has no Identity header. A hidden caller's token is kept back."""
        if not claim.identities:
            return {}
        verdict = await self._verdict(claim)
        LOG.info("- identity: %s%s", verdict.verstat, f": {verdict.why}" if verdict.why else "")
        params = {"StirVerstat": verdict.verstat}
        return params if hidden or not verdict.token else params | {"StirPassportToken": verdict.token}

    async def _verdict(self, claim: stir.Claim) -> stir.Verdict:
        if self._roots is None:
            return stir.Verdict(stir.NONE, "", "[stir] roots is not set")
        found = stir.examine(claim, self._clock.wall())
        if isinstance(found, stir.Verdict):
            return found
        certificates = await self._certificates.of(found.urls)
        return stir.judge(found, certificates, self._roots, self._clock.wall())


@dataclass(frozen=True, slots=True)
class Signer:
    """Our key and certificate. Others find the certificate behind `url`; `path` is where we serve it."""

    key: ec.EllipticCurvePrivateKey
    pem: bytes
    chain: Chain
    url: str
    path: str
    secret: str  # makes origids that say nothing about an account

    def sign(self, account_sid: str, attest: str, caller: str, called: str, clock: Clock) -> str:
        """The Identity header of a call between two numbers in E.164."""
        seed = hashlib.sha256(f"{self.secret} {account_sid}".encode()).digest()
        origid, iat = str(UUID(bytes=seed[:16], version=4)), int(clock.wall().timestamp())
        return passport.sign(self.key, self.url, attest=attest, origid=origid, orig=caller, dest=called, iat=iat)


def attested(trunk: Trunk, *, own: bool) -> str | None:
    """The level that a call gets: the trunk's, but A only for a number of the account (ATIS-1000074 §5.2.3)."""
    return "B" if trunk.attestation == "A" and not own else trunk.attestation


def load_roots(settings: Stir) -> Store | None:
    """The roots of `[stir] roots`; ConfigError where they cannot be read."""
    if settings.roots is None:
        return None
    try:
        return roots(settings.roots.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"stir.roots {settings.roots}: {_reason(error)}") from error


def load_signer(settings: Stir, public_url: str, secret: str) -> Signer | None:
    """Our signer, where `[stir]` has one; ConfigError where it cannot sign."""
    if settings.certificate is None or settings.key is None:
        return None
    pem = _read("certificate", settings.certificate)
    try:
        chain = Chain.parse(pem)
        listed = tn_auth_list(chain.leaf)
    except SipError as error:
        raise ConfigError(f"stir.certificate {settings.certificate}: {error}") from error
    if listed is None:
        raise ConfigError(
            f"stir.certificate {settings.certificate}: it has no TNAuthList (RFC 8226), nobody believes it"
        )
    path = f"/stir/{hashlib.sha256(pem).hexdigest()[:16]}.pem"
    url = settings.url or public_url + path
    if not url.startswith(HTTPS):
        raise ConfigError(f"stir.url: {url} is not https://: set it, or an http.public_url that is")
    return Signer(_key(settings.key, chain.leaf), pem, chain, url, path, secret)


def _key(path: Path, certificate: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(_read("key", path), None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"stir.key {path}: {_reason(error)}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"stir.key {path}: it is no key of P-256 (RFC 8225)")
    if key.public_key() != certificate.public_key():
        raise ConfigError(f"stir.key {path}: it is not the key of stir.certificate")
    return key


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"stir.{name} {path}: {error.strerror}") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).partition("\n")[0]
