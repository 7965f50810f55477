"""TLS that does not say which name is wanted, `sni=n` (webhooks.md: overrides). The certificate has to have it."""

from __future__ import annotations

import ssl
from typing import Any

HOSTNAME_MISMATCH = 62  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH


class _Checked(ssl.SSLObject):
    """OpenSSL checks the name that it says; here it says none."""

    wanted = ""

    def do_handshake(self) -> None:
        """Raises SSLCertVerificationError where the certificate is another's."""
        super().do_handshake()
        if not is_for(self.getpeercert() or {}, self.wanted):
            error = ssl.SSLCertVerificationError(f"certificate is not valid for {self.wanted!r}")
            error.verify_code, error.verify_message = HOSTNAME_MISMATCH, str(error)
            raise error


class Nameless(ssl.SSLContext):
    """A client's context; `trusted`: the one whose roots it trusts, None for the system's."""

    sslobject_class = _Checked

    def __new__(cls, trusted: ssl.SSLContext | None) -> Nameless:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False  # by _Checked
        if trusted is None:
            made.load_default_certs()
        for root in trusted.get_ca_certs(binary_form=True) if trusted is not None else ():
            made.load_verify_locations(cadata=root)
        return made

    def wrap_bio(self, *given: Any, server_hostname: Any = None, **more: Any) -> ssl.SSLObject:
        """As ever, without the name."""
        made = super().wrap_bio(*given, **more)
        assert isinstance(made, _Checked)
        made.wanted = server_hostname
        return made


def is_for(certificate: Any, host: str) -> bool:
    """Whether a certificate has a host's name (RFC 6125 §6.4: the whole of it, or with `*` for its first label)."""
    host = host.rstrip(".").lower()
    wild = "*." + host.partition(".")[2]
    names = {value.lower() for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
    return host in names or (wild in names and host.count(".") > 1)
