"""Logs: JSON lines, or readable lines on a terminal, with the call SID in every record.

Marks at the start of a message: `<` received, `>` sent, `-` state, `x` end, `!` trouble.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

CALL: ContextVar[str] = ContextVar("call", default="")


@contextmanager
def call(sid: str) -> Iterator[None]:
    """Puts `sid` into each record that is logged inside, also by tasks started inside."""
    token = CALL.set(sid)
    try:
        yield
    finally:
        CALL.reset(token)


class _AddCall(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.call_sid = CALL.get()
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, call_sid, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "call_sid": getattr(record, "call_sid", ""),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Readable(logging.Formatter):
    """Time, the last digits of the call SID, message: for eyes."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        sid = getattr(record, "call_sid", "")[-6:]
        text = f"{when} {record.levelname[0]} {sid:6} {record.name}: {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def start(level: int = logging.INFO) -> None:
    """Sends all records to standard error: readable on a terminal, else JSON lines."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(Readable() if sys.stderr.isatty() else JsonLines())
    output.addFilter(_AddCall())
    logging.basicConfig(level=level, handlers=[output], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
