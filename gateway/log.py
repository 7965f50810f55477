"""Logs: JSON lines, or readable lines on a terminal, with the call SID in every record.

Marks at the start of a message: `<` received, `>` sent, `-` state, `x` end, `!` trouble.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

CALL: ContextVar[str] = ContextVar("call", default="")


class call:
    """Puts `sid` into each record that is logged inside, also by tasks started inside."""

    __slots__ = ("_sid", "_token")

    def __init__(self, sid: str) -> None:
        self._sid = sid

    def __enter__(self) -> None:
        self._token = CALL.set(self._sid)

    def __exit__(self, *_: object) -> None:
        CALL.reset(self._token)


_PASSWORD = re.compile(r"(?<=://)[^/\s?#@]*@")  # and the name before it

ENCODE = json.JSONEncoder(ensure_ascii=False).encode


def shown(text: str) -> str:
    """A line without the credentials of URLs."""
    return _PASSWORD.sub("…@", text) if "@" in text and "://" in text else text


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, call_sid, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "call_sid": CALL.get(),
            "message": shown(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = shown(self.formatException(record.exc_info))
        return ENCODE(line)


class Readable(logging.Formatter):
    """Time, the last digits of the call SID, message: for eyes."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        text = f"{when} {record.levelname[0]} {CALL.get()[-6:]:6} {record.name}: {shown(record.getMessage())}"
        return f"{text}\n{shown(self.formatException(record.exc_info))}" if record.exc_info else text


def start(level: int = logging.INFO) -> None:
    """Sends all records to standard error: readable on a terminal, else JSON lines.

    What no line shows is not collected: the caller's place, thread and process (logging's howto, "Optimization").
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(Readable() if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=level, handlers=[output], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
