"""Why a request of ours failed, in Twilio's codes (twiml-voice.md: errors, 112xx)."""

from __future__ import annotations


class FetchError(Exception):
    """A request that gave nothing usable; `code` is Twilio's, `status` the HTTP status if there was one."""

    def __init__(self, code: int, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
