"""The operating system's randomness, fetched a block at a time: a call needs it for a dozen tags, branches and SIDs."""

from __future__ import annotations

import os
from random import SystemRandom

BLOCK = 4096  # bytes


class Chance(SystemRandom):
    """As unpredictable as `SystemRandom`: no byte of a block is used twice."""

    _block = b""
    _used = 0

    def getrandbits(self, k: int) -> int:
        """`k` random bits; everything else of `Random` is made of these."""
        count = (k + 7) // 8
        if self._used + count > len(self._block):
            self._block, self._used = os.urandom(max(BLOCK, count)), 0
        taken = self._block[self._used : self._used + count]
        self._used += count
        return int.from_bytes(taken) >> (8 * count - k)

    def random(self) -> float:
        """A float of [0, 1) with 53 random bits."""
        return self.getrandbits(53) * 2.0**-53

    def randbytes(self, n: int) -> bytes:
        """`n` random bytes."""
        return self.getrandbits(8 * n).to_bytes(n)
