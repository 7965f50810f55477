"""Why a request of ours failed, in Twilio's codes (twiml-voice.md: errors, 112xx)."""

from __future__ import annotations

from enum import StrEnum

UNRESOLVED = 11210  # a host name has no address, or cannot be one


class Failure(StrEnum):
    """The kinds of failure that a URL's `rp` override names; `OTHER` is never retried."""

    CONNECT = "ct"
    READ = "rt"
    CLIENT = "4xx"
    SERVER = "5xx"
    OTHER = ""


BAD_HOST = 11210
URLS = (11100, 11240, 11243)  # no URL, and connection overrides that are none


def about(url: str, error: Exception) -> str:
    """`URL: why`; the URL once, where the reason names it already."""
    return str(error) if str(error).startswith(url) else f"{url}: {error}"


class FetchError(Exception):
    """A request that gave nothing usable; `code` is Twilio's, `status` the HTTP status if there was one."""

    def __init__(self, code: int, message: str, status: int = 0, kind: Failure = Failure.OTHER) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.kind = kind

    @property
    def is_of_the_url(self) -> bool:
        """Whether no request can be made for such a URL, today or ever."""
        return self.code in URLS or (self.code == BAD_HOST and self.kind is Failure.OTHER)

    @property
    def is_down(self) -> bool:
        """Whether another time may be better: nobody answered, or only that it cannot."""
        return self.kind in (Failure.CONNECT, Failure.READ) or self.status >= 500
