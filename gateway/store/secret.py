"""Secrets at rest: tokens that sign are encrypted with a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from gateway.config import ConfigError


class SecretKey:
    """Seals and opens short texts (Fernet: AES-128-CBC with HMAC-SHA256), and makes tokens that nobody can guess."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key).digest()))

    @classmethod
    def load(cls, data_dir: Path) -> SecretKey:
        """From TRUNKLINE_SECRET_KEY, else DIR/secret.key (0600), which is made at first."""
        if key := os.environ.get("TRUNKLINE_SECRET_KEY"):
            return cls(key.encode())
        path = data_dir / "secret.key"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
        return cls(path.read_bytes())

    def key(self, purpose: str) -> bytes:
        """32 bytes to encrypt with, for the same purpose always the same."""
        return hmac.new(self._key, b"key " + purpose.encode(), hashlib.sha256).digest()

    def token(self, purpose: str) -> str:
        """64 bits as text, for the same purpose always the same."""
        return hmac.new(self._key, b"token " + purpose.encode(), hashlib.sha256).hexdigest()[:16]

    def seal(self, text: str) -> str:
        """Encrypts."""
        return self._fernet.encrypt(text.encode()).decode()

    @staticmethod
    def is_sealed(text: str) -> bool:
        """Whether it looks like what `seal` gives (a Fernet token: version 0x80, then 64 bits of time)."""
        return len(text) >= 100 and text.startswith("gAAAAA")

    def open(self, sealed: str) -> str:
        """Decrypts; ConfigError with another key."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            where = "TRUNKLINE_SECRET_KEY or secret.key of the data folder"
            raise ConfigError(f"the database was sealed with another key than {where}") from None
