"""What a call runs when its document cannot be had: the fallback URL, a document that was left for it, or an excuse."""

from __future__ import annotations

from gateway.calls.sources import Fetch, Inline, Source

MOST = 10  # a fallback that leads back to what failed would go round for ever


class Standby:
    """The fallback URL (webhooks.md §3), at any time of the call, and behind it the document of the number."""

    def __init__(self, fallback: Fetch | None, document: str) -> None:
        self.fallback = fallback
        self._document = Inline(document) if document else None
        self._last: Source | None = None
        self._count = 0

    def next(self, failed: Source, code: int, where: str) -> Source | None:
        """What follows `failed`; None where there is nothing left. `where`: its URL, empty where it had none."""
        self._count += 1
        if self._count > MOST or (self._last is failed and isinstance(failed, Inline)):
            return None
        if self.fallback is not None and self._last is not failed:
            params = {"ErrorCode": str(code), "ErrorUrl": where}
            self._last = Fetch(self.fallback.url, self.fallback.method, params)
        else:
            self._last = self._document
        return self._last
