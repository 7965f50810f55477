"""TLS contexts from files, made anew when a file has changed: certificates are replaced without a restart."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. `ca`: who signs the certificates that peers must show us, beside the system's for servers.

    `names`: certificates and keys that clients see who ask for a name, in lower case, by SNI (RFC 6066 §3).
    """

    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    names: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)

    def of(self, name: str) -> TlsFiles:
        """What is shown to who asks for a name."""
        cert, key = self.names[name]
        return TlsFiles(cert, key, self.ca)

    def stamp(self) -> tuple[object, ...]:
        """Changes whenever a file does."""
        stats = [path.stat() for path in (self.cert, self.key, self.ca) if path is not None]
        return tuple((one.st_mtime_ns, one.st_ino, one.st_size) for one in stats)


class Contexts:
    """The contexts of a gateway; OSError (which ssl.SSLError is) for files that cannot be used at the start."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._client = _Fresh(files, _client)

    @property
    def can_serve(self) -> bool:
        """Whether there is a certificate of ours."""
        return self._files.cert is not None

    def client(self) -> ssl.SSLContext:
        """For connections that we open: the server's certificate is checked, ours is shown where there is one."""
        return self._client.current()

    def server(self, *, ask: bool) -> ssl.SSLContext:
        """For a listener; `ask`: peers must show a certificate, where there is a CA for it."""
        make = _server_with_ca if ask else _server
        fresh = _Fresh(self._files, make)
        named = {name: _Fresh(self._files.of(name), make) for name in self._files.names}
        for one in (fresh, *named.values()):
            one.current()  # files that cannot be used are an error now
        outer = make(self._files)

        def swap(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            connection.context = named.get((name or "").lower(), fresh).current()

        outer.sni_callback = swap  # called in every handshake, with a name or without
        return outer


def certified(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of a peer's checked certificate, in lower case: of its SubjectAltName, else its common name.

    A SIP URI counts as its domain (RFC 5922 §7.1).
    """
    if not certificate:
        return ()
    kinds = ("URI", "DNS", "IP Address")
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind in kinds]
    if not names:
        names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return tuple(name.lower().removeprefix("sips:").removeprefix("sip:") for name in names)


class _Fresh:
    """A context that follows its files. Files that do not fit (halfway through a change) leave it as it was."""

    def __init__(self, files: TlsFiles, make: Callable[[TlsFiles], ssl.SSLContext]) -> None:
        self._make = make
        self._files = files
        self._context: ssl.SSLContext | None = None
        self._stamp: tuple[object, ...] = ()

    def current(self) -> ssl.SSLContext:
        try:
            stamp = self._files.stamp()
            if self._context is None or stamp != self._stamp:
                self._context, self._stamp = self._make(self._files), stamp
        except OSError as error:
            if self._context is None:
                raise
            LOG.warning("! TLS files cannot be used, the earlier ones stay: %s", error)
        return self._context


def _server(files: TlsFiles) -> ssl.SSLContext:
    assert files.cert is not None, "a listener has a certificate"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.cert, files.key, password="")  # an encrypted key is an error, not a question
    return context


def _server_with_ca(files: TlsFiles) -> ssl.SSLContext:
    context = _server(files)
    if files.ca is not None:
        context.load_verify_locations(files.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _client(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca is not None:
        context.load_verify_locations(files.ca)
    if files.cert is not None:
        context.load_cert_chain(files.cert, files.key, password="")  # an encrypted key is an error, not a question
    return context
