"""What can be wrong with a document: an error ends it, a warning is logged and something is done instead."""

from __future__ import annotations

from dataclasses import dataclass


class TwimlError(Exception):
    """The document cannot be run; `code` is Twilio's, `line` and `column` (from 1) say where, 0: the whole."""

    def __init__(self, code: int, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Warning:
    """Something was ignored or replaced; the sentence says what was done. `line` and `column` count from 1."""

    code: int
    message: str
    line: int
    column: int = 0


def place(fault: TwimlError | Warning) -> str:
    """`line 3, column 5`, or nothing where it is the whole."""
    if not fault.line:
        return ""
    return f"line {fault.line}, column {fault.column}" if fault.column else f"line {fault.line}"
