"""What the log says of requests that are no HTTP: whoever can reach the port may send some, as many as he likes."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError


class Misread(logging.Filter):
    """Makes the web framework's error with a traceback one line: the mistake is the sender's, and answered 400."""

    def filter(self, record: logging.LogRecord) -> bool:
        """All are logged."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
            record.msg, record.args = "x request of %s cannot be read: %s", (*(record.args or ()), error.message[:200])
            record.exc_info = None
        return True


def logger() -> logging.Logger:
    """For the web framework."""
    found = logging.getLogger("gateway.http")
    if not found.filters:
        found.addFilter(Misread())
    return found
