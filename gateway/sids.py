"""SIDs: a two-letter prefix and 32 lower-case hex digits."""

from __future__ import annotations

import re
from random import Random

_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


class Sids:
    """Makes SIDs and tokens from a source of chance."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def new(self, prefix: str) -> str:
        """A fresh SID."""
        return f"{prefix}{self._random.getrandbits(128):032x}"

    def token(self) -> str:
        """32 hex digits: an idempotency token, an auth token."""
        return f"{self._random.getrandbits(128):032x}"


def is_sid(text: str, prefix: str) -> bool:
    """Whether `text` is a SID of this kind."""
    return text.startswith(prefix) and _SID.fullmatch(text) is not None
