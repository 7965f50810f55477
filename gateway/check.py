"""`trunkline twiml check`: what a call would warn of in a document, a line each, for editors and for CI."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode

from twiml import document
from twiml.errors import TwimlError, Warning

SECONDS = 15.0  # what a call waits for a document
OK, FAULTY, UNREADABLE = 0, 1, 2
NOT_BY_GET = 405
CALL = {  # what an app may count on when a call comes in
    "CallSid": f"CA{0:032}", "AccountSid": f"AC{0:032}", "From": "+15555550199", "Caller": "+15555550199",
    "To": "+15555550100", "Called": "+15555550100", "CallStatus": "ringing", "Direction": "inbound",
    "ApiVersion": "2010-04-01",
}  # fmt: skip


def run(source: str, *, strict: bool) -> int:
    """Checks a file, a URL or standard input (`-`); the exit status: 1 where it cannot be run, 2 where not read.

    `strict`: warnings count as errors.
    """
    try:
        body, kind = _read(source)
    except (OSError, ValueError) as error:
        print(f"trunkline: {source}: {error}", file=sys.stderr)
        return UNREADABLE
    try:
        found = document.from_response(body, kind, source).warnings
    except TwimlError as error:
        print(line(source, error))
        return FAULTY
    for warning in found:
        print(line(source, warning))
    return FAULTY if strict and found else OK


def line(source: str, fault: TwimlError | Warning) -> str:
    """`file:line:column: code message`."""
    kind = "error" if isinstance(fault, TwimlError) else "warning"
    message = fault.message if isinstance(fault, Warning) else str(fault)
    return f"{source}:{fault.line or 1}:{fault.column or 1}: {fault.code} {kind}: {message}"


def _read(source: str) -> tuple[bytes, str]:
    """The document and its content type; that of a file is XML."""
    if source == "-":
        return sys.stdin.buffer.read(), ""
    if not source.startswith(("http://", "https://")):
        return Path(source).read_bytes(), ""
    try:
        return _fetched(source, None)
    except HTTPError as error:
        if error.code != NOT_BY_GET:
            raise
        return _fetched(source, urlencode(CALL).encode())


def _fetched(url: str, form: bytes | None) -> tuple[bytes, str]:
    """By GET, or by POST with a form, as apps that take nothing else want it."""
    with urllib.request.urlopen(url, form, SECONDS) as answer:
        return answer.read(document.LARGEST + 1), answer.headers.get("Content-Type", "")
