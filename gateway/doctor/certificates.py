"""Are the certificates of the settings there, whole, and good for a while?"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from gateway.config import ConfigError, Settings
from gateway.doctor.finding import Finding, doubtful, fine, wrong
from gateway.trunks.stir import load_roots, load_signer

SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate file of a setting: when it holds, or why it cannot be used."""

    setting: str
    path: Path
    start: datetime | None = None
    end: datetime | None = None
    problem: str = ""

    @property
    def subject(self) -> str:
        return f"{self.setting} {self.path}"


def check(certificates: Sequence[Certificate], now: datetime) -> list[Finding]:
    """One finding each."""
    return [_judged(one, now) for one in certificates]


def _judged(one: Certificate, now: datetime) -> Finding:
    if one.problem or one.start is None or one.end is None:
        return wrong(one.subject, one.problem, f"correct {one.setting}")
    if now > one.end:
        return wrong(one.subject, f"has expired on {one.end:%Y-%m-%d}", "renew it")
    if now < one.start:
        return wrong(one.subject, f"holds only from {one.start:%Y-%m-%d} on", "see that the clock is right, or wait")
    if one.end - now < SOON:
        return doubtful(one.subject, f"expires on {one.end:%Y-%m-%d}", "renew it")
    return fine(one.subject, f"holds until {one.end:%Y-%m-%d}")


def gather(settings: Settings) -> list[Certificate]:
    """Reads them all."""
    found = []
    for setting, cert, key in (
        ("http.tls_cert", settings.http.tls_cert, settings.http.tls_key),
        ("sip.tls_cert", settings.sip.tls_cert, settings.sip.tls_key),
        *((f"sip.tls_names.{name}.cert", one.cert, one.key) for name, one in settings.sip.tls_names.items()),
    ):
        if cert is not None:
            found.append(_pair(setting, cert, key))
    if settings.sip.tls_ca is not None:
        found.append(_dates("sip.tls_ca", settings.sip.tls_ca))
    return found + _stir(settings)


def _pair(setting: str, cert: Path, key: Path | None) -> Certificate:
    dated = _dates(setting, cert)
    if dated.problem:
        return dated
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        return Certificate(setting, cert, problem=f"cannot be used with its key {key or cert}: {reason}")
    return dated


def _stir(settings: Settings) -> list[Certificate]:
    found = []
    for setting, path, load in (
        ("stir.roots", settings.stir.roots, lambda: load_roots(settings.stir)),
        ("stir.certificate", settings.stir.certificate, lambda: load_signer(settings.stir, settings.public_url, "")),
    ):
        if path is None:
            continue
        try:
            load()
        except ConfigError as error:
            found.append(Certificate(setting, path, problem=str(error)))
        else:
            found.append(_dates(setting, path))
    return found


def _dates(setting: str, path: Path) -> Certificate:
    """Of several certificates in a file the one that ends first."""
    try:
        loaded = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no certificate in PEM"
        return Certificate(setting, path, problem=f"cannot be read: {reason}")
    first = min(loaded, key=lambda one: one.not_valid_after_utc)
    return Certificate(setting, path, first.not_valid_before_utc, first.not_valid_after_utc)
