"""What can be wrong with a document: an error ends it, a warning is logged and something is done instead."""

from __future__ import annotations

from dataclasses import dataclass


class TwimlError(Exception):
    """The document cannot be run; `code` is Twilio's, `line` where it is (0: the whole)."""

    def __init__(self, code: int, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


@dataclass(frozen=True, slots=True)
class Warning:
    """Something was ignored or replaced; the sentence says what was done."""

    code: int
    message: str
    line: int
