"""Temporary GRUUs (RFC 5627 §3.1.2): names of a device that tell nobody whose it is, and end with its registration.

Who it is, and which device with which Call-ID, is in the name, encrypted: nothing has to be kept, a restart changes
nothing, and no two names of a device can be seen to be of one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from random import Random

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sip.bindings import Binding
from sip.uri import Uri

PREFIX = "tgruu."
NONCE, MARK = 12, 16  # bytes


@dataclass(frozen=True, slots=True)
class Temporary:
    """What a temporary GRUU says: a user, and the mark of one of the user's registrations."""

    user: str
    mark: bytes

    def reached(self, bindings: tuple[Binding, ...]) -> tuple[Binding, ...]:
        """The device's; none when its newest registration has another Call-ID (RFC 5627 §5.4)."""
        newest = {one.instance: mark(one) for one in bindings}
        return tuple(one for one in bindings if newest[one.instance] == self.mark == mark(one))


class Gruus:
    """Makes them and reads them. `key`: 32 bytes that stay the same."""

    def __init__(self, key: bytes, random: Random) -> None:
        self._cipher = AESGCM(key)
        self._random = random

    def make(self, address: Uri, binding: Binding) -> str:
        """A new one for a registered device; those made before hold on."""
        nonce = self._random.randbytes(NONCE)
        sealed = self._cipher.encrypt(nonce, mark(binding) + (address.user or "").encode(), address.host.encode())
        text = base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")
        return f"sip:{PREFIX}{text}@{address.host};gr"

    def read(self, user: str, host: str) -> Temporary | None:
        """What the user part of a URI says at this host; None where it is no name of ours."""
        text = user.removeprefix(PREFIX)
        if text == user:
            return None
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            plain = self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], host.encode())
        except (InvalidTag, binascii.Error, ValueError):
            return None
        return Temporary(plain[MARK:].decode(), plain[:MARK])


def mark(binding: Binding) -> bytes:
    """Tells the registrations of devices apart: another Call-ID, another mark."""
    return hashlib.sha256(f"{binding.instance}\n{binding.call_id}".encode("utf-8", "surrogateescape")).digest()[:MARK]
