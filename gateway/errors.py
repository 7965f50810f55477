"""Twilio's error codes as answers of the REST API."""

from __future__ import annotations

from collections.abc import Mapping

MORE = "https://www.twilio.com/docs/errors"


class ApiError(Exception):
    """An error answer: HTTP status, Twilio's code, a sentence, and headers that go with it."""

    def __init__(self, status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def body(self) -> dict[str, object]:
        """As Twilio writes it."""
        return {"code": self.code, "message": str(self), "more_info": f"{MORE}/{self.code}", "status": self.status}


def not_found(path: str) -> ApiError:
    """404 / 20404."""
    return ApiError(404, 20404, f"The requested resource {path} was not found")


def invalid(name: str, reason: str, code: int = 20001) -> ApiError:
    """400 for a parameter."""
    return ApiError(400, code, f"Invalid parameter {name}: {reason}")
